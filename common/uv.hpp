// SPDX-License-Identifier: Apache-2.0
// Owning wrappers of libuv handles: closed when destroyed, freed only in the close callback. Both
// sides.
#pragma once

#include <sched.h>
#include <uv.h>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>

namespace dc::uv {

// Closes a handle and frees it when libuv is done with it. The handle's data pointer is cleared, so
// a callback that libuv still owes finds no object.
template <class Handle>
struct Closer {
  void operator()(Handle* handle) const noexcept {
    handle->data = nullptr;
    auto* base = reinterpret_cast<uv_handle_t*>(handle);
    uv_close(base, [](uv_handle_t* closed) noexcept { delete reinterpret_cast<Handle*>(closed); });
  }
};
template <class Handle>
using Owned = std::unique_ptr<Handle, Closer<Handle>>;

// A one-shot or repeating timer. Starting it again replaces what it was set to.
class Timer {
 public:
  explicit Timer(uv_loop_t* loop) {
    auto* timer = new uv_timer_t;
    uv_timer_init(loop, timer);
    timer->data = this;
    timer_.reset(timer);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start(std::chrono::milliseconds delay, std::function<void()> run,
             std::chrono::milliseconds repeat = std::chrono::milliseconds(0)) {
    run_ = std::move(run);
    uv_timer_start(
        timer_.get(),
        [](uv_timer_t* handle) noexcept {
          auto* self = static_cast<Timer*>(handle->data);
          if (self == nullptr) return;
          // A copy: the callback may destroy this timer or start it anew.
          const auto callback = self->run_;
          callback();
        },
        static_cast<std::uint64_t>(delay.count()), static_cast<std::uint64_t>(repeat.count()));
  }
  void stop() { uv_timer_stop(timer_.get()); }

 private:
  Owned<uv_timer_t> timer_;
  std::function<void()> run_;
};

// Calls back when a descriptor, which the caller owns and keeps open, can be read or written.
class Poll {
 public:
  Poll(uv_loop_t* loop, int fd, std::function<void(int events)> ready) : ready_(std::move(ready)) {
    auto* poll = new uv_poll_t;
    uv_poll_init(loop, poll, fd);
    poll->data = this;
    poll_.reset(poll);
  }
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  // UV_READABLE and UV_WRITABLE, or'ed.
  void watch(int events) {
    if (events == watched_) return;
    watched_ = events;
    uv_poll_start(poll_.get(), events, [](uv_poll_t* handle, int status, int events_now) noexcept {
      auto* self = static_cast<Poll*>(handle->data);
      // An error shows as readable: the read that follows then reports it.
      if (self != nullptr) self->ready_(status < 0 ? UV_READABLE : events_now);
    });
  }

 private:
  Owned<uv_poll_t> poll_;
  std::function<void(int)> ready_;
  int watched_ = 0;
};

// Calls back on a signal.
class Signal {
 public:
  Signal(uv_loop_t* loop, int number, std::function<void()> received)
      : received_(std::move(received)) {
    auto* handle = new uv_signal_t;
    uv_signal_init(loop, handle);
    handle->data = this;
    signal_.reset(handle);
    uv_signal_start(
        handle,
        [](uv_signal_t* caught, int) noexcept {
          auto* self = static_cast<Signal*>(caught->data);
          if (self != nullptr) self->received_();
        },
        number);
  }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

 private:
  Owned<uv_signal_t> signal_;
  std::function<void()> received_;
};

// Keeps the loop from sleeping for a moment in which an answer is about to come: to be woken from
// sleep costs more than most answers take. Gives way to whoever else wants the processor.
class BusyPoll {
 public:
  explicit BusyPoll(uv_loop_t* loop) {
    auto* idle = new uv_idle_t;
    uv_idle_init(loop, idle);
    idle->data = this;
    idle_.reset(idle);
  }
  BusyPoll(const BusyPoll&) = delete;
  BusyPoll& operator=(const BusyPoll&) = delete;

  void start(std::chrono::microseconds duration) {
    until_ = uv_hrtime() + static_cast<std::uint64_t>(duration.count()) * 1000;
    uv_idle_start(idle_.get(), [](uv_idle_t* handle) noexcept {
      const auto* self = static_cast<BusyPoll*>(handle->data);
      if (self == nullptr || uv_hrtime() >= self->until_) {
        uv_idle_stop(handle);
      } else {
        ::sched_yield();
      }
    });
  }
  void stop() { uv_idle_stop(idle_.get()); }

 private:
  Owned<uv_idle_t> idle_;
  std::uint64_t until_ = 0;
};

}  // namespace dc::uv
