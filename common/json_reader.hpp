// SPDX-License-Identifier: Apache-2.0
// Reading the Engine's JSON as views into its own bytes: nothing is copied that is only passed on.
// Both sides. The Engine is trusted, the strings inside its answers are not.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dc {

// A document that owns its bytes with the padding that the parser needs. Values are string_views of
// their JSON text inside it.
class JsonText {
 public:
  static constexpr std::size_t kPadding = 64;  // at least simdjson's

  explicit JsonText(std::string bytes);
  JsonText(JsonText&&) = default;  // views stay valid: the padding keeps the bytes on the heap
  JsonText& operator=(JsonText&&) = default;
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;
  ~JsonText() = default;
  [[nodiscard]] std::string_view view() const& { return {bytes_.data(), size_}; }
  std::string_view view() && = delete;

 private:
  std::string bytes_;
  std::size_t size_;
};

using Member = std::function<void(std::string_view key, std::string_view json)>;
using Element = std::function<void(std::string_view json)>;

// Walk an object or array that is a view into a JsonText. False: not one, or malformed; then the
// callback may have run for some members.
bool for_each_member(std::string_view object, const Member& member);
bool for_each_element(std::string_view array, const Element& element);

// Scalars. nullopt when the JSON text is something else.
std::optional<std::string> json_string(std::string_view json);
std::optional<std::int64_t> json_integer(std::string_view json);
bool json_is_null(std::string_view json);

// The JSON text of one member, empty when absent. For a few members; a walk is cheaper for many.
std::string_view json_member(std::string_view object, std::string_view key);
// The same of a string, unquoted; empty when it is something else.
std::string json_text(std::string_view object, std::string_view key);

}  // namespace dc
