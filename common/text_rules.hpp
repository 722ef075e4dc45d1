// SPDX-License-Identifier: Apache-2.0
// What the rules of the validated types are made of: characters, names, paths, names of
// enumerators. Both sides; pure functions of untrusted text.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace dc::rules {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

inline bool all_of(std::string_view text, bool (*accept)(char)) {
  for (char c : text) {
    if (!accept(c)) return false;
  }
  return true;
}

constexpr bool is_name_char(char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; }

constexpr bool is_host_char(char c) { return is_name_char(c) || c == '~'; }
constexpr bool is_address_char(char c) {
  return is_hex(c) || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

// Docker's own name grammar: a letter or digit, then name characters.
inline bool is_name(std::string_view text, std::size_t max) {
  return !text.empty() && text.size() <= max && is_alnum(text.front()) &&
         all_of(text, is_name_char);
}

inline bool is_id_like(std::string_view text) {
  return text.size() >= 12 && text.size() <= 64 && all_of(text, is_hex);
}

inline bool is_user_part(std::string_view text) {
  return !text.empty() && text.size() <= 32 && (is_alnum(text.front()) || text.front() == '_') &&
         all_of(text, is_name_char);
}

inline bool is_under(std::string_view path, std::string_view root) {
  return path == root || (path.size() > root.size() && path.substr(0, root.size()) == root &&
                          path[root.size()] == '/');
}

// The enumerator whose name stands at its place in the list.
template <class Enum, std::size_t N>
std::optional<Enum> find_enum(const std::array<std::string_view, N>& names, std::string_view name) {
  static_assert(N == static_cast<std::size_t>(enum_last(Enum{})) + 1, "a name for each value");
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace dc::rules
