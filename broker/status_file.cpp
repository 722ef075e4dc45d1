// SPDX-License-Identifier: Apache-2.0
// Writes the status beside its place and moves it there, so that no reader finds half of it. Broker
// only.
#include "broker/status_file.hpp"
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include "common/fd.hpp"
#include "common/json_text.hpp"
#include "common/limits.hpp"

namespace dc::broker {
namespace {

std::string_view name_of(EngineState state) {
  switch (state) {
    case EngineState::unknown: return "unknown";
    case EngineState::up: return "up";
    case EngineState::down: return "down";
  }
  return "";
}

std::string_view name_of(DiskState state) {
  switch (state) {
    case DiskState::unknown: return "unknown";
    case DiskState::ok: return "ok";
    case DiskState::low: return "low";
  }
  return "";
}

std::string to_json(const ServiceStatus& status, std::time_t started) {
  JsonWriter out;
  out.open('{').key("version").string(DC_VERSION);
  out.key("pid").number(::getpid()).key("started").number(started);
  out.key("draining").boolean(status.draining);
  out.key("policy").open('{').key("file").string(status.policy);
  out.key("profiles").number(static_cast<std::int64_t>(status.profiles));
  out.key("generation").number(static_cast<std::int64_t>(status.generation));
  out.key("loaded").number(status.loaded);
  out.key("problem").string(status.policy_problem.substr(0, limits::kStatusProblem)).close('}');
  out.key("engine").string(name_of(status.engine)).key("disk").string(name_of(status.disk));
  out.key("audit").open('{').key("file").string(status.audit);
  out.key("writable").boolean(status.audit_writable).close('}');
  out.key("separate_users").boolean(status.separate);
  return out.close('}').take() + '\n';
}

bool replace(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  const Fd file(::open(fresh.c_str(), kFlags, 0644));
  if (!file) return false;
  errno = ENOSPC;  // of a write that was cut short
  return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
         ::rename(fresh.c_str(), path.c_str()) == 0;
}

}  // namespace

void StatusFile::show(const ServiceStatus& status) {
  std::string text = to_json(status, started_);
  if (text == shown_) return;
  const bool done = replace(path_, text);
  if (!done && !failing_) {
    spdlog::warn("{} cannot be written ({}): docker-control status shows what was before", path_,
                 std::strerror(errno));
  }
  failing_ = !done;
  if (done) shown_ = std::move(text);
}

}  // namespace dc::broker
