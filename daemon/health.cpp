// SPDX-License-Identifier: Apache-2.0
// Constant texts only. Front; reads nothing of the request.
#include "daemon/health.hpp"
#include <chrono>
#include <string>
#include <string_view>
#include "daemon/date.hpp"

namespace dc::daemon {
namespace {

std::string_view overall(const EngineStatus& status) {
  if (status.engine == EngineState::down) return "unhealthy";
  const bool well =
      status.engine == EngineState::up && status.disk != DiskState::low && !status.policy_stale;
  return well ? "healthy" : "degraded";
}

std::string_view docker_check(EngineState state) {
  switch (state) {
    case EngineState::unknown:
      return R"({"status":"unknown","message":"Docker has not been asked yet"})";
    case EngineState::up: return R"({"status":"healthy","message":"Docker answers"})";
    case EngineState::down: return R"({"status":"unhealthy","message":"Docker does not answer"})";
  }
  return "null";
}

std::string_view disk_check(DiskState state) {
  switch (state) {
    case DiskState::unknown: return R"({"status":"unknown","message":"Free space is not known"})";
    case DiskState::ok: return R"({"status":"healthy","message":"Enough free space"})";
    case DiskState::low: return R"({"status":"degraded","message":"Free space is low"})";
  }
  return "null";
}

HttpResponse page_with(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

}  // namespace

HttpResponse health_page(Page page, const EngineStatus& status, std::time_t now) {
  switch (page) {
    case Page::none:
    case Page::metrics:
    case Page::explain: break;
    case Page::livez: return page_with(200, R"({"status":"alive"})");
    case Page::readyz:
      if (status.engine == EngineState::up) return page_with(200, R"({"status":"ready"})");
      return error_response({Errc::engine_unreachable, "Docker does not answer", ""});
    case Page::health: {
      std::string body = R"({"status":")";
      body += overall(status);
      body += R"(","timestamp":")";
      body += iso_date(std::chrono::sys_seconds(std::chrono::seconds(now)));
      body += R"(","checks":{"docker":)";
      body += docker_check(status.engine);
      body += R"(,"disk":)";
      body += disk_check(status.disk);
      body += R"(,"policy":)";
      body +=
          status.policy_stale
              ? R"({"status":"degraded","message":"Stale: the newest policy, keys or revocations were refused"})"
              : R"({"status":"healthy","message":"The policy is in force"})";
      body += "}}";
      return page_with(200, std::move(body));
    }
  }
  return error_response({Errc::internal, "No such page", ""});
}

}  // namespace dc::daemon
