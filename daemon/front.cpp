// SPDX-License-Identifier: Apache-2.0
// Start, drain, end. Front only.
#include "daemon/front.hpp"
#include <spdlog/spdlog.h>
#include <algorithm>
#include <csignal>
#include "common/keeper_protocol.hpp"
#include "common/limits.hpp"
#include "daemon/process.hpp"

namespace dc::daemon {
namespace {

// What the process has open besides sockets of clients and listeners: standard streams, channel,
// event loop, spares of libuv and the listener.
constexpr std::size_t kOwnDescriptors = 32;

}  // namespace

Front::Front(uv_loop_t* loop, Channel channel, const Welcome& welcome, int listeners)
    : loop_(loop),
      welcome_(welcome),
      listeners_(listeners),
      broker_(loop, std::move(channel), events()),
      application_(loop, broker_, welcome, metrics_),
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

// As configured, or as many connections as the process may have descriptors for.
HttpLimits Front::http_limits() const {
  HttpLimits limits;
  limits.connections_per_address = welcome_.max_connections_per_address;
  const std::size_t others =
      static_cast<std::size_t>(listeners_) + limits.reserve + kOwnDescriptors;
  const std::size_t wanted = welcome_.max_connections + others;
  const std::size_t allowed = allow_descriptors(wanted);
  limits.connections = welcome_.max_connections;
  if (allowed < wanted) {
    limits.connections = std::max<std::size_t>(allowed, others + limits::kConnectionsMin) - others;
    spdlog::warn(
        "max_connections={} is more than the limit of {} open files has room for; serving {}. "
        "Raise "
        "it to {}: LimitNOFILE= of the service, or ulimit -n",
        welcome_.max_connections, allowed, limits.connections, wanted);
  }
  limits.strangers = std::min(limits.strangers, limits.connections / 2);
  return limits;
}

void Front::serve() {
  if (listener_ || draining_) return;
  for (int i = 0; i < listeners_; ++i) {
    Fd socket(kFirstListener + i);
    if (listener_) {
      listener_->add(std::move(socket));
    } else {
      listener_.emplace(
          loop_, std::move(socket), http_limits(),
          [this](std::shared_ptr<Exchange> exchange) { application_.handle(exchange); },
          Site{welcome_.hosts, welcome_.cors_origins},
          [this](const Answered& answer) { metrics_.answered(answer); });
      metrics_.watch_connections([this] { return listener_->counts(); });
    }
  }
  spdlog::info("serving listeners={}", listeners_);
}

void Front::drain() {
  if (draining_) return;
  draining_ = true;
  spdlog::info("draining connections={}", listener_ ? listener_->connections() : 0);
  if (!listener_) return finish(0);
  application_.drain();
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
