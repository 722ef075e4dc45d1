// SPDX-License-Identifier: Apache-2.0
// Strict reading of JSON that a client sent: one document, no duplicate key at any depth, and only
// declared fields. Front only; the bytes are hostile. Uses simdjson's DOM.
#pragma once

#include <simdjson.h>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include "common/error.hpp"
#include "daemon/text.hpp"

namespace dc::daemon {

// A value inside a JsonDocument; valid as long as the document lives.
using Json = simdjson::dom::element;

class JsonDocument {
 public:
  // Errc::invalid_request: "<what> is not valid JSON: ...". `what` is "Body" or a parameter's name.
  static Result<JsonDocument> parse(const std::string& text, std::string_view what);
  [[nodiscard]] Json root() const { return root_; }

 private:
  JsonDocument() = default;
  std::unique_ptr<simdjson::dom::parser> parser_;
  Json root_;
};

[[nodiscard]] bool is_null(Json value);
[[nodiscard]] bool is_falsy(Json value);  // null, false, 0, "", [], {}

// `Field "name" <problem>` as Errc::invalid_request.
tl::unexpected<Error> field_error(std::string_view name, std::string_view problem);

// One declared field of the object that fills a Target.
template <class Target>
struct Field {
  std::string_view name;
  Result<void> (*read)(Json value, std::string_view name, Target& target);
};

inline bool is_null_field(std::string_view, Json value) { return is_null(value); }

// Gives every member of `object` to its declared reader, except values that `is_absent` calls the
// same as none: null where the caller does not say. A member that is not declared is refused by
// name.
template <class Target>
Result<void> read_fields(simdjson::dom::object object, std::span<const Field<Target>> declared,
                         Target& target,
                         bool (*is_absent)(std::string_view name, Json value) = is_null_field) {
  for (const auto member : object) {
    const Field<Target>* found = nullptr;
    for (const auto& field : declared) {
      if (field.name == member.key) found = &field;
    }
    if (found == nullptr) {
      return fail(Errc::invalid_request, "Unknown field " + quote(member.key));
    }
    if (is_absent(found->name, member.value)) continue;
    if (auto read = found->read(member.value, found->name, target); !read) return read;
  }
  return {};
}

// The body as an object. An empty body is an empty object where `required` is false.
Result<std::optional<JsonDocument>> parse_body(const std::string& body, bool required);

template <class Target, std::size_t N>
Result<void> read_body_fields(const std::string& body, bool required,
                              const std::array<Field<Target>, N>& declared, Target& target) {
  auto document = parse_body(body, required);
  if (!document) return fail(std::move(document.error()));
  if (!document->has_value()) return {};
  simdjson::dom::object object;
  if ((*document)->root().get(object) != simdjson::SUCCESS) {
    return fail(Errc::invalid_request, "Body must be a JSON object");
  }
  return read_fields<Target>(object, declared, target);
}

// --- readers of one value; `name` is for the error sentence ------------------------------------

Result<std::string_view> read_string(Json value, std::string_view name);
Result<bool> read_bool(Json value, std::string_view name);
// An integer in [min, max]; no float, no string.
Result<std::uint64_t> read_integer(Json value, std::string_view name, std::uint64_t min,
                                   std::uint64_t max);

// A string that T::parse accepts.
template <class T>
Result<T> read_as(Json value, std::string_view name) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  auto parsed = T::parse(*text);
  if (!parsed) return field_error(name, parsed.error().detail);
  return std::move(*parsed);
}

}  // namespace dc::daemon
