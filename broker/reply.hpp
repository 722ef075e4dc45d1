// SPDX-License-Identifier: Apache-2.0
// The one answer to one request of the front. Broker only. Shared by whatever works on the request;
// when the last owner lets go of an unanswered one, it answers `internal`. It outlives the channel:
// a front that dies loses the answer, the work and its audit line go on.
#pragma once

#include <uv.h>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include "broker/audit.hpp"
#include "common/messages.hpp"

namespace dc::broker {

// How much work of one kind may be under way at once, over all fronts that there were: in total,
// per service, and with places kept for stop and remove.
class Slots {
 public:
  Slots(std::size_t total, std::size_t per_service, std::size_t reserve)
      : total_(total), per_service_(per_service), reserve_(reserve) {}

  // A place that is given back when the last copy of it goes. Must not outlive the Slots.
  using Slot = std::shared_ptr<void>;

  // Empty when there is no room. `reserved`: may use the places kept for stop and remove. `quota`:
  // the service may have no more than this.
  Slot take(std::string_view service, bool reserved,
            std::size_t quota = std::numeric_limits<std::size_t>::max()) {
    const std::size_t kept = reserved ? 0 : reserve_;
    const auto known = by_service_.find(service);
    const std::size_t of_service = known == by_service_.end() ? 0 : known->second;
    const std::size_t most = std::min(per_service_, quota);
    if (taken_ + kept >= total_ || of_service + kept >= most) return nullptr;
    const auto found = by_service_.try_emplace(std::string(service), 0).first;
    ++taken_;
    ++found->second;
    // Not owned: the pointer is only there to be non-null and to run the deleter.
    return {this, [found, this](void*) {
              --taken_;
              if (--found->second == 0) by_service_.erase(found);
            }};
  }
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  const std::size_t total_, per_service_, reserve_;
  std::size_t taken_ = 0;
  std::map<std::string, std::size_t, std::less<>> by_service_;
};

class Reply {
 public:
  // Where frames go while the session lives.
  using Sink = std::function<void(bool last, const ToFront& message)>;

  Reply(Sink sink, Audit& audit, AuditSubject subject, Slots::Slot slot);
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // Writes the intent of a mutation; on failure answers `audit_unavailable` and returns false.
  bool intend();
  // What the profile's mode lets pass, for the audit.
  void waive(const std::vector<Error>& waived);
  // The id of what is acted on, for the audit.
  void about(std::string_view object) { object_ = object; }

  // True when a data frame may be sent now. Otherwise `on_ready` runs, once, when one may.
  [[nodiscard]] bool ready() const { return (credit_ > 0 && !held_) || !sink_; }
  void on_ready(std::function<void()> ready) { on_ready_ = std::move(ready); }
  // Nothing more can be sent: it was answered, or the client or the front has left.
  [[nodiscard]] bool abandoned() const { return !sink_; }
  // How to end the work when nobody waits for it any more, which may be so already; what has no way
  // goes on to its end.
  void cancel_with(std::function<void()> cancel);
  // Asked again while a stream is open: whether the caller still has the right that let it begin.
  void allowed_while(std::function<bool()> allowed) { allowed_ = std::move(allowed); }

  void data(const ToFront& message);    // costs one credit
  void finish(const ToFront& message);  // the end of a success
  void done() { finish(Done{}); }
  // Tells the caller that the work goes well and goes on without it; the record is still to come.
  void answer_ahead();
  void fail(const Error& error);
  void deny(const Error& error);  // fail(), by decision and not by circumstance

  // --- for the session ---
  [[nodiscard]] bool add_credit(std::uint32_t frames);  // false: more than was spent, a breach
  void hold(bool held);  // while the channel has no room, credit or not
  [[nodiscard]] bool still_allowed() const { return !allowed_ || allowed_(); }
  void abandon();
  void cut_short(const Error& error);  // fail() from outside, while the work goes on

 private:
  void wake();
  void close(const std::optional<Error>& error, const ToFront& message);

  Sink sink_;
  Audit& audit_;
  AuditSubject subject_;
  Slots::Slot slot_;
  std::string object_;
  std::uint64_t started_;  // nanoseconds
  std::uint32_t credit_ = limits::kCredits;
  bool intended_ = false;
  bool answered_ = false;
  bool held_ = false;
  std::function<void()> on_ready_, cancel_;
  std::function<bool()> allowed_;
};
using ReplyPtr = std::shared_ptr<Reply>;

// Sends `bytes` to the front in Chunks as credit allows; the first of them go in `head` where there
// is one. `sent` runs when the last is on its way; without it, the last frame ends the answer.
void send_bytes(const ReplyPtr& reply, std::string bytes, std::function<void()> sent = nullptr,
                std::optional<ContainerDocument> head = std::nullopt);

}  // namespace dc::broker
