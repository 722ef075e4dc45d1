// SPDX-License-Identifier: Apache-2.0
// Watches whether the Engine answers and how full its disk is, so that health costs no request.
// Broker only.
#pragma once

#include <functional>
#include <string>

#include "broker/engine.hpp"
#include "common/messages.hpp"
#include "common/uv.hpp"

namespace dc::broker {

class EngineProbe {
 public:
  // `changed` runs with every change of state; the first `up` after a `down` or at start is where
  // left work is taken up again.
  EngineProbe(uv_loop_t* loop, Engine& engine, std::function<void(EngineState, DiskState)> changed)
      : engine_(engine), timer_(loop), changed_(std::move(changed)) {}
  void start();

 private:
  void probe();
  void answered(bool up);
  void read_info(const EngineResponse& response);
  [[nodiscard]] DiskState disk() const;

  Engine& engine_;
  uv::Timer timer_;
  std::function<void(EngineState, DiskState)> changed_;
  bool probing_ = false;
  EngineState engine_state_ = EngineState::unknown;
  DiskState disk_state_ = DiskState::unknown;
  std::string data_root_;
};

}  // namespace dc::broker
