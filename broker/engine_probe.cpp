// SPDX-License-Identifier: Apache-2.0
// A ping every second, and /info when the Engine comes up. Broker only.
#include "broker/engine_probe.hpp"

#include <spdlog/spdlog.h>
#include <sys/statvfs.h>

#include <array>

#include "broker/engine_request.hpp"
#include "common/json_reader.hpp"

namespace dc::broker {

using namespace std::chrono_literals;

void EngineProbe::start() {
  timer_.start(
      0ms, [this] { probe(); }, limits::kProbeEvery);
}

void EngineProbe::probe() {
  if (probing_) return;  // the last one has its deadline
  probing_ = true;
  EngineRequest ping;
  ping.path = "/_ping";
  ping.max_body = 1024;
  ping.deadline = limits::kProbeTime;
  engine_.send(std::move(ping), [this](const Result<EngineResponse>& response) {
    probing_ = false;
    answered(response && response->status == 200);
  });
}

void EngineProbe::answered(bool up) {
  const EngineState engine = up ? EngineState::up : EngineState::down;
  const DiskState disk_now = disk();
  if (engine == engine_state_ && disk_now == disk_state_) return;
  if (engine != engine_state_) {
    if (up) {
      spdlog::info("the Docker Engine answers");
      engine_.send(request::info(), [this](const Result<EngineResponse>& response) {
        if (response && response->status == 200) read_info(*response);
      });
    } else {
      spdlog::error("the Docker Engine does not answer; commands get 503 until it does");
    }
  }
  engine_state_ = engine;
  disk_state_ = disk_now;
  changed_(engine, disk_now);
}

void EngineProbe::read_info(const EngineResponse& response) {
  const JsonText document(response.body);
  for_each_member(document.view(), [this](std::string_view key, std::string_view json) {
    if (key == "DockerRootDir") data_root_ = json_string(json).value_or("");
    if (key == "ServerVersion") {
      spdlog::info("Docker Engine {}", json_string(json).value_or("?").substr(0, 64));
    }
    constexpr std::array<std::string_view, 4> kNeeded = {"MemoryLimit", "SwapLimit", "CpuCfsQuota",
                                                         "PidsLimit"};
    for (const std::string_view needed : kNeeded) {
      if (key == needed && json != "true") {
        spdlog::warn("this host does not enforce {}; containers cannot be run until it does",
                     needed);
      }
    }
  });
}

DiskState EngineProbe::disk() const {
  struct statvfs space {};
  if (data_root_.empty() || ::statvfs(data_root_.c_str(), &space) != 0) return DiskState::unknown;
  return space.f_bavail * space.f_frsize < limits::kDiskFloor ? DiskState::low : DiskState::ok;
}

}  // namespace dc::broker
