// SPDX-License-Identifier: Apache-2.0
// The pool: which exchange runs on which connection, deadlines, version negotiation, and what
// happens when a connection is lost. Broker only.
#include "broker/engine.hpp"
#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <vector>
#include "broker/engine_connection.hpp"
#include "broker/engine_request.hpp"
#include "common/types.hpp"

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

Engine::Engine(uv_loop_t* loop, std::string socket_path)
    : loop_(loop),
      socket_path_(std::move(socket_path)),
      deadlines_(loop),
      sweep_closed_(loop),
      busy_(loop) {}

Engine::~Engine() = default;

EngineTicket Engine::send(EngineRequest request, EngineCallback callback) {
  auto exchange =
      std::make_shared<EngineExchange>(EngineExchange{std::move(request), std::move(callback)});
  uv_update_time(loop_);
  exchange->heard_at = uv_now(loop_);
  exchange->deadline_at =
      exchange->heard_at + static_cast<std::uint64_t>(exchange->request.deadline.count());
  const bool bulk = exchange->request.bulk;
  const auto place = std::find_if(waiting_.begin(), waiting_.end(), [bulk](const auto& other) {
    return other->request.bulk && !bulk;
  });
  waiting_.insert(place, exchange);
  if (!ticking_) {
    ticking_ = true;
    deadlines_.start(
        kDeadlineTick, [this] { check_deadlines(); }, kDeadlineTick);
  }
  busy_.start(limits::kBusyPoll);
  pump();
  return exchange;
}

void Engine::pause(const EngineTicket& ticket, bool paused) {
  const ExchangePtr exchange = ticket.lock();
  if (!exchange || exchange->paused == paused) return;
  exchange->paused = paused;
  exchange->heard_at = uv_now(loop_);
  if (exchange->connection != nullptr) exchange->connection->pause(paused);
}

void Engine::cancel(const EngineTicket& ticket) {
  const ExchangePtr exchange = ticket.lock();
  if (!exchange) return;
  exchange->callback = nullptr;
  wipe(exchange->request.registry_auth);
  std::erase(waiting_, exchange);
  if (exchange->connection == nullptr) return;
  EngineConnection& connection = *exchange->connection;
  connection.release_exchange();
  close(connection);
  pump();
}

void Engine::pump() {
  std::erase_if(waiting_, [this](const ExchangePtr& exchange) {
    return !(exchange->request.versioned && version_.empty()) && dispatch(exchange);
  });
  if (!waiting_.empty() && version_.empty()) negotiate();
}

// False: every connection is busy.
bool Engine::dispatch(const ExchangePtr& exchange) {
  const bool pooled = !exchange->request.long_lived;
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
  EngineRequest ping = request::ping(limits::kReadTime);
  ping.versioned = false;
  send(std::move(ping), [this](const Result<EngineResponse>& response) {
    negotiating_ = false;
    negotiated(response);
  });
}

void Engine::negotiated(const Result<EngineResponse>& ping) {
  const auto minor = ping ? minor_version(ping->api_version) : std::nullopt;
  if (minor && *minor >= kOldestApi) {
    version_ = "/v1." + std::to_string(std::min(*minor, kNewestApi));
    return pump();
  }
  const Error error =
      !ping   ? ping.error()
      : minor ? Error{Errc::engine_failure, "The Docker Engine is older than API 1.41",
                      "upgrade Docker to 20.10 or newer"}
              : Error{Errc::engine_failure, "The Docker Engine does not answer as one", {}};
  const auto failed = std::exchange(waiting_, {});
  for (const auto& exchange : failed) finish(exchange, fail(error));
}

void Engine::finish(const ExchangePtr& exchange, Result<EngineResponse> result) {
  const auto callback = std::exchange(exchange->callback, nullptr);
  wipe(exchange->request.registry_auth);  // of one that was never sent
  if (callback) callback(std::move(result));
}

void Engine::connection_done(EngineConnection& connection, bool reusable, EngineResponse response) {
  busy_.stop();
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
  const bool repeatable = exchange->request.verb == Verb::get;
  if (connection.reused() && !got_bytes && repeatable && !exchange->retried) {
    exchange->retried = true;
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

void Engine::check_deadlines() {
  const std::uint64_t now = uv_now(loop_);
  const auto is_late = [now](const ExchangePtr& exchange) {
    const auto stall = static_cast<std::uint64_t>(exchange->request.stall.count());
    const bool stalled = stall > 0 && !exchange->paused && exchange->heard_at + stall <= now;
    return exchange->deadline_at <= now || stalled;
  };
  std::vector<ExchangePtr> late;
  std::copy_if(waiting_.begin(), waiting_.end(), std::back_inserter(late), is_late);
  std::erase_if(waiting_, is_late);
  std::size_t open = waiting_.size();
  for (auto at = connections_.begin(); at != connections_.end();) {
    EngineConnection& connection = **at++;  // close() takes it out of the list
    if (!connection.exchange()) continue;
    ++open;
    if (!is_late(connection.exchange())) continue;
    late.push_back(connection.release_exchange());
    close(connection);  // which is how the Engine is told
  }
  ticking_ = open > 0;
  if (!ticking_) deadlines_.stop();
  for (const auto& exchange : late) {
    finish(exchange, fail(Errc::deadline_exceeded, "The Docker Engine did not answer in time"));
  }
  if (!late.empty()) pump();
}

}  // namespace dc::broker
