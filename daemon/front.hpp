// SPDX-License-Identifier: Apache-2.0
// The running front: loop, channel, listener and application, and how it ends. Front only; made by
// daemon/main.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include "common/channel.hpp"
#include "common/messages.hpp"
#include "common/uv.hpp"
#include "daemon/application.hpp"
#include "daemon/broker_client.hpp"
#include "daemon/listener.hpp"
#include "daemon/metrics.hpp"

namespace dc::daemon {

class Front {
 public:
  // `welcome` is the broker's; `listeners` sockets are open from kFirstListener on.
  Front(uv_loop_t* loop, Channel channel, const Welcome& welcome, int listeners);

  // Serves until drained; returns the exit code.
  int run();

 private:
  BrokerEvents events();
  // Once there is a policy to serve by.
  void serve();
  [[nodiscard]] HttpLimits http_limits() const;
  void drain();
  void finish(int code);

  uv_loop_t* loop_;
  const Welcome welcome_;
  const int listeners_;
  BrokerClient broker_;
  Metrics metrics_;
  Application application_;
  uv::Signal terminate_;
  uv::Timer drain_limit_;
  std::optional<Listener> listener_;
  bool draining_ = false;
  int exit_code_ = 0;
};

}  // namespace dc::daemon
