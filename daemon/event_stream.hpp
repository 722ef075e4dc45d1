// SPDX-License-Identifier: Apache-2.0
// Answers as server-sent events: from the broker's frames to `data:` lines, no faster than the
// client reads. Front only; trusts the broker for content, not for sizes and order. What an event
// says is the EventEncoder's.
//
// Memory of one stream: the frames that credit allows, kept as they came while the client's socket
// is full, and limits::kWriteQueue. One buffer of text serves them all.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include "common/limits.hpp"
#include "common/uv.hpp"
#include "daemon/reply.hpp"

namespace dc::daemon {

// Text is written to the client when it has grown to this.
inline constexpr std::size_t kEventBatch = 16 * 1024;

// "2025-01-31 23:59:59" in the zone of this host, of now. Valid until the next call; computed anew
// only when the second has changed.
std::string_view local_time();

// Turns what the broker sends into the text of events.
class EventEncoder {
 public:
  EventEncoder() = default;
  EventEncoder(const EventEncoder&) = delete;
  EventEncoder& operator=(const EventEncoder&) = delete;
  virtual ~EventEncoder() = default;

  virtual void open(const StreamOpened&) {}
  // Appends the events of what it takes from the front of `bytes`, which is (the rest of) one
  // Chunk, and returns how many bytes it took, at least one. It stops soon after `out` has grown to
  // kEventBatch. An error ends the stream.
  virtual Result<std::size_t> encode(std::string_view bytes, std::string& out) = 0;
  // The broker has nothing more: appends what was kept back.
  virtual void finish(std::string&) {}
  // Why the stream ends before its time: {"type":"error","message","timestamp"}.
  virtual void fail(const Error& error, std::string& out);
};

// One event for each Chunk, whose bytes are one JSON value on one line.
class JsonEvents final : public EventEncoder {
 public:
  Result<std::size_t> encode(std::string_view bytes, std::string& out) override;
};

class EventStream;

// The open streams of one front: their heartbeats, and their end when it drains.
class EventStreams {
 public:
  explicit EventStreams(uv_loop_t* loop, std::chrono::milliseconds heartbeat = limits::kHeartbeat);
  // Ends every stream with an error event and refuses those that come later: they would hold up the
  // end of the front, and their clients ask again by themselves.
  void drain();
  [[nodiscard]] bool draining() const { return draining_; }

 private:
  friend class EventStream;
  void add(EventStream& stream);
  void remove(EventStream& stream);
  void beat();
  [[nodiscard]] std::uint64_t now() const { return uv_now(loop_); }

  uv_loop_t* loop_;
  const std::chrono::milliseconds heartbeat_;
  uv::Timer timer_;  // runs while there are streams
  std::set<EventStream*> open_;
  std::string text_;  // of whichever stream is at work; empty in between
  bool draining_ = false;
};

// Begins the response with the first frame, so that what fails before is an ordinary error.
class EventStream final : public Answer, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(AnswerParts parts, std::unique_ptr<EventEncoder> encoder, EventStreams& streams);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream() override;

  void part(ToFront message) override;
  void last(ToFront message) override;
  void discard() override;

 private:
  friend class EventStreams;

  [[nodiscard]] bool take(ToFront& message);
  void begin();
  // Encodes and writes what is held, as long as the socket takes it.
  void pump();
  [[nodiscard]] bool encode_held();
  void write_out();
  void return_credit();
  void beat(std::uint64_t before);
  // Ends the stream for a reason found on this side; the broker is told.
  void give_up(const Error& error);
  void end_with(const std::optional<Error>& error);

  std::shared_ptr<Exchange> exchange_;  // null once ended or discarded
  std::vector<Header> headers_;
  std::function<void(std::uint32_t)> credit_;
  std::function<void()> cancel_;  // may destroy this
  std::unique_ptr<EventEncoder> encoder_;
  EventStreams& streams_;

  std::deque<std::string> held_;  // Chunks that are not yet encoded
  std::size_t offset_ = 0;        // what of the first is
  std::string& out_;              // text that is not yet written
  std::uint32_t owed_ = 0;        // frames that are done with and whose credit is to be returned
  std::uint64_t written_at_ = 0;
  bool begun_ = false;
  bool stalled_ = false;  // the client's socket is full
  bool ended_ = false;    // the broker has sent its last
  std::optional<Error> error_;
};

}  // namespace dc::daemon
