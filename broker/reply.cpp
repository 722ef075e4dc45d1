// SPDX-License-Identifier: Apache-2.0
// Exactly one answer, and its audit line. Broker only.
#include "broker/reply.hpp"
#include <spdlog/spdlog.h>
#include <utility>
#include "common/json_text.hpp"

namespace dc::broker {

Reply::Reply(Sink sink, Audit& audit, AuditSubject subject, Slots::Slot slot)
    : sink_(std::move(sink)),
      audit_(audit),
      subject_(std::move(subject)),
      slot_(std::move(slot)),
      started_(uv_hrtime()) {}

Reply::~Reply() {
  if (answered_) return;
  spdlog::error("request {} ({}) was dropped without an answer", subject_.number,
                subject_.operation);
  fail(Error{Errc::internal, "Internal error", {}});
}

void Reply::waive(const std::vector<Error>& waived) {
  if (waived.empty()) return;
  JsonWriter list;
  list.open('[');
  for (const Error& error : waived) {
    spdlog::warn("{}: {} would be refused: {}; {}", subject_.service, subject_.operation,
                 error.detail, error.hint);
    list.open('{').key("code").string(errc_name(error.code)).key("detail").string(error.detail);
    list.key("hint").string(error.hint).key("rule").string(error.rule);
    list.key("wanted").string(error.wanted).close('}');
  }
  subject_.would_refuse = list.close(']').take();
}

bool Reply::intend() {
  intended_ = audit_.intent(subject_);
  if (intended_) return true;
  fail(Error{Errc::audit_unavailable, "The audit trail cannot be written; nothing was changed",
             "make room for or repair the audit file"});
  return false;
}

void Reply::data(const ToFront& message) {
  if (!sink_) return;
  --credit_;
  sink_(false, message);
}

void Reply::answer_ahead() {
  slot_.reset();
  if (const Sink sink = std::exchange(sink_, nullptr)) sink(true, Done{});
}

void Reply::finish(const ToFront& message) { close(std::nullopt, message); }

void Reply::deny(const Error& error) {
  subject_.denied = true;
  fail(error);
}

void Reply::fail(const Error& error) {
  // What is refused in the policy's words is a denial, wherever it shows.
  const bool refused = error.code > Errc::invalid_request && error.code < Errc::unauthenticated;
  subject_.denied = subject_.denied || refused;
  close(error, Failed::of(error));
}

void Reply::close(const std::optional<Error>& error, const ToFront& message) {
  if (answered_) return;
  answered_ = true;
  on_ready_ = cancel_ = nullptr;
  slot_.reset();
  const Sink sink = std::exchange(sink_, nullptr);
  const double milliseconds = static_cast<double>(uv_hrtime() - started_) / 1e6;
  // A change is on record before its caller hears of it; a read need not wait for the disk.
  if (sink && !intended_) sink(true, message);
  audit_.result(subject_, error, object_, milliseconds);
  if (sink && intended_) sink(true, message);
}

bool Reply::add_credit(std::uint32_t frames) {
  if (frames > limits::kCredits - credit_) return false;
  credit_ += frames;
  wake();
  return true;
}

void Reply::hold(bool held) {
  held_ = held;
  wake();
}

void Reply::wake() {
  if (!ready()) return;
  if (const auto ready = std::exchange(on_ready_, nullptr)) ready();
}

void Reply::cancel_with(std::function<void()> cancel) {
  if (!abandoned()) {
    cancel_ = std::move(cancel);
    return;
  }
  cancel();
  done();
}

void Reply::abandon() {
  sink_ = nullptr;
  const auto cancel = std::exchange(cancel_, nullptr);
  if (!cancel) return wake();
  cancel();
  done();  // nobody is there to hear it, but it is on record
}

void Reply::cut_short(const Error& error) {
  const auto cancel = std::exchange(cancel_, nullptr);
  deny(error);
  if (cancel) cancel();
}

namespace {

struct Sending {
  ReplyPtr reply;
  std::string bytes;
  std::function<void()> sent;
  std::optional<ContainerDocument> head;
  std::size_t offset = 0;
};

void step(const std::shared_ptr<Sending>& sending) {
  const ReplyPtr& reply = sending->reply;
  while (!reply->abandoned()) {
    if (!reply->ready()) return reply->on_ready([sending] { step(sending); });
    wire::Blob data{sending->bytes.substr(sending->offset, limits::kChunk)};
    sending->offset += data.bytes.size();
    const bool whole = sending->offset == sending->bytes.size();
    ToFront frame = Chunk{};
    if (auto head = std::exchange(sending->head, std::nullopt)) {
      head->data = std::move(data);
      frame = std::move(*head);
    } else {
      frame = Chunk{std::move(data)};
    }
    if (whole && !sending->sent) return reply->finish(frame);
    reply->data(frame);
    if (whole) return sending->sent();
  }
  reply->done();  // for the record
}

}  // namespace

void send_bytes(const ReplyPtr& reply, std::string bytes, std::function<void()> sent,
                std::optional<ContainerDocument> head) {
  step(std::make_shared<Sending>(
      Sending{reply, std::move(bytes), std::move(sent), std::move(head), 0}));
}

}  // namespace dc::broker
