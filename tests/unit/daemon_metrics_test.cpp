// SPDX-License-Identifier: Apache-2.0
// daemon/metrics: what is counted under which name.
#include <doctest/doctest.h>
#include <algorithm>
#include <string>
#include "daemon/metrics.hpp"
#include "daemon/routes.hpp"

using namespace dc;
using namespace dc::daemon;

namespace {

bool has(const std::string& page, std::string_view line) {
  return page.find(std::string(line) + "\n") != std::string::npos;
}

std::size_t index_of(std::string_view pattern) {
  const auto all = routes();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Route& one) { return one.pattern == pattern; });
  return route_index(*found);
}

constexpr std::uint64_t kMillisecond = 1'000'000;

}  // namespace

TEST_CASE("answers are counted by route, method and status") {
  Metrics metrics;
  const auto list = index_of("/api/v1/containers");
  metrics.answered({Method::get, list, 200, std::nullopt, 3 * kMillisecond});
  metrics.answered({Method::get, list, 200, std::nullopt, 70 * kMillisecond});
  metrics.answered({Method::head, list, 200, std::nullopt, kMillisecond});
  metrics.answered({Method::get, list, 401, Errc::unauthenticated, kMillisecond});
  metrics.answered({Method::put, std::nullopt, 404, Errc::not_found, kMillisecond});
  metrics.answered({std::nullopt, std::nullopt, 431, std::nullopt, 0});
  const std::string page = metrics.page().body;
  const std::string requests = "docker_control_http_requests_total";
  const std::string route = R"(route="/api/v1/containers")";
  CHECK(has(page, requests + R"({method="GET",)" + route + R"(,status="200"} 2)"));
  CHECK(has(page, requests + R"({method="HEAD",)" + route + R"(,status="200"} 1)"));
  CHECK(has(page, requests + R"({method="GET",)" + route + R"(,status="401"} 1)"));
  CHECK(has(page, requests + R"({method="PUT",route="none",status="404"} 1)"));
  CHECK(has(page, requests + R"({method="none",route="none",status="431"} 1)"));
  const std::string seconds = "docker_control_http_request_duration_seconds";
  CHECK(has(page, seconds + "_count{" + route + "} 4"));
  CHECK(has(page, seconds + "_bucket{" + route + R"(,le="0.005"} 3)"));
  CHECK(has(page, seconds + "_bucket{" + route + R"(,le="0.1"} 4)"));
  CHECK(has(page, seconds + R"(_count{route="none"} 1)"));
  CHECK(has(page, R"(docker_control_denials_total{code="unauthenticated"} 1)"));
  CHECK(has(page, R"(docker_control_denials_total{code="not_found"} 1)"));
  CHECK(has(page, R"(docker_control_denials_total{code="image_not_allowed"} 0)"));
  CHECK(has(page, R"(docker_control_failures_total{code="engine_unreachable"} 0)"));
}

TEST_CASE("what the broker tells") {
  Metrics metrics;
  EngineStatus status;
  CHECK(has(metrics.page().body, "docker_control_engine_up 0"));
  status.engine = EngineState::up;
  status.policy_stale = true;
  status.ping_us = 2500;
  status.front_starts = 3;
  status.breaches = 1;
  status.pulls = 2;
  status.streams = 5;
  metrics.use_status(status);
  metrics.use_status(status);  // the same again counts nothing twice
  const std::string page = metrics.page().body;
  for (const char* line :
       {"docker_control_engine_up 1", "docker_control_policy_stale 1",
        "docker_control_engine_ping_seconds 0.0025", "docker_control_front_starts_total 3",
        "docker_control_channel_breaches_total 1", "docker_control_pulls 2",
        "docker_control_streams 5"}) {
    CAPTURE(line);
    CHECK(has(page, line));
  }
  CHECK(page.find("docker_control_build_info{version=\"") != std::string::npos);
}

TEST_CASE("connections are counted when the page is made") {
  Metrics metrics;
  metrics.watch_connections([] { return ConnectionCounts{4, 3, 2, 1}; });
  const std::string page = metrics.page().body;
  CHECK(has(page, R"(docker_control_http_connections{state="idle"} 4)"));
  CHECK(has(page, R"(docker_control_http_connections{state="active"} 3)"));
  CHECK(has(page, R"(docker_control_http_connections{state="streaming"} 2)"));
  CHECK(has(page, R"(docker_control_http_connections{state="closing"} 1)"));
}
