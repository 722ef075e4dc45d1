// SPDX-License-Identifier: Apache-2.0
// daemon/routes, daemon/negotiate and daemon/health: tables and pure functions.
#include <doctest/doctest.h>
#include <chrono>
#include <string>
#include <vector>
#include "daemon/date.hpp"
#include "daemon/health.hpp"
#include "daemon/negotiate.hpp"
#include "daemon/routes.hpp"

using namespace dc;
using namespace dc::daemon;

namespace {

std::vector<std::string> path_of(std::string_view text) {
  std::vector<std::string> path;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view part = text.substr(0, text.find('/'));
    path.emplace_back(part);
    text.remove_prefix(part.size());
  }
  return path;
}

std::string matched(Method method, std::string_view path) {
  const auto segments = path_of(path);
  const Match match = match_route(method, segments);
  if (match.methods == 0) return "404";
  if (match.route == nullptr) return "405 " + allow_header(match.methods);
  return std::string(match.route->operation) + "(" + std::string(match.id) + ")";
}

}  // namespace

TEST_CASE("routes match the contract's paths") {
  CHECK(matched(Method::get, "/api/v1/health") == "health()");
  CHECK(matched(Method::head, "/api/v1/livez") == "livez()");
  CHECK(matched(Method::get, "/api/v1/containers") == "containers.list()");
  CHECK(matched(Method::post, "/api/v1/containers/run") == "containers.run()");
  CHECK(matched(Method::get, "/api/v1/containers/run") == "containers.get(run)");
  CHECK(matched(Method::head, "/api/v1/containers/web") == "containers.get(web)");
  CHECK(matched(Method::post, "/api/v1/containers/web/stop") == "containers.stop(web)");
  CHECK(matched(Method::post, "/api/v1/containers/web/start") == "containers.start(web)");
  CHECK(matched(Method::post, "/api/v1/containers/web/restart") == "containers.restart(web)");
  CHECK(matched(Method::post, "/api/v1/containers/web/remove") == "containers.remove(web)");
  CHECK(matched(Method::get, "/api/v1/networks") == "networks.list()");
  CHECK(matched(Method::del, "/api/v1/networks/web") == "networks.remove(web)");
  CHECK(matched(Method::get, "/api/v1/images/pull/progress/p-1") == "images.progress(p-1)");
  CHECK(matched(Method::get, "/api/v1/logs/startup") == "service.logs()");
}

TEST_CASE("image names in paths hold slashes") {
  CHECK(matched(Method::get, "/api/v1/images/exists") == "images.exists()");
  CHECK(matched(Method::get, "/api/v1/images/a/exists") == "images.exists(a)");
  CHECK(matched(Method::get, "/api/v1/images/ghcr.io/a/b:1/exists") ==
        "images.exists(ghcr.io/a/b:1)");
  CHECK(matched(Method::del, "/api/v1/images/remove") == "images.remove()");
  CHECK(matched(Method::del, "/api/v1/images/a:1") == "images.remove(a:1)");
  CHECK(matched(Method::del, "/api/v1/images/ghcr.io/a/b:1") == "images.remove(ghcr.io/a/b:1)");
  CHECK(matched(Method::del, "/api/v1/images/") == "404");
  // %2F, decoded after the split
  const Match escaped = match_route(Method::del, {"api", "v1", "images", "ghcr.io/a/b:1"});
  CHECK(escaped.id == "ghcr.io/a/b:1");
}

TEST_CASE("other paths and methods do not") {
  for (const char* path :
       {"/", "/api", "/api/v1", "/api/v1/container", "/api/v1/containersx",
        "/api/v1/containers/web/exec", "/api/v1/containers/web/stop/x", "/api/v2/containers",
        "/containers", "/api/v1/Health", "/api/v1/containers/", "/api/v1/containers/web/stop/"}) {
    CAPTURE(path);
    CHECK(matched(Method::get, path) == "404");
  }
  CHECK(match_route(Method::get, {}).methods == 0);
  CHECK(matched(Method::post, "/api/v1/health") == "405 GET, HEAD, OPTIONS");
  CHECK(matched(Method::del, "/api/v1/containers/web") == "405 GET, HEAD, OPTIONS");
  CHECK(matched(Method::get, "/api/v1/containers/web/stop") == "405 POST, OPTIONS");
  CHECK(matched(Method::put, "/api/v1/containers/run") == "405 GET, HEAD, POST, OPTIONS");
}

TEST_CASE("Accept") {
  for (const char* accept :
       {"", "*/*", "application/json", "application/*", "Application/JSON", "text/html, */*;q=0.1",
        "application/json; charset=utf-8", "application/json;q=0.5", "image/png, application/json",
        "nonsense", ",", "*/*;q=0, application/json"}) {
    CAPTURE(accept);
    CHECK((accepts(std::string(accept), kJson) || std::string_view(accept) == ","));
  }
  CHECK(accepts(std::nullopt, kJson));
  for (const char* accept : {"image/png", "application/json;q=0", "application/json;q=0.000",
                             "text/event-stream", "*/*;q=0", "application/json;q=0, */*"}) {
    CAPTURE(accept);
    CHECK_FALSE(accepts(std::string(accept), kJson));
  }
}

TEST_CASE("Content-Type and Content-Encoding") {
  for (const char* type :
       {"application/json", "APPLICATION/json", "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"", "application/json;"}) {
    CAPTURE(type);
    CHECK(is_json_type(type));
  }
  for (const char* type :
       {"", "text/plain", "application/jsonx", "application/json; charset=utf-16",
        "application/json; x=y", "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x", "text/json"}) {
    CAPTURE(type);
    CHECK_FALSE(is_json_type(type));
  }
  const auto status = [](HttpRequest request, BodyKind body) {
    const auto refusal = refuse_form(request, body, kJson);
    return refusal ? refusal->status : 200;
  };
  HttpRequest request;
  CHECK(status(request, BodyKind::optional) == 200);
  request.has_body = true;
  CHECK(status(request, BodyKind::optional) == 415);
  CHECK(status(request, BodyKind::none) == 200);
  request.content_type = "application/json";
  CHECK(status(request, BodyKind::required) == 200);
  request.content_encoding = "gzip";
  CHECK(status(request, BodyKind::required) == 415);
  request.content_encoding = "identity";
  CHECK(status(request, BodyKind::required) == 200);
  request.accept = "image/png";
  CHECK(status(request, BodyKind::required) == 406);
}

TEST_CASE("H30 CORS headers go to listed origins only") {
  HttpRequest request;
  CHECK(cors_headers(request).empty());
  request.origin = "http://127.0.0.1:8000";
  CHECK(cors_headers(request).empty());
  request.origin_listed = true;
  const auto headers = cors_headers(request);
  REQUIRE(headers.size() == 2);
  CHECK(headers[0].value == "http://127.0.0.1:8000");
  CHECK(headers[1].name == "Vary");
  request.method = Method::options;
  CHECK_FALSE(is_preflight(request));
  request.access_control_request_method = "POST";
  CHECK(is_preflight(request));
  CHECK(preflight_answer(request).status == 204);
  CHECK(preflight_answer(request).headers.size() == 5);
  request.origin_listed = false;
  CHECK(is_preflight(request));
  CHECK(preflight_answer(request).headers.empty());
}

TEST_CASE("dates") {
  const auto at = [](std::int64_t second) {
    return std::chrono::sys_seconds(std::chrono::seconds(second));
  };
  CHECK(http_date(at(784111777)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(iso_date(at(784111777)) == "1994-11-06T08:49:37Z");
  CHECK(http_date(at(951782400)) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(iso_date(at(951782399)) == "2000-02-28T23:59:59Z");
}

TEST_CASE("health is made of constants") {
  EngineStatus status{EngineState::up, DiskState::ok, false};
  CHECK(health_page(Page::health, status, 1'800'000'000).body ==
        R"({"status":"healthy","timestamp":"2027-01-15T08:00:00Z","checks":{)"
        R"("docker":{"status":"healthy","message":"Docker answers"},)"
        R"("disk":{"status":"healthy","message":"Enough free space"},)"
        R"("policy":{"status":"healthy","message":"The policy is in force"}}})");
  const auto starts = [&](std::string_view text) {
    const auto page = health_page(Page::health, status, 0);
    CHECK(page.status == 200);
    CHECK(page.body.starts_with("{\"status\":\"" + std::string(text)));
  };
  status.policy_stale = true;
  starts("degraded");
  status = {EngineState::up, DiskState::low, false};
  starts("degraded");
  status = {};
  starts("degraded");
  CHECK(health_page(Page::readyz, status, 0).status == 503);
  status = {EngineState::down, DiskState::ok, false};
  starts("unhealthy");
  CHECK(health_page(Page::readyz, status, 0).status == 503);
  status.engine = EngineState::up;
  CHECK(health_page(Page::readyz, status, 0).status == 200);
  CHECK(health_page(Page::livez, {}, 0).body == R"({"status":"alive"})");
}
