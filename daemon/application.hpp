// SPDX-License-Identifier: Apache-2.0
// The front's application: receives every well-formed request from the HTTP layer, answers the
// public pages itself and starts a Call for the rest. Front only; requests are hostile.
#pragma once

#include <memory>
#include "daemon/auth.hpp"
#include "daemon/broker_client.hpp"
#include "daemon/call.hpp"
#include "daemon/http.hpp"
#include "daemon/metrics.hpp"

namespace dc::daemon {

class Application {
 public:
  // Without `policy_check`, scopes and policy are left to the broker, for tests of it.
  // `metrics` outlives it.
  Application(uv_loop_t* loop, BrokerClient& broker, const Welcome& welcome, Metrics& metrics);
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  void handle(const std::shared_ptr<Exchange>& exchange);

  // Verified tokens are forgotten: their scopes came from the policy before.
  void use_policy(policy::Snapshot policy);
  // Ends what would not end by itself.
  void drain() { streams_.drain(); }
  void use_status(const EngineStatus& status);

 private:
  Authenticator auth_;
  EventStreams streams_;
  Services services_;
  EngineStatus status_;
  const bool docs_;            // the API pages are served
  const bool public_metrics_;  // the metrics, without a token
};

}  // namespace dc::daemon
