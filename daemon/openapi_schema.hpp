// SPDX-License-Identifier: Apache-2.0
// The words in which the API is described: what a body or parameter looks like, and what a route
// says of itself. Constant data; daemon/openapi.cpp writes it out. Front only.
//
// The descriptions themselves are in daemon/openapi_service.hpp, _containers, _images and
// _networks: one Documentation for each row of daemon/routes.cpp, and the schemas that it needs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include "common/limits.hpp"

namespace dc::daemon::api {

struct Schema;

// The JSON Schema of one value.
struct Type {
  enum class Kind : std::uint8_t {
    boolean,
    integer,    // within `least` and `most`
    text,       // at most `most` characters; 0: not said
    list,       // of `schema`
    reference,  // to `schema`
    json,       // `members` say it all, and may refer to `schema`
  };
  Kind kind = Kind::json;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  const Schema* schema = nullptr;
  std::string_view members;   // more members of the schema, as JSON without braces
  std::string_view fallback;  // the default, as JSON; empty: none
};

struct Property {
  std::string_view name;
  Type type;
  std::string_view text;
  bool required = false;
};

// An object with a name of its own under components/schemas.
struct Schema {
  std::string_view name;
  std::string_view text;
  std::span<const Property> properties;
  bool closed = false;  // other members are refused
};

constexpr Type boolean(std::string_view fallback = {}) {
  return {.kind = Type::Kind::boolean, .fallback = fallback};
}
constexpr Type integer(std::uint64_t least, std::uint64_t most, std::string_view fallback = {}) {
  return {.kind = Type::Kind::integer, .least = least, .most = most, .fallback = fallback};
}
constexpr Type text(std::size_t most = 0, std::string_view fallback = {}) {
  return {.kind = Type::Kind::text, .most = most, .fallback = fallback};
}
constexpr Type json(std::string_view members, std::string_view fallback = {}) {
  return {.kind = Type::Kind::json, .members = members, .fallback = fallback};
}
constexpr Type json(std::string_view members, const Schema& schema) {
  return {.kind = Type::Kind::json, .schema = &schema, .members = members};
}
constexpr Type list_of(const Schema& schema) {
  return {.kind = Type::Kind::list, .schema = &schema};
}
constexpr Type reference_to(const Schema& schema) {
  return {.kind = Type::Kind::reference, .schema = &schema};
}
constexpr Type array_of_text() { return json(R"("type":"array","items":{"type":"string"})"); }
constexpr Type object() { return json(R"("type":"object")"); }

// A parameter of the query, or of the path where the route's pattern has {name}.
struct Parameter {
  std::string_view name;
  Type type;
  std::string_view text;
  std::string_view example = {};  // as JSON
  bool required = false;          // those of the path are in any case
};

// What a success is.
struct Success {
  const Schema* schema = nullptr;  // nullptr: not JSON
  std::string_view example;        // as JSON, or as text
  std::string_view content_type = "application/json";
};

// What one row of the route table says of itself. Method, path, scope, body limit and the statuses
// that follow from them are the row's already.
struct Documentation {
  std::string_view id = {};  // operationId, where the operation's name has more than one row
  std::string_view tag;
  std::string_view summary;
  std::string_view text = {};  // Markdown
  std::span<const Parameter> parameters = {};
  const Schema* body = nullptr;
  std::string_view body_example = {};  // as JSON
  Success success;
  std::span<const int> statuses = {};  // besides those that any such row has
};

// The properties of one schema and more, for schemas that begin alike. Parameters likewise.
template <class T, std::size_t N, std::size_t M>
constexpr std::array<T, N + M> operator+(const std::array<T, N>& some,
                                         const std::array<T, M>& more) {
  std::array<T, N + M> all{};
  std::copy(some.begin(), some.end(), all.begin());
  std::copy(more.begin(), more.end(), all.begin() + N);
  return all;
}

// --- values and schemas that several operations use ---------------------------------------------

inline constexpr Type kSuccessStatus = json(R"("type":"string","const":"success")");
inline constexpr Type kAnySize = json(R"("type":["string","integer"])");
inline constexpr Type kStopTimeoutType = integer(0, limits::kStopTimeout, "10");

inline constexpr auto kErrorFields = std::to_array<Property>({
    {"detail", text(), "One sentence for people", true},
    {"code", json(R"("type":"string","pattern":"^[a-z][a-z_]*$")"), "The same for programs", true},
    {"hint", text(),
     "What the caller or an administrator can change; for a refusal by the policy, the key of the "
     "policy file that would allow the request"},
});
inline constexpr Schema kErrorSchema{"Error", "Every answer that is not a success.", kErrorFields};

inline constexpr auto kSuccessFields =
    std::to_array<Property>({{"status", kSuccessStatus, "", true}});
inline constexpr Schema kSuccessSchema{"Success", "It is done.", kSuccessFields};

inline constexpr auto kMessageFields = kSuccessFields + std::to_array<Property>({
                                                            {"message", text(), "", true},
                                                        });
inline constexpr Schema kMessageSchema{"Message", "It is done, and here is what.", kMessageFields};

inline constexpr Schema kNothingSchema{"Nothing", "An empty object, or no body at all.", {}, true};

}  // namespace dc::daemon::api
