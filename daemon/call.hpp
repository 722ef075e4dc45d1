// SPDX-License-Identifier: Apache-2.0
// One request on its way through the front: authenticate, route, scope, form, body, normalize,
// policy, submit, render. Front only; the request is hostile, what leaves here is typed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include "daemon/auth.hpp"
#include "daemon/broker_client.hpp"
#include "daemon/event_stream.hpp"
#include "daemon/http.hpp"
#include "daemon/metrics.hpp"
#include "daemon/reply.hpp"
#include "daemon/routes.hpp"
#include "policy/profile.hpp"

namespace dc::daemon {

// What all calls share; outlives them.
struct Services {
  BrokerClient& broker;
  Authenticator& auth;
  EventStreams& streams;
  Metrics& metrics;
  bool policy_check = true;  // false: the broker alone decides
  policy::Snapshot policy = std::make_shared<const policy::Policy>();
};

class Call final : public Replies, public std::enable_shared_from_this<Call> {
 public:
  // `match`: of the request's method and path.
  static void start(Services& services, std::shared_ptr<Exchange> exchange, Match match);
  Call(Services& services, std::shared_ptr<Exchange> exchange, Match match);

  void part(ToFront message) override;
  void last(ToFront message) override;

 private:
  void authenticate();
  void authenticated(Authenticator::Outcome outcome);
  void route();
  void read_body();
  void with_body(const std::string& body);
  // POST policy/explain: answered here, since nothing is done.
  void explain(const std::string& body);
  void submit();
  void gone();
  void refuse(const Error& error) { respond(error_response(error)); }
  // refuse() of a known caller and operation, which goes on record in the broker's audit.
  void deny(const Error& error, const Command* command);
  void respond(HttpResponse response);

  Services& services_;
  std::shared_ptr<Exchange> exchange_;  // held until it is answered
  const HttpRequest& request_;          // of exchange_
  const Match match_;
  const Route* route_ = nullptr;  // of the match, once it may be looked at
  std::shared_ptr<const Caller> caller_;
  std::optional<ToBroker> message_;  // the Submit, kept for one more try
  std::vector<Header> warnings_;     // what the profile's mode lets pass
  std::shared_ptr<Answer> answer_;
  std::uint64_t id_ = 0;  // of the submitted request
  bool retried_ = false;
  bool answering_ = false;  // parts have come
  bool gone_ = false;
};

}  // namespace dc::daemon
