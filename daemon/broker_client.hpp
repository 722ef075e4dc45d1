// SPDX-License-Identifier: Apache-2.0
// The front's end of the channel: numbers requests, keeps the table of open ones and hands each
// frame to its owner. Front; trusts the broker, but a frame that no honest broker sends ends the
// front, which the keeper then starts anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include "common/channel.hpp"
#include "common/messages.hpp"
#include "common/uv.hpp"

namespace dc::daemon {

// What one request receives.
class Replies {
 public:
  virtual ~Replies() = default;
  // A ContainerDocument, StreamOpened or Chunk. Each has cost the broker one credit, to be returned
  // by credit().
  virtual void part(ToFront message) = 0;
  // The end, once, unless the request was cancelled: the last part, Done, ContainerStarted,
  // TokenVerified or Failed.
  virtual void last(ToFront message) = 0;
};

// What comes without being asked for. All run on the loop.
struct BrokerEvents {
  std::function<void(policy::Snapshot)> policy;  // a whole new generation
  std::function<void(const EngineStatus&)> status;
  std::function<void()> drain;
  std::function<void(std::string_view why)> lost;  // no reply will come any more
};

class BrokerClient {
 public:
  BrokerClient(uv_loop_t* loop, Channel channel, BrokerEvents events);

  // Sends a request; returns its id. 0: the message does not fit a frame. When the broker
  // could send and has sent nothing for `deadline`, the replies end with Failed{deadline_exceeded}.
  // While it waits for credit, that is for a slow client, no time counts.
  std::uint64_t request(const ToBroker& message, std::shared_ptr<Replies> replies,
                        std::chrono::milliseconds deadline);
  // Puts on record what was refused here; nothing comes back.
  void report(const Refused& refused) { send(0, refused); }
  void credit(std::uint64_t id, std::uint32_t frames);
  // The replies get nothing more.
  void cancel(std::uint64_t id);

 private:
  struct Open {
    std::shared_ptr<Replies> replies;
    std::uint64_t wait = 0;      // milliseconds without a part or a credit
    std::uint64_t deadline = 0;  // in uv_now() milliseconds
    std::uint32_t owed = 0;      // parts whose credit has not been returned
  };

  void ready(int events);
  void receive_batch();
  void flush();
  bool send(std::uint64_t id, const ToBroker& message);
  bool dispatch(wire::Frame<ToFront> frame);
  bool dispatch_event(ToFront& message);
  bool take_profile(PolicyProfile profile);
  void end_overdue();
  void lose(std::string_view why);

  uv_loop_t* loop_;
  Channel channel_;
  BrokerEvents events_;
  uv::Poll poll_;
  uv::Timer sweep_;
  uv::BusyPoll busy_;
  std::unordered_map<std::uint64_t, Open> open_;
  std::deque<std::string> unsent_;
  std::uint64_t last_id_ = 0;
  bool lost_ = false;
  // The generation that is arriving.
  std::uint64_t generation_ = 0;
  std::uint32_t awaited_ = 0;  // its profiles that are still to come
  std::shared_ptr<policy::Policy> arriving_;
};

// Hello, then waits for Welcome: before there is a loop, so that the descriptors above the
// listeners can be closed. nullopt: the broker is gone or answered something else.
std::optional<Welcome> greet(Channel& channel);

}  // namespace dc::daemon
