// SPDX-License-Identifier: Apache-2.0
// Accepting, counting, sweeping and draining. Front only. accept4() is called here and not by
// libuv, whose way out of EMFILE opens a file each time, which a sealed process cannot.
#include "daemon/listener.hpp"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace dc::daemon {
namespace {

constexpr int kBacklog = 1024;
// Accepted in one go; then those that are connected have their turn.
constexpr int kAcceptBatch = 16;
// One whose request has come by the time that it is accepted is read in the next turn of the loop.
// Until then every listener may bring two batches, its own among the first.
static_assert(limits::kStrangers >= 2 * limits::kListeners * kAcceptBatch);

constexpr HttpFailure kFull{503, "overloaded", "Too many connections"};

// "192.0.2.1" or "2001:db8::1"; IPv4-mapped addresses as IPv4.
std::string peer_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* done = nullptr;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    done = inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    const auto* bytes = v6.sin6_addr.s6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    done = mapped ? inet_ntop(AF_INET, bytes + 12, text.data(), text.size())
                  : inet_ntop(AF_INET6, bytes, text.data(), text.size());
  }
  return done == nullptr ? std::string() : std::string(done);
}

}  // namespace

Listener::Listener(uv_loop_t* event_loop, Fd fd, const HttpLimits& http_limits, Handler handler,
                   Site names, Observer observer)
    : ConnectionHost(event_loop, http_limits, std::move(names)),
      handler_(std::move(handler)),
      observer_(std::move(observer)),
      sweeper_(event_loop),
      accept_again_(event_loop) {
  auto* idle = new uv_idle_t;
  uv_idle_init(event_loop, idle);
  idle->data = this;
  idle_.reset(idle);
  auto* first = new uv_tcp_t;  // libuv takes its spare descriptor now
  uv_tcp_init(event_loop, first);
  uv::Owned<uv_tcp_t>(first).reset();
  spare_.reset(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  add(std::move(fd));
}

Listener::~Listener() {
  while (!connections_.empty()) connections_.back()->close();
}

void Listener::add(Fd fd) {
  if (::listen(fd.get(), kBacklog) != 0) {
    spdlog::critical("event=listen_failed error={}", std::strerror(errno));
  }
  const int number = fd.get();
  ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
  auto poll =
      std::make_unique<uv::Poll>(loop, number, [this, number](int) { accept_some(number); });
  sockets_.push_back({std::move(fd), std::move(poll)});
  watch();
}

void Listener::drain(std::function<void()> done) {
  draining = true;
  drained_ = std::move(done);
  accept_again_.stop();
  sockets_.clear();
  spare_.reset();
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) connections_[i]->drain();
  }
  wake();
}

// --- accepting -------------------------------------------------------------------------------

// Accepts only while there is room; others wait in the kernel's backlog.
void Listener::watch() {
  const bool wanted = has_room() && !resting_;
  for (const Socket& socket : sockets_) socket.poll->watch(wanted ? UV_READABLE : 0);
}

// For one more: a place, one that a stranger can be made to leave, or, when token holders have all
// there are, the reserve. While the requests of as many strangers as there may be are worked on,
// the next has to wait.
bool Listener::has_room() const {
  if (!crowded()) return true;
  if (std::any_of(strangers_.begin(), strangers_.end(),
                  [](const Connection* stranger) { return stranger->droppable(); })) {
    return true;
  }
  return connections_.size() >= limits.connections &&
         connections_.size() < limits.connections + limits.reserve;
}

bool Listener::crowded() const {
  return strangers_.size() >= limits.strangers || connections_.size() >= limits.connections;
}

void Listener::accept_some(int fd) {
  for (int i = 0; i < kAcceptBatch && has_room(); ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Fd client(
        ::accept4(fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      adopt(std::move(client), peer_text(address));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN) out_of_descriptors(fd);
    break;
  }
  watch();
}

void Listener::adopt(Fd fd, std::string peer) {
  const auto share = per_address_.find(peer);
  if (share != per_address_.end() && share->second >= limits.connections_per_address &&
      !drop_stranger(&peer)) {
    return;  // closes it
  }
  const bool has_place = !crowded() || drop_stranger(nullptr);
  if (connections_.empty())
    sweeper_.start(
        limits.sweep, [this] { sweep(); }, limits.sweep);
  ++per_address_[peer];
  ConnectionHost& host = *this;
  connections_.push_back(std::make_unique<Connection>(host, std::move(peer)));
  Connection& connection = *connections_.back();
  connection.slot = connections_.size() - 1;
  connection.stranger = has_place;
  if (has_place) connection.place = strangers_.insert(strangers_.end(), &connection);
  if (!connection.open(std::move(fd))) {
    connection.close();
  } else if (!has_place) {
    connection.turn_away(kFull);
  }
}

// The oldest, or the oldest of one address. False: there is none that could go.
bool Listener::drop_stranger(const std::string* peer) {
  const auto oldest =
      std::find_if(strangers_.begin(), strangers_.end(), [peer](const Connection* stranger) {
        return stranger->droppable() && (peer == nullptr || stranger->peer() == *peer);
      });
  if (oldest == strangers_.end()) return false;
  ++dropped_;
  (*oldest)->close();
  return true;
}

void Listener::report_drops() {
  const std::uint64_t now = uv_now(loop);
  if (dropped_ == 0 || now < report_at_) return;
  spdlog::warn("event=strangers_dropped count={} connections={}", std::exchange(dropped_, 0),
               connections_.size());
  report_at_ = now + static_cast<std::uint64_t>(limits.drop_report.count());
}

// EMFILE and the like. The spare descriptor lets one client be turned away at once instead of being
// left to wait; then accepting rests, since the socket stays readable.
void Listener::out_of_descriptors(int fd) {
  spdlog::error("event=accept_failed error={}", std::strerror(errno));
  spare_.reset();
  Fd(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)).reset();
  spare_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  resting_ = true;
  accept_again_.start(limits.accept_pause, [this] {
    resting_ = false;
    watch();
  });
}

// --- looking after connections ---------------------------------------------------------------

void Listener::sweep() {
  report_drops();
  const std::uint64_t now = uv_now(loop);
  // Downwards: a connection that closes is replaced by the last one, which had its turn.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) connections_[i]->sweep(now);
  }
}

void Listener::handle(std::shared_ptr<Exchange> exchange) { handler_(std::move(exchange)); }

void Listener::answered(const Answered& answer) {
  if (observer_) observer_(answer);
}

ConnectionCounts Listener::counts() const {
  ConnectionCounts counts;
  for (const auto& connection : connections_) connection->count(counts);
  return counts;
}

void Listener::schedule(Connection& connection) {
  scheduled_.push_back(&connection);
  wake();
}

void Listener::vouched(Connection& connection) {
  if (!connection.stranger) return;
  connection.stranger = false;
  strangers_.erase(connection.place);
  watch();
}

void Listener::settled(Connection& connection) {
  if (connection.stranger) watch();
}

void Listener::closed(Connection& connection) {
  vouched(connection);
  const auto count = per_address_.find(connection.peer());
  if (--count->second == 0) per_address_.erase(count);
  const std::size_t slot = connection.slot;
  dead_.push_back(std::move(connections_[slot]));
  if (slot + 1 < connections_.size()) {
    connections_[slot] = std::move(connections_.back());
    connections_[slot]->slot = slot;
  }
  connections_.pop_back();
  if (connections_.empty()) sweeper_.stop();
  watch();
  wake();
}

void Listener::wake() {
  uv_idle_start(idle_.get(), [](uv_idle_t* handle) noexcept {
    auto* self = static_cast<Listener*>(handle->data);
    if (self != nullptr) self->run_deferred();
  });
}

void Listener::run_deferred() {
  uv_idle_stop(idle_.get());
  // The dead of this turn may still be in the list of the next; the dead of the last are in this.
  const auto dead = std::exchange(dead_, {});
  const auto scheduled = std::exchange(scheduled_, {});
  for (Connection* connection : scheduled) connection->resume();
  if (draining && connections_.empty() && drained_) {
    const auto drained = std::exchange(drained_, nullptr);
    drained();
  }
}

}  // namespace dc::daemon
