// SPDX-License-Identifier: Apache-2.0
// Exactly one answer, and its audit line. Broker only.
#include "broker/reply.hpp"
#include <spdlog/spdlog.h>
#include <utility>

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

void Reply::finish(const ToFront& message) { close(std::nullopt, message); }

void Reply::deny(const Error& error) {
  subject_.denied = true;
  fail(error);
}

void Reply::fail(const Error& error) { close(error, Failed::of(error)); }

void Reply::close(const std::optional<Error>& error, const ToFront& message) {
  if (answered_) return;
  answered_ = true;
  on_ready_ = nullptr;
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
  if (const auto ready = std::exchange(on_ready_, nullptr)) ready();
  return true;
}

void Reply::abandon() {
  sink_ = nullptr;
  if (const auto ready = std::exchange(on_ready_, nullptr)) ready();
}

}  // namespace dc::broker
