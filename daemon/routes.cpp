// SPDX-License-Identifier: Apache-2.0
// The table and its matcher. A command without a row, or a row that names none, does not compile.
// Front; paths are hostile.
#include "daemon/routes.hpp"
#include <algorithm>
#include <array>
#include "daemon/openapi_containers.hpp"
#include "daemon/openapi_images.hpp"
#include "daemon/openapi_networks.hpp"
#include "daemon/openapi_service.hpp"

namespace dc::daemon {
namespace {

template <class X>
constexpr Route command(Method method, std::string_view pattern, BodyKind body, Shape shape,
                        Result<Command> (*build)(const RequestParts&),
                        const api::Documentation& documentation, std::string_view key = {},
                        std::size_t body_limit = limits::kBody) {
  return {method, pattern,    X::kName, Page::none, true,  X::kScope,     X::kMutates,
          body,   body_limit, shape,    key,        build, &documentation};
}

constexpr Route page(std::string_view pattern, std::string_view name, Page page,
                     const api::Documentation& documentation) {
  return {Method::get,    pattern,       name,           page, false,   Scope{},       false,
          BodyKind::none, limits::kBody, Shape::success, {},   nullptr, &documentation};
}

constexpr Route page(std::string_view pattern, std::string_view name, Page kind, Scope scope,
                     const api::Documentation& documentation) {
  Route route = page(pattern, name, kind, documentation);
  route.needs_token = true;
  route.scope = scope;
  return route;
}

// A question of the policy, which the front answers from its own copy.
constexpr Route question(std::string_view pattern, std::string_view name, Page kind, Scope scope,
                         const api::Documentation& documentation) {
  Route route = page(pattern, name, kind, scope, documentation);
  route.method = Method::post;
  route.body = BodyKind::required;
  route.body_limit = limits::kBodyRun;
  return route;
}

constexpr auto kRoutes = std::to_array<Route>({
    page("/api/v1/health", "health", Page::health, api::kHealth),
    page("/api/v1/livez", "livez", Page::livez, api::kLivez),
    page("/api/v1/readyz", "readyz", Page::readyz, api::kReadyz),
    page("/api/v1/metrics", "service.metrics", Page::metrics, Scope::service_metrics,
         api::kMetrics),
    question("/api/v1/policy/explain", "service.explain", Page::explain, Scope::service_explain,
             api::kExplain),

    command<ListContainers>(Method::get, "/api/v1/containers", BodyKind::none, Shape::list,
                            build_list, api::kListContainers),
    command<RunContainer>(Method::post, "/api/v1/containers/run", BodyKind::required,
                          Shape::started, build_run, api::kRunContainer, {}, limits::kBodyRun),
    command<InspectContainer>(Method::get, "/api/v1/containers/{id}", BodyKind::none,
                              Shape::container, build_inspect, api::kInspectContainer),
    command<StartContainer>(Method::post, "/api/v1/containers/{id}/start", BodyKind::optional,
                            Shape::success, build_start, api::kStartContainer),
    command<StopContainer>(Method::post, "/api/v1/containers/{id}/stop", BodyKind::optional,
                           Shape::success, build_stop, api::kStopContainer),
    command<RestartContainer>(Method::post, "/api/v1/containers/{id}/restart", BodyKind::optional,
                              Shape::success, build_restart, api::kRestartContainer),
    command<RemoveContainer>(Method::post, "/api/v1/containers/{id}/remove", BodyKind::optional,
                             Shape::success, build_remove, api::kRemoveContainer),
    command<RenameContainer>(Method::post, "/api/v1/containers/{id}/rename", BodyKind::optional,
                             Shape::message, build_rename, api::kRenameContainer),
    command<WaitContainer>(Method::post, "/api/v1/containers/{id}/wait", BodyKind::optional,
                           Shape::value, build_wait, api::kWaitContainer, "exit_code"),
    command<ReadStats>(Method::get, "/api/v1/containers/{id}/stats", BodyKind::none, Shape::value,
                       build_stats, api::kReadStats, "stats"),
    command<ReadLogs>(Method::get, "/api/v1/containers/{id}/logs", BodyKind::none, Shape::logs,
                      build_logs, api::kReadLogs),
    command<MeasureDirectory>(Method::post, "/api/v1/containers/{id}/dir-size", BodyKind::required,
                              Shape::value, build_dir_size, api::kMeasureDirectory, "bytes"),

    command<PullImage>(Method::post, "/api/v1/images/pull", BodyKind::required, Shape::message,
                       build_pull, api::kPullImage),
    command<PullImage>(Method::post, "/api/v1/images/pull/start", BodyKind::required,
                       Shape::message, build_pull_start, api::kStartPull),
    command<ReadPull>(Method::get, "/api/v1/images/pull/progress/{pull_id}", BodyKind::none,
                      Shape::document, build_pull_progress, api::kPullProgress),
    command<ReadPull>(Method::get, "/api/v1/images/pull/events/{pull_id}", BodyKind::none,
                      Shape::events, build_pull_events, api::kPullEvents),
    command<ListImages>(Method::get, "/api/v1/images", BodyKind::none, Shape::value,
                        build_list_images, api::kListImages, "images"),
    command<FindImage>(Method::get, "/api/v1/images/exists", BodyKind::none, Shape::exists,
                       build_find_image, api::kFindImage),
    command<FindImage>(Method::get, "/api/v1/images/{image}/exists", BodyKind::none, Shape::exists,
                       build_find_image, api::kFindImageByPath),
    command<RemoveImage>(Method::del, "/api/v1/images/remove", BodyKind::none, Shape::message,
                         build_remove_image, api::kRemoveImage),
    command<RemoveImage>(Method::del, "/api/v1/images/{image}", BodyKind::none, Shape::message,
                         build_remove_image, api::kRemoveImageByPath),

    command<CreateNetwork>(Method::post, "/api/v1/networks/create", BodyKind::required,
                           Shape::message, build_create_network, api::kCreateNetwork),
    command<ListNetworks>(Method::get, "/api/v1/networks", BodyKind::none, Shape::value,
                          build_list_networks, api::kListNetworks, "networks"),
    command<RemoveNetwork>(Method::del, "/api/v1/networks/{name}", BodyKind::none, Shape::message,
                           build_remove_network, api::kRemoveNetwork),
    command<ConnectNetwork>(Method::post, "/api/v1/networks/{name}/connect", BodyKind::required,
                            Shape::message, build_connect_network, api::kConnectNetwork),
    command<DisconnectNetwork>(Method::post, "/api/v1/networks/{name}/disconnect",
                               BodyKind::required, Shape::message, build_disconnect_network,
                               api::kDisconnectNetwork),

    command<ReadServiceLog>(Method::get, "/api/v1/logs/service", BodyKind::none, Shape::service_log,
                            build_service_log<ServiceLog::service>, api::kReadServiceLog),
    command<ReadServiceLog>(Method::get, "/api/v1/logs/startup", BodyKind::none, Shape::service_log,
                            build_service_log<ServiceLog::startup>, api::kReadStartupLog),
    command<ReadServiceLog>(Method::get, "/api/v1/logs/fastapi", BodyKind::none, Shape::service_log,
                            build_service_log<ServiceLog::fastapi>, api::kReadModelLog),
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
         !(route.mutates && route.method == Method::get) &&
         (route.body == BodyKind::none) == (route.method != Method::post) &&
         (route.shape == Shape::value) == !route.key.empty() &&
         std::count_if(kRoutes.begin(), kRoutes.end(), [&](const Route& other) {
           return other.method == route.method && other.pattern == route.pattern;
         }) == 1;
}
static_assert(std::all_of(kRoutes.begin(), kRoutes.end(), well_formed), "a route is odd");

constexpr std::string_view operation_id(const Route& route) {
  return route.documentation->id.empty() ? route.operation : route.documentation->id;
}
// Names in braces are parameters, bodies have a schema, and no two rows go by the same name.
constexpr bool documented(const Route& route) {
  const api::Documentation& documentation = *route.documentation;
  const std::size_t open = route.pattern.find('{');
  const std::string_view name =
      open == std::string_view::npos
          ? std::string_view()
          : route.pattern.substr(open + 1, route.pattern.find('}') - open - 1);
  return !documentation.summary.empty() && !documentation.success.example.empty() &&
         (name.empty() ||
          std::any_of(documentation.parameters.begin(), documentation.parameters.end(),
                      [&](const api::Parameter& one) { return one.name == name; })) &&
         (route.body == BodyKind::none) == (documentation.body == nullptr) &&
         std::count_if(kRoutes.begin(), kRoutes.end(), [&](const Route& other) {
           return operation_id(other) == operation_id(route);
         }) == 1;
}
static_assert(std::all_of(kRoutes.begin(), kRoutes.end(), documented), "a route's documentation");

constexpr std::uint8_t bit(Method method) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(method));
}

std::size_t segments(std::string_view pattern) {
  return static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '/'));
}

// Fills in `id` when the pattern has a part in braces.
bool matches(std::string_view pattern, const std::vector<std::string>& path, std::string& id) {
  // {image} takes what the rest of the pattern leaves over.
  const std::size_t wanted = segments(pattern);
  const bool stretches = pattern.find("{image}") != std::string_view::npos;
  if (path.size() < wanted || (path.size() > wanted && !stretches)) return false;
  std::size_t at = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const std::string_view part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (!part.starts_with('{')) {
      if (path[at++] != part) return false;
      continue;
    }
    const std::size_t end = path.size() - segments(pattern);
    id = path[at];
    while (++at < end) id += '/' + path[at];
    if (id.empty()) return false;
  }
  return at == path.size();
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

std::size_t route_index(const Route& route) {
  return static_cast<std::size_t>(&route - kRoutes.data());
}

Match match_route(Method method, const std::vector<std::string>& path) {
  Match match;
  const Method wanted = method == Method::head ? Method::get : method;
  for (const Route& route : kRoutes) {
    std::string id;
    if (!matches(route.pattern, path, id)) continue;
    match.methods |= bit(route.method);
    if (route.method != wanted || match.route != nullptr) continue;
    match.route = &route;
    match.id = std::move(id);
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
