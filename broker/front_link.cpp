// SPDX-License-Identifier: Apache-2.0
// Starts sessions and ends them. Broker only.
#include "broker/front_link.hpp"
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include "common/keeper_protocol.hpp"

namespace dc::broker {
namespace {

using namespace std::chrono_literals;

// A front that never got as far as its greeting, or that broke the protocol, is started again ever
// more slowly; one that served and died is replaced at once.
constexpr std::chrono::milliseconds kFirstDelay = 100ms;
constexpr std::chrono::milliseconds kLongestDelay = 5s;

bool send_channel(int control, int channel) {
  char command = kStartFront;
  iovec part{&command, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.data();
  message.msg_controllen = ancillary.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof channel);
  std::memcpy(CMSG_DATA(header), &channel, sizeof channel);
  return ::sendmsg(control, &message, MSG_NOSIGNAL) == 1;
}

}  // namespace

FrontLink::FrontLink(uv_loop_t* loop, Context& context, Fd control,
                     std::function<void()> keeper_lost)
    : loop_(loop),
      context_(context),
      control_(std::move(control)),
      poll_(loop, control_.get(), [this](int) { on_control(); }),
      delay_(loop),
      cleanup_(loop),
      keeper_lost_(std::move(keeper_lost)) {
  poll_.watch(UV_READABLE);
}

void FrontLink::on_control() {
  char said = 0;
  // No control buffer: the keeper passes no descriptors, and none would be taken.
  const ssize_t size = ::recv(control_.get(), &said, 1, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size != 1 || said != kWantChannel) {
    poll_.watch(0);
    ::shutdown(control_.get(), SHUT_RDWR);  // it ends, if it has not
    return keeper_lost_();
  }
  if (session_ && !session_->has_ended()) session_ended(Session::End::closed);
  session_.reset();
  if (draining_) return drained_();
  delay_.start(next_delay_, [this] { start_front(); });
}

void FrontLink::start_front() {
  auto ends = Channel::make_pair();
  if (!ends || !send_channel(control_.get(), ends->second.get())) {
    spdlog::critical("cannot give the front a channel: {}", std::strerror(errno));
    return delay_.start(kFirstDelay, [this] { start_front(); });
  }
  ++context_.status.front_starts;
  session_.emplace(context_, std::move(ends->first),
                   [this](Session::End how) { session_ended(how); });
}

void FrontLink::session_ended(Session::End how) {
  // Called by the session itself: it is destroyed when its stack is unwound.
  cleanup_.start(0ms, [this] { session_.reset(); });
  const bool breach = how == Session::End::breach;
  if (breach) {
    ++context_.status.breaches;
    spdlog::critical("the front broke the protocol; it is killed and replaced");
    context_.audit.event("channel_breach", "the front was killed");
  } else if (!draining_) {
    spdlog::error("the front ended; starting another");
  }
  const bool served = session_->greeted() && !breach;
  next_delay_ = served ? 0ms : std::clamp(next_delay_ * 2, kFirstDelay, kLongestDelay);
  // A front that closed its channel serves nobody, even if it still runs.
  ::send(control_.get(), &kKillFront, 1, MSG_NOSIGNAL);
}

void FrontLink::send_policy() {
  if (session_) session_->send_policy();
}

void FrontLink::send_status() {
  if (session_) session_->send_status();
}

void FrontLink::drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  delay_.stop();
  if (!session_) return drained_();
  session_->drain();
  // One that has not greeted serves nobody yet.
  if (!session_->greeted()) ::send(control_.get(), &kKillFront, 1, MSG_NOSIGNAL);
}

}  // namespace dc::broker
