// SPDX-License-Identifier: Apache-2.0
// Start, drain, end. Front only.
#include "daemon/front.hpp"
#include <spdlog/spdlog.h>
#include <csignal>
#include "common/keeper_protocol.hpp"
#include "common/limits.hpp"

namespace dc::daemon {

Front::Front(uv_loop_t* loop, Channel channel, const Welcome& welcome, int listeners)
    : loop_(loop),
      listeners_(listeners),
      broker_(loop, std::move(channel), events()),
      application_(loop, broker_, welcome.policy_check),
      terminate_(loop, SIGTERM, [this] { drain(); }),
      drain_limit_(loop) {}

BrokerEvents Front::events() {
  return {
      .policy =
          [this](policy::Snapshot policy) {
            application_.use_policy(std::move(policy));
            serve();
          },
      .status = [this](const EngineStatus& status) { application_.use_status(status); },
      .drain = [this] { drain(); },
      .lost =
          [this](std::string_view why) {
            spdlog::critical("ends reason=\"{}\"", why);
            finish(1);
          },
  };
}

int Front::run() {
  uv_run(loop_, UV_RUN_DEFAULT);
  return exit_code_;
}

void Front::serve() {
  if (listener_ || draining_) return;
  for (int i = 0; i < listeners_; ++i) {
    Fd socket(kFirstListener + i);
    if (listener_) {
      listener_->add(std::move(socket));
    } else {
      listener_.emplace(
          loop_, std::move(socket), HttpLimits{},
          [this](std::shared_ptr<Exchange> exchange) { application_.handle(exchange); });
    }
  }
  spdlog::info("serving listeners={}", listeners_);
}

void Front::drain() {
  if (draining_) return;
  draining_ = true;
  spdlog::info("draining connections={}", listener_ ? listener_->connections() : 0);
  if (!listener_) return finish(0);
  drain_limit_.start(limits::kDrainTime, [this] {
    spdlog::warn("drain ends late connections={}", listener_->connections());
    finish(0);
  });
  listener_->drain([this] { finish(0); });
}

void Front::finish(int code) {
  exit_code_ = code;
  uv_stop(loop_);
}

}  // namespace dc::daemon
