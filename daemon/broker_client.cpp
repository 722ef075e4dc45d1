// SPDX-License-Identifier: Apache-2.0
// Ids, pending table, send queue, deadlines. Front; see the head of broker_client.hpp.
#include "daemon/broker_client.hpp"
#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <vector>
#include "common/limits.hpp"

namespace dc::daemon {
namespace {

// Frames taken in one wake-up, so that sockets get their turn during a large list.
constexpr int kFramesPerWakeUp = 64;
constexpr std::chrono::seconds kSweep{1};

bool is_part(const ToFront& message) {
  return std::holds_alternative<ContainerDocument>(message) ||
         std::holds_alternative<StreamOpened>(message) || std::holds_alternative<Chunk>(message);
}

bool is_last(const ToFront& message) {
  return std::holds_alternative<ContainerDocument>(message) ||
         std::holds_alternative<Chunk>(message) || std::holds_alternative<Done>(message) ||
         std::holds_alternative<Failed>(message) ||
         std::holds_alternative<ContainerStarted>(message) ||
         std::holds_alternative<TokenVerified>(message);
}

}  // namespace

BrokerClient::BrokerClient(uv_loop_t* loop, Channel channel, BrokerEvents events)
    : loop_(loop),
      channel_(std::move(channel)),
      events_(std::move(events)),
      poll_(loop, channel_.fd(), [this](int events_now) { ready(events_now); }),
      sweep_(loop),
      busy_(loop) {
  poll_.watch(UV_READABLE);
  sweep_.start(
      kSweep, [this] { end_overdue(); }, kSweep);
}

std::uint64_t BrokerClient::request(const ToBroker& message, std::shared_ptr<Replies> replies,
                                    std::chrono::milliseconds deadline) {
  const std::uint64_t id = last_id_ + 1;
  if (!send(id, message)) return 0;
  last_id_ = id;
  const auto wait = static_cast<std::uint64_t>(deadline.count());
  open_.emplace(id, Open{std::move(replies), wait, uv_now(loop_) + wait, 0});
  // Not for a token that may be anybody's: strangers must not make us spin.
  if (std::holds_alternative<Submit>(message)) busy_.start(limits::kBusyPoll);
  return id;
}

void BrokerClient::credit(std::uint64_t id, std::uint32_t frames) {
  const auto found = open_.find(id);
  if (frames == 0 || found == open_.end()) return;
  Open& open = found->second;
  open.owed -= std::min(frames, open.owed);
  open.deadline = uv_now(loop_) + open.wait;
  send(id, Credit{frames});
}

void BrokerClient::cancel(std::uint64_t id) {
  if (open_.erase(id) != 0) send(id, Cancel{});
  if (open_.empty()) busy_.stop();
}

bool BrokerClient::send(std::uint64_t id, const ToBroker& message) {
  std::string frame = wire::encode_frame(id, false, message);
  if (frame.size() > limits::kFrame) return false;
  if (lost_) return true;
  if (unsent_.empty()) {
    const auto sent = channel_.send(frame);
    if (sent == Channel::Sent::all) return true;
    // A broker that is gone shows at the next read.
    if (sent == Channel::Sent::closed) return true;
  }
  unsent_.push_back(std::move(frame));
  poll_.watch(UV_READABLE | UV_WRITABLE);
  return true;
}

void BrokerClient::flush() {
  while (!unsent_.empty()) {
    if (channel_.send(unsent_.front()) == Channel::Sent::would_block) return;
    unsent_.pop_front();
  }
  poll_.watch(UV_READABLE);
}

void BrokerClient::ready(int events) {
  if (lost_) return;
  if ((events & UV_WRITABLE) != 0) flush();
  if ((events & UV_READABLE) != 0) receive_batch();
}

void BrokerClient::receive_batch() {
  for (int taken = 0; taken < kFramesPerWakeUp && !lost_; ++taken) {
    std::string_view bytes;
    switch (channel_.receive(bytes)) {
      case Channel::Received::nothing: return;
      case Channel::Received::closed: return lose("the broker closed the channel");
      case Channel::Received::breach: return lose("a bad datagram on the channel");
      case Channel::Received::frame: break;
    }
    auto frame = wire::decode_frame<ToFront>(bytes);
    if (!frame || !dispatch(std::move(*frame))) return lose("a bad frame from the broker");
  }
}

bool BrokerClient::dispatch(wire::Frame<ToFront> frame) {
  if (frame.id == 0) return dispatch_event(frame.message);
  if (frame.id > last_id_) return false;
  if (frame.last ? !is_last(frame.message) : !is_part(frame.message)) return false;
  const auto found = open_.find(frame.id);
  if (found == open_.end()) return true;  // it was cancelled, or its deadline has passed
  auto replies = found->second.replies;   // a copy: the callee may cancel
  if (frame.last) {
    open_.erase(found);
    if (open_.empty()) busy_.stop();
    replies->last(std::move(frame.message));
  } else {
    ++found->second.owed;
    found->second.deadline = uv_now(loop_) + found->second.wait;
    replies->part(std::move(frame.message));
  }
  return true;
}

bool BrokerClient::dispatch_event(ToFront& message) {
  if (auto* profile = std::get_if<PolicyProfile>(&message)) {
    return take_profile(std::move(*profile));
  }
  if (const auto* status = std::get_if<EngineStatus>(&message)) {
    events_.status(*status);
    return true;
  }
  if (std::holds_alternative<Drain>(message)) {
    events_.drain();
    return true;
  }
  return false;
}

bool BrokerClient::take_profile(PolicyProfile profile) {
  if (!arriving_ || profile.generation != generation_) {
    if (profile.count > limits::kProfiles) return false;
    generation_ = profile.generation;
    awaited_ = profile.count;
    arriving_ = std::make_shared<policy::Policy>();
  }
  if (profile.profile.has_value() != (awaited_ > 0)) return false;
  if (profile.profile) {
    std::string service = profile.profile->service.str();
    if (!arriving_->profiles.emplace(std::move(service), std::move(*profile.profile)).second) {
      return false;
    }
    --awaited_;
  }
  if (awaited_ == 0) events_.policy(std::exchange(arriving_, nullptr));
  return true;
}

void BrokerClient::end_overdue() {
  const std::uint64_t now = uv_now(loop_);
  std::vector<std::pair<std::uint64_t, std::shared_ptr<Replies>>> overdue;
  for (auto entry = open_.begin(); entry != open_.end();) {
    const Open& open = entry->second;
    if (open.deadline > now || open.owed >= limits::kCredits) {
      ++entry;
      continue;
    }
    overdue.emplace_back(entry->first, std::move(entry->second.replies));
    entry = open_.erase(entry);
  }
  if (open_.empty()) busy_.stop();
  for (const auto& [id, replies] : overdue) {
    send(id, Cancel{});  // or the broker would keep its place for an answer that nobody takes
    replies->last(Failed::of({Errc::deadline_exceeded, "The broker did not answer in time", ""}));
  }
}

void BrokerClient::lose(std::string_view why) {
  lost_ = true;
  events_.lost(why);
}

std::optional<Welcome> greet(Channel& channel) {
  const ToBroker hello = Hello{static_cast<std::uint32_t>(::getpid())};
  if (channel.send(wire::encode_frame(0, false, hello)) != Channel::Sent::all) return std::nullopt;
  pollfd readable{channel.fd(), POLLIN, 0};
  while (::poll(&readable, 1, -1) < 0) {
    if (errno != EINTR) return std::nullopt;
  }
  std::string_view bytes;
  if (channel.receive(bytes) != Channel::Received::frame) return std::nullopt;
  const auto frame = wire::decode_frame<ToFront>(bytes);
  if (!frame || frame->id != 0 || !std::holds_alternative<Welcome>(frame->message)) {
    return std::nullopt;
  }
  return std::get<Welcome>(frame->message);
}

}  // namespace dc::daemon
