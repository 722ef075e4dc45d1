// SPDX-License-Identifier: Apache-2.0
// A profile in the words of the policy file, key by key; what `policy show`, `diff` and `learn` are
// made of. Command line only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "policy/profile.hpp"

namespace dc::admin {

// What more entries, or a greater value, mean.
enum class More : std::uint8_t { allows, refuses, changes };

struct Setting {
  std::string_view key;  // with dots: "memory.max"
  bool list;
  More more;
  // In TOML. Of what is not a list one, or none where there is no value.
  std::vector<std::string> (*entries)(const policy::Profile& profile);
  // For comparing values that are not lists; null: they have no order.
  std::uint64_t (*amount)(const policy::Profile& profile);
};

// All keys of a service, in the order of docker-control-policy(5).
std::span<const Setting> settings();
const Setting* find_setting(std::string_view key);

// "memory" of "memory.max".
std::string_view first_part(std::string_view key);

// `key = value`, the value in TOML. Of entries of a list.
std::string to_toml(const Setting& setting, const std::vector<std::string>& entries);

}  // namespace dc::admin
