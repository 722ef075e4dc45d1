// SPDX-License-Identifier: Apache-2.0
// The table and its matcher. A command without a row, or a row that names none, does not compile.
// Front; paths are hostile.
#include "daemon/routes.hpp"
#include <algorithm>
#include <array>

namespace dc::daemon {
namespace {

template <class X>
constexpr Route command(Method method, std::string_view pattern, BodyKind body, Shape shape,
                        Result<Command> (*build)(const RequestParts&),
                        std::size_t body_limit = limits::kBody) {
  return {method,      pattern, X::kName,   Page::none, X::kScope,
          X::kMutates, body,    body_limit, shape,      build};
}

constexpr Route page(std::string_view pattern, std::string_view name, Page page) {
  return {Method::get, pattern,        name,          page,           Scope{},
          false,       BodyKind::none, limits::kBody, Shape::success, nullptr};
}

constexpr auto kRoutes = std::to_array<Route>({
    page("/api/v1/health", "health", Page::health),
    page("/api/v1/livez", "livez", Page::livez),
    page("/api/v1/readyz", "readyz", Page::readyz),
    command<ListContainers>(Method::get, "/api/v1/containers", BodyKind::none, Shape::list,
                            build_list),
    command<RunContainer>(Method::post, "/api/v1/containers/run", BodyKind::required,
                          Shape::started, build_run, limits::kBodyRun),
    command<InspectContainer>(Method::get, "/api/v1/containers/{id}", BodyKind::none,
                              Shape::container, build_inspect),
    command<StartContainer>(Method::post, "/api/v1/containers/{id}/start", BodyKind::optional,
                            Shape::success, build_start),
    command<StopContainer>(Method::post, "/api/v1/containers/{id}/stop", BodyKind::optional,
                           Shape::success, build_stop),
    command<RestartContainer>(Method::post, "/api/v1/containers/{id}/restart", BodyKind::optional,
                              Shape::success, build_restart),
    command<RemoveContainer>(Method::post, "/api/v1/containers/{id}/remove", BodyKind::optional,
                             Shape::success, build_remove),
});

constexpr bool has_route(std::string_view operation) {
  return std::any_of(kRoutes.begin(), kRoutes.end(), [&](const Route& route) {
    return route.page == Page::none && route.operation == operation;
  });
}

template <class>
struct Commands;
template <class... X>
struct Commands<std::variant<X...>> {
  static constexpr bool all_routed = (has_route(X::kName) && ...);
  static constexpr bool all_named =
      std::all_of(kRoutes.begin(), kRoutes.end(), [](const Route& route) {
        return route.page != Page::none || ((route.operation == X::kName) || ...);
      });
};
static_assert(Commands<Command>::all_routed, "a command has no route");
static_assert(Commands<Command>::all_named, "a route names no command");

constexpr bool well_formed(const Route& route) {
  return route.pattern.starts_with("/api/v1/") && !route.pattern.ends_with('/') &&
         (route.page == Page::none) == (route.build != nullptr) &&
         route.mutates == (route.method != Method::get) &&
         (route.body == BodyKind::none) == (route.method == Method::get) &&
         std::count_if(kRoutes.begin(), kRoutes.end(), [&](const Route& other) {
           return other.method == route.method && other.pattern == route.pattern;
         }) == 1;
}
static_assert(std::all_of(kRoutes.begin(), kRoutes.end(), well_formed), "a route is odd");

constexpr std::uint8_t bit(Method method) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(method));
}

// Fills in `id` when the pattern has {id}.
bool matches(std::string_view pattern, const std::vector<std::string>& path, std::string_view& id) {
  for (const std::string& segment : path) {
    if (pattern.empty()) return false;
    pattern.remove_prefix(1);
    const std::string_view part = pattern.substr(0, pattern.find('/'));
    if (part == "{id}" && !segment.empty()) {
      id = segment;
    } else if (part != segment) {
      return false;
    }
    pattern.remove_prefix(part.size());
  }
  return pattern.empty();
}

}  // namespace

Match match_route(Method method, const std::vector<std::string>& path) {
  Match match;
  const Method wanted = method == Method::head ? Method::get : method;
  for (const Route& route : kRoutes) {
    std::string_view id;
    if (!matches(route.pattern, path, id)) continue;
    match.methods |= bit(route.method);
    if (route.method != wanted || match.route != nullptr) continue;
    match.route = &route;
    match.id = id;
  }
  return match;
}

std::string allow_header(std::uint8_t methods) {
  std::string allow;
  if ((methods & bit(Method::get)) != 0) allow += "GET, HEAD, ";
  if ((methods & bit(Method::post)) != 0) allow += "POST, ";
  if ((methods & bit(Method::put)) != 0) allow += "PUT, ";
  if ((methods & bit(Method::patch)) != 0) allow += "PATCH, ";
  if ((methods & bit(Method::del)) != 0) allow += "DELETE, ";
  return allow + "OPTIONS";
}

}  // namespace dc::daemon
