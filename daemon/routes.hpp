// SPDX-License-Identifier: Apache-2.0
// THE route table of the REST contract: what may be asked, by which scope, and which command it
// becomes. Data only, so that the API description can be made from it. Front; matches hostile
// paths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "common/commands.hpp"
#include "daemon/http.hpp"
#include "daemon/normalize.hpp"
#include "daemon/openapi_schema.hpp"

namespace dc::daemon {

// Pages that the front answers by itself.
enum class Page : std::uint8_t { none, health, livez, readyz, metrics, explain };

enum class BodyKind : std::uint8_t { none, optional, required };

// What the broker's reply is rendered as.
enum class Shape : std::uint8_t {
  success,      // {"status"}
  message,      // {"status","message"}
  list,         // {"status","containers"}
  container,    // one container's fields
  started,      // the answer of run
  value,        // {"status", and under the route's key the broker's JSON value}
  exists,       // {"status","message","exists"}
  document,     // the broker's JSON value as it is
  service_log,  // {"content","file"}
  logs,         // server-sent events, one for each line
  events,       // server-sent events, one for each of the broker's JSON values
};

struct Route {
  Method method;
  std::string_view pattern;    // "/api/v1/containers/{id}/stop"; {image} may hold slashes
  std::string_view operation;  // the command's kName, or the page's name
  Page page;                   // none: a command, and the rest of the row holds
  bool needs_token;            // and the scope
  Scope scope;
  bool mutates;
  BodyKind body;
  std::size_t body_limit;
  Shape shape;
  std::string_view key;  // of Shape::value
  Result<Command> (*build)(const RequestParts& parts);
  const api::Documentation* documentation;
};

// The whole table.
std::span<const Route> routes();
std::size_t route_index(const Route& route);  // of one of them

struct Match {
  const Route* route = nullptr;  // nullptr: no such path, or not with this method
  std::string id;                // what the part in braces stands for
  std::uint8_t methods = 0;      // those of the path, one bit each; 0: no such path
};

// HEAD matches the row of GET.
Match match_route(Method method, const std::vector<std::string>& path);

// The value of Allow for a path: "GET, HEAD, OPTIONS".
std::string allow_header(std::uint8_t methods);

}  // namespace dc::daemon
