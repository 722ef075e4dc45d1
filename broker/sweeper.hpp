// SPDX-License-Identifier: Apache-2.0
// Removes what an interrupted run left: containers that carry our proof, were never started and
// belong to no run under way, and ended ones that we had promised to remove. Broker only.
#pragma once

#include <set>
#include <string>
#include "broker/audit.hpp"
#include "broker/engine.hpp"
#include "broker/ownership.hpp"
#include "common/uv.hpp"

namespace dc::broker {

class Sweeper {
 public:
  Sweeper(uv_loop_t* loop, Engine& engine, const Ownership& ownership, Audit& audit)
      : engine_(engine), ownership_(ownership), audit_(audit), timer_(loop) {}

  // Sweeps now, and then again every limits::kSweepEvery.
  void start();
  // Containers with this nonce belong to a run under way and are left alone until release().
  void protect(const std::string& nonce) { active_.insert(nonce); }
  void release(const std::string& nonce) { active_.erase(nonce); }

 private:
  void sweep();
  void listed(const Result<EngineResponse>& response);

  Engine& engine_;
  const Ownership& ownership_;
  Audit& audit_;
  uv::Timer timer_;
  std::set<std::string> active_;
};

}  // namespace dc::broker
