// SPDX-License-Identifier: Apache-2.0
// The keys that tokens are signed with, and the signature check. Broker and command line: the front
// never holds a symmetric key. Key files are the administrator's; tokens are hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/error.hpp"
#include "common/jwt.hpp"
#include "common/secret.hpp"

namespace dc {

struct TokenKey {
  std::optional<std::string> kid;
  bool require_exp = true;
  Secret secret;
};

// Refuses keys that can be guessed: under 32 bytes, the seeds' examples, one repeated byte or short
// pattern. Errc::invalid_request; the detail names the command that makes a good one.
Result<void> check_key_strength(std::string_view secret);

class TokenKeys {
 public:
  // Errc::invalid_request: weak key, duplicate kid, too many keys.
  Result<void> add(TokenKey key);
  [[nodiscard]] bool empty() const { return keys_.empty(); }

  // Shape, key by (algorithm, kid), signature in constant time, then claims, at `now` seconds since
  // the epoch. Without kid the token must be signed by the only key, or by one of those without
  // kid. Errc::unauthenticated; `detail` is the reason, for the audit only.
  [[nodiscard]] Result<jwt::Claims> verify(std::string_view token, std::int64_t now) const;

 private:
  std::vector<TokenKey> keys_;
};

// HMAC-SHA256, 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view message);
// Constant-time for equal sizes.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace dc
