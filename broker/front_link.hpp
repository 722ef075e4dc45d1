// SPDX-License-Identifier: Apache-2.0
// The broker's side of the keeper: gives each new front a fresh channel, has a broken one killed,
// and decides how soon the next one starts. Broker only. What the keeper says is one byte; anything
// else, or its end, is the end of the service, because only a start can make another keeper.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include "broker/session.hpp"
#include "common/fd.hpp"
#include "common/uv.hpp"

namespace dc::broker {

class FrontLink {
 public:
  // `keeper_lost` runs once when the keeper is gone.
  FrontLink(uv_loop_t* loop, Context& context, Fd control, std::function<void()> keeper_lost);

  void send_policy();
  void send_status();
  // The front finishes what it has and ends; no other is started. `drained` runs when it has ended.
  void drain(std::function<void()> drained);

 private:
  void on_control();
  void start_front();
  void session_ended(Session::End how);

  uv_loop_t* loop_;
  Context& context_;
  Fd control_;
  uv::Poll poll_;
  uv::Timer delay_;
  uv::Timer cleanup_;
  std::function<void()> keeper_lost_;
  std::function<void()> drained_;
  std::optional<Session> session_;
  std::chrono::milliseconds next_delay_{0};
  bool draining_ = false;
};

}  // namespace dc::broker
