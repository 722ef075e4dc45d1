// SPDX-License-Identifier: Apache-2.0
// Which tokens the administrator has taken back before their end. Broker only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include "common/error.hpp"

namespace dc::broker {

struct VerifiedToken;

struct Revocations {
  // By name: tokens issued before that second, or all.
  using Before = std::map<std::string, std::int64_t, std::less<>>;
  static constexpr std::int64_t kAll = INT64_MAX;

  std::set<std::string, std::less<>> token_ids;
  Before subjects;  // names of services too: a token may have both
  Before key_ids;
  std::int64_t issued_before = INT64_MIN;  // whoever it is for

  // A token that does not say when it was issued counts as issued before any time.
  [[nodiscard]] bool cover(const VerifiedToken& token,
                           const std::optional<std::string>& key_id) const;
};

// The file's text, TOML. All problems, as "FILE:LINE:COLUMN: what to do", are in the error's
// detail.
Result<Revocations> read_revocations(std::string_view toml, const std::string& file);

}  // namespace dc::broker
