// SPDX-License-Identifier: Apache-2.0
// Server-sent events over one Exchange. Front only; see the head of event_stream.hpp.
#include "daemon/event_stream.hpp"
#include <spdlog/spdlog.h>
#include <array>
#include <ctime>
#include <utility>
#include "common/json_text.hpp"

namespace dc::daemon {
namespace {

// What browsers wait before they ask again, in milliseconds.
constexpr std::string_view kPreamble = "retry: 1000\n\n";
// A comment: clients drop it, and what is in between sees that the connection lives.
constexpr std::string_view kHeartbeatText = ": still here\n\n";
// Heartbeats are this fraction of their interval late at most.
constexpr int kLateness = 15;

const Error kRestarting{Errc::overloaded, "The service is about to end or to restart",
                        "ask again in a moment"};

}  // namespace

std::string_view local_time() {
  static std::time_t second = -1;
  static std::array<char, 24> text{};
  static std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    std::tm parts{};
    // Not localtime(), which looks at the zone's file each time: a sealed process has no files.
    ::localtime_r(&now, &parts);
    size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    second = now;
  }
  return {text.data(), size};
}

void EventEncoder::fail(const Error& error, std::string& out) {
  out += R"(data: {"type":"error","message":)";
  append_json_string(out, error.detail);
  out.append(R"(,"timestamp":")").append(local_time()).append("\"}\n\n");
}

Result<std::size_t> JsonEvents::encode(std::string_view bytes, std::string& out) {
  out.append("data: ").append(bytes).append("\n\n");
  return bytes.size();
}

// --- all of them -------------------------------------------------------------------------------

EventStreams::EventStreams(uv_loop_t* loop, std::chrono::milliseconds heartbeat)
    : loop_(loop), heartbeat_(heartbeat), timer_(loop) {}

void EventStreams::add(EventStream& stream) {
  const auto tick = heartbeat_ / kLateness;
  if (open_.empty())
    timer_.start(
        tick, [this] { beat(); }, tick);
  open_.insert(&stream);
}

void EventStreams::remove(EventStream& stream) {
  open_.erase(&stream);
  if (open_.empty()) timer_.stop();
}

void EventStreams::beat() {
  const auto time = static_cast<std::uint64_t>(heartbeat_.count());
  if (now() < time) return;
  for (EventStream* stream : open_) stream->beat(now() - time);
}

void EventStreams::drain() {
  draining_ = true;
  // Each takes itself off the list, and may be gone after it.
  std::vector<std::shared_ptr<EventStream>> streams;
  for (EventStream* stream : open_) streams.push_back(stream->shared_from_this());
  for (const auto& stream : streams) stream->give_up(kRestarting);
}

// --- one of them -------------------------------------------------------------------------------

EventStream::EventStream(AnswerParts parts, std::unique_ptr<EventEncoder> encoder,
                         EventStreams& streams)
    : exchange_(std::move(parts.exchange)),
      headers_(std::move(parts.headers)),
      credit_(std::move(parts.credit)),
      cancel_(std::move(parts.cancel)),
      encoder_(std::move(encoder)),
      streams_(streams),
      out_(streams.text_) {
  streams_.add(*this);
}

EventStream::~EventStream() { streams_.remove(*this); }

void EventStream::part(ToFront message) {
  if (!exchange_) {
    ++owed_;
    return return_credit();
  }
  if (streams_.draining()) return give_up(kRestarting);
  if (!take(message) || held_.size() > limits::kCredits) {
    spdlog::error("event=stream_unusable frame={}", message.index());
    return give_up(kBrokenAnswer);
  }
  pump();
}

void EventStream::last(ToFront message) {
  if (!exchange_) return;
  ended_ = true;
  if (const auto* failed = std::get_if<Failed>(&message)) {
    error_ = failed->error();
    if (!begun_) return end_with(error_);
  } else if (std::holds_alternative<Done>(message)) {
    begin();
  } else if (!take(message)) {
    return end_with(kBrokenAnswer);
  }
  pump();
}

bool EventStream::take(ToFront& message) {
  if (const auto* opened = std::get_if<StreamOpened>(&message)) {
    encoder_->open(*opened);
    ++owed_;
  } else if (auto* chunk = std::get_if<Chunk>(&message)) {
    held_.push_back(std::move(chunk->data.bytes));
  } else {
    return false;
  }
  begin();
  return true;
}

void EventStream::begin() {
  if (std::exchange(begun_, true)) return;
  HttpResponse head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers = std::move(headers_);
  head.headers.push_back({"Cache-Control", "no-cache, no-transform"});
  head.headers.push_back({"X-Accel-Buffering", "no"});  // or nginx would collect the events
  exchange_->begin(std::move(head));
  out_ += kPreamble;
}

void EventStream::pump() {
  while (!stalled_ && !held_.empty()) {
    if (!encode_held()) return;
    if (out_.size() >= kEventBatch) write_out();
  }
  if (!stalled_) write_out();
  if (stalled_) return;
  if (ended_) return end_with(error_);
  if (owed_ >= kCreditBatch) return_credit();
}

// False: the stream has ended over it.
bool EventStream::encode_held() {
  const std::string& chunk = held_.front();
  while (offset_ < chunk.size() && out_.size() < kEventBatch) {
    const auto taken = encoder_->encode(std::string_view(chunk).substr(offset_), out_);
    if (!taken) {
      give_up(taken.error());
      return false;
    }
    offset_ += *taken;
  }
  if (offset_ < chunk.size()) return true;
  held_.pop_front();
  offset_ = 0;
  ++owed_;
  return true;
}

void EventStream::write_out() {
  if (out_.empty()) return;
  written_at_ = streams_.now();
  const bool flowing = exchange_->write(out_);
  out_.clear();
  if (flowing) return;
  stalled_ = true;
  // The connection keeps us: after the broker's last frame nobody else does.
  exchange_->on_drained([self = shared_from_this()] {
    if (!self->exchange_) return;
    self->stalled_ = false;
    self->pump();
  });
}

// Not while the socket is full: the broker is to wait as well.
void EventStream::return_credit() {
  if (owed_ != 0 && !ended_) credit_(std::exchange(owed_, 0));
}

void EventStream::beat(std::uint64_t before) {
  if (!begun_ || stalled_ || !exchange_ || written_at_ > before) return;
  out_ += kHeartbeatText;
  write_out();
}

void EventStream::give_up(const Error& error) {
  if (!exchange_) return;
  const auto cancel = ended_ ? nullptr : std::move(cancel_);
  // A client that does not read would not see an event for a long time.
  if (stalled_ && streams_.draining()) {
    exchange_->abort();
    discard();
  } else {
    end_with(error);
  }
  if (cancel) cancel();
}

void EventStream::end_with(const std::optional<Error>& error) {
  if (begun_) {
    encoder_->finish(out_);
    if (error) encoder_->fail(*error, out_);
    exchange_->write(out_);
    out_.clear();
    exchange_->end();
  } else {
    respond_error(*exchange_, error.value_or(kBrokenAnswer), std::move(headers_));
  }
  discard();
}

void EventStream::discard() {
  exchange_.reset();
  held_.clear();
  streams_.remove(*this);
}

}  // namespace dc::daemon
