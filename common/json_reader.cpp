// SPDX-License-Identifier: Apache-2.0
// The walk over simdjson's on-demand parser. Both sides.
#include "common/json_reader.hpp"
#include <simdjson.h>
#include <charconv>

namespace dc {
namespace {

std::string_view trimmed(std::string_view json) {
  const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!json.empty() && is_space(json.back())) json.remove_suffix(1);
  while (!json.empty() && is_space(json.front())) json.remove_prefix(1);
  return json;
}

}  // namespace

static_assert(JsonText::kPadding >= simdjson::SIMDJSON_PADDING);

JsonText::JsonText(std::string bytes) : bytes_(std::move(bytes)), size_(bytes_.size()) {
  bytes_.append(kPadding, '\0');
}

bool for_each_member(std::string_view object, const Member& member) {
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  if (parser.iterate(object.data(), object.size(), object.size() + simdjson::SIMDJSON_PADDING)
          .get(document) != simdjson::SUCCESS) {
    return false;
  }
  simdjson::ondemand::object members;
  if (document.get_object().get(members) != simdjson::SUCCESS) return false;
  for (auto entry : members) {
    simdjson::ondemand::field field;
    if (std::move(entry).get(field) != simdjson::SUCCESS) return false;
    std::string_view key;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS) return false;
    const std::string name(key);  // the parser's buffer is used again for the value
    std::string_view json;
    if (simdjson::to_json_string(field.value()).get(json) != simdjson::SUCCESS) return false;
    member(name, trimmed(json));
  }
  return true;
}

bool for_each_element(std::string_view array, const Element& element) {
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  if (parser.iterate(array.data(), array.size(), array.size() + simdjson::SIMDJSON_PADDING)
          .get(document) != simdjson::SUCCESS) {
    return false;
  }
  simdjson::ondemand::array elements;
  if (document.get_array().get(elements) != simdjson::SUCCESS) return false;
  for (auto entry : elements) {
    simdjson::ondemand::value value;
    // NOLINTNEXTLINE(performance-move-const-arg): get() is for rvalues
    if (std::move(entry).get(value) != simdjson::SUCCESS) return false;
    std::string_view json;
    if (simdjson::to_json_string(value).get(json) != simdjson::SUCCESS) return false;
    element(trimmed(json));
  }
  return true;
}

std::optional<std::string> json_string(std::string_view json) {
  if (json.size() < 2 || json.front() != '"') return std::nullopt;
  if (json.find('\\') == std::string_view::npos)
    return std::string(json.substr(1, json.size() - 2));
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  std::string_view text;
  if (parser.iterate(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING)
              .get(document) != simdjson::SUCCESS ||
      document.get_string().get(text) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::int64_t> json_integer(std::string_view json) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (problem != std::errc() || end != json.data() + json.size()) return std::nullopt;
  return value;
}

bool json_is_null(std::string_view json) { return json.empty() || json == "null"; }

std::string_view json_member(std::string_view object, std::string_view key) {
  std::string_view found;
  const bool whole = for_each_member(object, [&](std::string_view name, std::string_view json) {
    if (name == key) found = json;
  });
  return whole ? found : std::string_view();
}

std::string json_text(std::string_view object, std::string_view key) {
  return json_string(json_member(object, key)).value_or("");
}

}  // namespace dc
