// SPDX-License-Identifier: Apache-2.0
// The pool: which exchange runs on which connection, deadlines, version negotiation, and what
// happens when a connection is lost. Broker only.
#include "broker/engine.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include "broker/engine_connection.hpp"

namespace dc::broker {
namespace {

// One coarse timer serves all deadlines: they are seconds, and most exchanges take microseconds.
constexpr std::chrono::milliseconds kDeadlineTick{50};

// Minor versions of API 1: what we need at least, and the newest that the tests have run against.
constexpr unsigned kOldestApi = 41;
constexpr unsigned kNewestApi = 51;

// "1.41" -> 41.
std::optional<unsigned> minor_version(std::string_view version) {
  if (version.substr(0, 2) != "1.") return std::nullopt;
  version.remove_prefix(2);
  unsigned minor = 0;
  const auto [end, problem] =
      std::from_chars(version.data(), version.data() + version.size(), minor);
  if (problem != std::errc() || end != version.data() + version.size()) return std::nullopt;
  return minor;
}

}  // namespace

void EngineExchange::cancel() {
  if (!callback_) return;
  callback_ = nullptr;
  engine_.drop(*this);
}

void EngineExchange::extend(std::chrono::milliseconds deadline) {
  deadline_at_ = uv_now(engine_.loop_) + static_cast<std::uint64_t>(deadline.count());
}

Engine::Engine(uv_loop_t* loop, std::string socket_path)
    : loop_(loop), socket_path_(std::move(socket_path)), deadlines_(loop), sweep_closed_(loop) {}

Engine::~Engine() = default;

Engine::ExchangePtr Engine::send(EngineRequest request, EngineExchange::Callback callback) {
  auto exchange = std::make_shared<EngineExchange>(*this, std::move(request), std::move(callback));
  uv_update_time(loop_);
  exchange->extend(exchange->request_.deadline);
  waiting_.push_back(exchange);
  if (!ticking_) {
    ticking_ = true;
    deadlines_.start(
        kDeadlineTick, [this] { check_deadlines(); }, kDeadlineTick);
  }
  pump();
  return exchange;
}

void Engine::pump() {
  std::deque<ExchangePtr> still_waiting;
  while (!waiting_.empty()) {
    ExchangePtr exchange = std::move(waiting_.front());
    waiting_.pop_front();
    if (exchange->request_.versioned && version_.empty()) {
      still_waiting.push_back(std::move(exchange));
    } else if (!dispatch(exchange)) {
      still_waiting.push_back(std::move(exchange));
    }
  }
  waiting_ = std::move(still_waiting);
  if (!waiting_.empty() && version_.empty()) negotiate();
}

// False: every connection is busy.
bool Engine::dispatch(const ExchangePtr& exchange) {
  const bool pooled = !exchange->request_.long_lived;
  std::size_t open = 0;
  for (auto& connection : connections_) {
    if (!connection->pooled()) continue;
    if (pooled && connection->idle()) {
      connection->serve(exchange);
      return true;
    }
    ++open;
  }
  if (pooled && open >= limits::kEngineConnections) return false;
  connections_.push_back(std::make_unique<EngineConnection>(*this, loop_, pooled));
  // By path each time: after a restart of the Engine the socket is another file.
  connections_.back()->connect(socket_path_, exchange);
  return true;
}

void Engine::negotiate() {
  if (negotiating_) return;
  negotiating_ = true;
  EngineRequest ping;
  ping.path = "/_ping";
  ping.versioned = false;
  ping.max_body = 1024;
  ping.deadline = limits::kReadTime;
  send(std::move(ping), [this](Result<EngineResponse> response) {
    negotiating_ = false;
    negotiated(response);
  });
}

void Engine::negotiated(const Result<EngineResponse>& ping) {
  std::optional<Error> error;
  if (!ping) {
    error = ping.error();
  } else {
    const auto minor = minor_version(ping->api_version);
    if (ping->status != 200 || !minor) {
      error = Error{Errc::engine_failure, "The Docker Engine does not answer as one", {}};
    } else if (*minor < kOldestApi) {
      error = Error{Errc::engine_failure, "The Docker Engine is older than API 1.41",
                    "upgrade Docker to 20.10 or newer"};
    } else {
      version_ = "/v1." + std::to_string(std::min(*minor, kNewestApi));
    }
  }
  if (!error) {
    pump();
    return;
  }
  const auto failed = std::move(waiting_);
  waiting_.clear();
  for (const auto& exchange : failed) finish(exchange, tl::unexpected<Error>(*error));
}

void Engine::finish(const ExchangePtr& exchange, Result<EngineResponse> result) {
  const auto callback = std::exchange(exchange->callback_, nullptr);
  if (callback) callback(std::move(result));
}

void Engine::connection_done(EngineConnection& connection, bool reusable, EngineResponse response) {
  const ExchangePtr exchange = connection.release_exchange();
  if (!reusable) close(connection);
  finish(exchange, std::move(response));
  pump();
}

void Engine::connection_lost(EngineConnection& connection, const Error& error, bool got_bytes) {
  const ExchangePtr exchange = connection.release_exchange();
  close(connection);
  if (!exchange) {  // an idle one: the Engine went away, and may come back as another version
    version_.clear();
    return;
  }
  const bool repeatable = exchange->request_.verb == Verb::get;
  if (connection.reused() && !got_bytes && repeatable && !exchange->retried_) {
    exchange->retried_ = true;
    waiting_.push_front(exchange);
  } else {
    if (error.code == Errc::engine_unreachable) version_.clear();
    finish(exchange, tl::unexpected<Error>(error));
  }
  pump();
}

void Engine::close(EngineConnection& connection) {
  connection.shut();
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    if (at->get() != &connection) continue;
    closed_.splice(closed_.end(), connections_, at);
    break;
  }
  sweep_closed_.start(std::chrono::milliseconds(0), [this] { closed_.clear(); });
}

void Engine::drop(EngineExchange& exchange) {
  if (exchange.connection_ != nullptr) {
    EngineConnection& connection = *exchange.connection_;
    const ExchangePtr keep = connection.release_exchange();
    close(connection);
    return;
  }
  std::erase_if(waiting_, [&](const ExchangePtr& waiting) { return waiting.get() == &exchange; });
}

void Engine::check_deadlines() {
  const std::uint64_t now = uv_now(loop_);
  std::vector<ExchangePtr> late;
  std::size_t open = waiting_.size();
  for (const auto& exchange : waiting_) {
    if (exchange->deadline_at_ <= now) late.push_back(exchange);
  }
  for (const auto& connection : connections_) {
    if (!connection->exchange()) continue;
    ++open;
    if (connection->exchange()->deadline_at_ <= now) late.push_back(connection->exchange());
  }
  if (open == 0) {
    ticking_ = false;
    deadlines_.stop();
  }
  for (const auto& exchange : late) {
    drop(*exchange);
    finish(exchange, fail(Errc::deadline_exceeded, "The Docker Engine did not answer in time"));
  }
  if (!late.empty()) pump();
}

}  // namespace dc::broker
