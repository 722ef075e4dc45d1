// SPDX-License-Identifier: Apache-2.0
// What needs no token is answered here; everything else is a Call. Front only.
#include "daemon/application.hpp"
#include <ctime>
#include "daemon/docs_pages.hpp"
#include "daemon/health.hpp"
#include "daemon/negotiate.hpp"
#include "daemon/routes.hpp"

namespace dc::daemon {

Application::Application(uv_loop_t* loop, BrokerClient& broker, const Welcome& welcome,
                         Metrics& metrics)
    : auth_(loop, broker),
      streams_(loop),
      services_{broker, auth_, streams_, metrics, welcome.policy_check},
      docs_(welcome.dev),
      public_metrics_(welcome.public_metrics) {}

void Application::handle(const std::shared_ptr<Exchange>& exchange) {
  const HttpRequest& request = exchange->request();
  if (is_preflight(request)) return exchange->respond(preflight_answer(request));
  if (docs_ && serve_docs(exchange)) return;
  Match match = match_route(request.method, request.path);
  if (match.route != nullptr) exchange->routed(route_index(*match.route));
  const bool metrics = match.route != nullptr && match.route->page == Page::metrics;
  if (match.route == nullptr || (match.route->needs_token && !(metrics && public_metrics_))) {
    return Call::start(services_, exchange, std::move(match));
  }
  HttpResponse response = metrics ? services_.metrics.page()
                                  : health_page(match.route->page, status_, std::time(nullptr));
  allow_origin(response, request);
  exchange->respond(std::move(response));
}

void Application::use_status(const EngineStatus& status) {
  status_ = status;
  services_.metrics.use_status(status);
}

void Application::use_policy(policy::Snapshot policy) {
  services_.policy = std::move(policy);
  auth_.clear();
}

}  // namespace dc::daemon
