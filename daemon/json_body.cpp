// SPDX-License-Identifier: Apache-2.0
// Strict JSON. simdjson checks UTF-8, grammar and trailing bytes; what it leaves open (duplicate
// keys, NUL, lone surrogates, the byte order mark) is checked here. Front; the bytes are hostile.
#include "daemon/json_body.hpp"
#include <algorithm>
#include <vector>
#include "common/types.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDepth = 32;

tl::unexpected<Error> not_json(std::string_view what, std::string_view why) {
  std::string detail(what);
  detail += " is not valid JSON: ";
  detail += why;
  return fail(Errc::invalid_request, std::move(detail));
}

std::string_view reason(simdjson::error_code code) {
  switch (code) {
    case simdjson::EMPTY: return "it is empty";
    case simdjson::DEPTH_ERROR: return "it is nested deeper than 32 levels";
    case simdjson::STRING_ERROR: return "a string has a bad escape";
    case simdjson::UNCLOSED_STRING: return "a string is not closed";
    case simdjson::UTF8_ERROR: return "it is not valid UTF-8";
    case simdjson::NUMBER_ERROR: return "a number is malformed or out of range";
    case simdjson::UNESCAPED_CHARS: return "a string holds an unescaped control character";
    default: return "syntax error";
  }
}

// Sorted, so that a body of thousands of keys cannot cost a quadratic search.
const std::string_view* find_duplicate(std::vector<std::string_view>& keys) {
  std::sort(keys.begin(), keys.end());
  const auto found = std::adjacent_find(keys.begin(), keys.end());
  return found == keys.end() ? nullptr : &*found;
}

Result<void> check_text(std::string_view text, std::string_view what) {
  // simdjson lets a lone surrogate through as bytes that are not UTF-8.
  if (is_plain_text(text)) return {};
  return not_json(what, "a string holds NUL or half a surrogate pair");
}

// Every string and every key of the document. Depth is bounded by the parser.
Result<void> check_value(Json value, std::string_view what) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return check_text(text, what);
  dom::array array;
  if (value.get(array) == simdjson::SUCCESS) {
    for (const Json element : array) {
      if (auto checked = check_value(element, what); !checked) return checked;
    }
    return {};
  }
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return {};
  std::vector<std::string_view> keys;
  for (const auto member : object) {
    if (auto checked = check_text(member.key, what); !checked) return checked;
    if (auto checked = check_value(member.value, what); !checked) return checked;
    keys.push_back(member.key);
  }
  if (const auto* key = find_duplicate(keys)) {
    return fail(Errc::invalid_request, "Duplicate field " + quote(*key));
  }
  return {};
}

}  // namespace

Result<JsonDocument> JsonDocument::parse(const std::string& text, std::string_view what) {
  if (text.starts_with("\xef\xbb\xbf")) return not_json(what, "it begins with a byte order mark");
  JsonDocument document;
  document.parser_ = std::make_unique<dom::parser>();
  auto problem = document.parser_->allocate(text.size(), kDepth);
  if (problem == simdjson::SUCCESS) problem = document.parser_->parse(text).get(document.root_);
  if (problem != simdjson::SUCCESS) return not_json(what, reason(problem));
  if (auto checked = check_value(document.root_, what); !checked) {
    return fail(std::move(checked.error()));
  }
  return document;
}

bool is_null(Json value) { return value.is_null(); }

bool is_falsy(Json value) {
  switch (value.type()) {
    case dom::element_type::NULL_VALUE: return true;
    case dom::element_type::BOOL: return !value.get_bool().value_unsafe();
    case dom::element_type::INT64: return value.get_int64().value_unsafe() == 0;
    case dom::element_type::UINT64: return value.get_uint64().value_unsafe() == 0;
    case dom::element_type::DOUBLE: return value.get_double().value_unsafe() == 0.0;
    case dom::element_type::STRING: return value.get_string().value_unsafe().empty();
    case dom::element_type::ARRAY: return value.get_array().value_unsafe().size() == 0;
    case dom::element_type::OBJECT: return value.get_object().value_unsafe().size() == 0;
  }
  return false;
}

tl::unexpected<Error> field_error(std::string_view name, std::string_view problem) {
  std::string detail = "Field ";
  detail += quote(name);
  detail += ' ';
  detail += problem;
  return fail(Errc::invalid_request, std::move(detail));
}

Result<std::optional<JsonDocument>> parse_body(const std::string& body, bool required) {
  if (body.empty()) {
    if (required) return fail(Errc::invalid_request, "Body is empty: a JSON object is required");
    return std::optional<JsonDocument>();
  }
  auto document = JsonDocument::parse(body, "Body");
  if (!document) return fail(std::move(document.error()));
  return std::optional<JsonDocument>(std::move(*document));
}

Result<std::string_view> read_string(Json value, std::string_view name) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return field_error(name, "must be a string");
  return text;
}

Result<bool> read_bool(Json value, std::string_view name) {
  bool flag = false;
  if (value.get(flag) != simdjson::SUCCESS) return field_error(name, "must be true or false");
  return flag;
}

Result<std::uint64_t> read_integer(Json value, std::string_view name, std::uint64_t min,
                                   std::uint64_t max) {
  std::uint64_t number = 0;
  // A float with an integral value, such as 1e3, is not an integer here.
  const bool integral = value.is_uint64() || value.is_int64();
  if (!integral || value.get(number) != simdjson::SUCCESS || number < min || number > max) {
    return field_error(
        name, "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return number;
}

}  // namespace dc::daemon
