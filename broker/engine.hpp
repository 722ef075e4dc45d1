// SPDX-License-Identifier: Apache-2.0
// The one place that talks to docker.sock: a pool of kept-alive connections, version negotiation
// and a deadline on every exchange. Broker only. Requests come from broker/engine_request.hpp and
// nowhere else; the Engine's framing is checked by llhttp and capped, its JSON is left to the
// caller.
#pragma once

#include <uv.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include "common/error.hpp"
#include "common/limits.hpp"
#include "common/uv.hpp"

namespace dc::broker {

enum class Verb : std::uint8_t { get, post, del };

struct EngineRequest {
  Verb verb = Verb::get;
  std::string path;  // without the version; made of constants and validated ids only
  std::string body;  // JSON, for post
  // Value of X-Registry-Auth: base64url, overwritten when it was sent.
  std::string registry_auth;
  std::chrono::milliseconds deadline = limits::kReadTime;
  // Where set, the exchange also ends when nothing came for so long.
  std::chrono::milliseconds stall{0};
  std::size_t max_body = limits::kInspectBody;
  bool versioned = true;          // false for /_ping alone
  bool long_lived = false;        // a connection of its own: changes, pings, streams
  bool bulk = false;              // one of many for the same caller: waits behind all that are not
  std::function<void()> on_open;  // where set, runs when the headers of a 200 are there
  // Where set, a 200's body goes here as it comes and not into the response. False ends the
  // exchange with Errc::engine_failure.
  std::function<bool(std::string_view)> on_data;
};

struct EngineResponse {
  int status = 0;
  std::string body;
  std::string api_version;  // header of /_ping
};

class EngineConnection;
struct EngineExchange;  // a request under way (engine_connection.hpp)
using EngineCallback = std::function<void(Result<EngineResponse>)>;
using EngineTicket = std::weak_ptr<EngineExchange>;  // of a request under way; empty once it ended

class Engine {
 public:
  Engine(uv_loop_t* loop, std::string socket_path);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The callback runs exactly once, never from inside send().
  // Errors: engine_unreachable, engine_failure, deadline_exceeded. Any HTTP status is a response.
  // The first versioned request after the Engine came up is preceded by the negotiation.
  EngineTicket send(EngineRequest request, EngineCallback callback);
  // Reads nothing more of the answer until it is resumed, so that the Engine waits.
  // Meanwhile only the request's whole deadline runs. For long_lived ones.
  void pause(const EngineTicket& ticket, bool paused);
  // Ends it by closing its connection, which is how the Engine is told; the callback does not run.
  void cancel(const EngineTicket& ticket);

 private:
  friend class EngineConnection;
  using ExchangePtr = std::shared_ptr<EngineExchange>;

  void pump();
  bool dispatch(const ExchangePtr& exchange);
  void negotiate();
  void negotiated(const Result<EngineResponse>& ping);
  static void finish(const ExchangePtr& exchange, Result<EngineResponse> result);
  void connection_done(EngineConnection& connection, bool reusable, EngineResponse response);
  void connection_lost(EngineConnection& connection, const Error& error, bool got_bytes);
  void close(EngineConnection& connection);
  void check_deadlines();

  uv_loop_t* loop_;
  std::string socket_path_;
  std::string version_;  // path prefix such as "/v1.41"; empty while unknown
  bool negotiating_ = false;
  std::list<std::unique_ptr<EngineConnection>> connections_;
  std::list<std::unique_ptr<EngineConnection>> closed_;  // kept until the stack is unwound
  std::deque<ExchangePtr> waiting_;
  uv::Timer deadlines_;
  uv::Timer sweep_closed_;
  uv::BusyPoll busy_;
  bool ticking_ = false;
};

}  // namespace dc::broker
