// SPDX-License-Identifier: Apache-2.0
// Writes audit lines. Broker only.
#include "broker/audit.hpp"
#include <spdlog/fmt/chrono.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>
#include "common/json_text.hpp"

namespace dc::broker {
namespace {

// Lines about refused tokens and rates in one second; a flood must not fill the disk.
constexpr unsigned kRefusalsPerSecond = 20;

// "2026-01-31T12:00:00.000Z"
std::string timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(now.tv_sec), now.tv_nsec / 1'000'000);
}

JsonWriter begin(std::string_view event) {
  JsonWriter line;
  line.open('{').key("time").string(timestamp()).key("event").string(event);
  return line;
}

void write_subject(JsonWriter& line, const AuditSubject& subject) {
  line.key("request_number").number(static_cast<std::int64_t>(subject.number));
  line.key("service").string(subject.service);
  if (!subject.token_id.empty()) line.key("token_id").string(subject.token_id);
  line.key("peer").string(subject.peer).key("operation").string(subject.operation);
  line.key("request").raw(subject.request);
}

}  // namespace

bool Audit::intent(const AuditSubject& subject) {
  JsonWriter line = begin("intent");
  write_subject(line, subject);
  return append(line.close('}').take());
}

bool Audit::result(const AuditSubject& subject, const std::optional<Error>& error,
                   std::string_view object, double milliseconds, std::string_view event) {
  JsonWriter line = begin(event);
  write_subject(line, subject);
  line.key("decision").string(subject.denied ? "deny" : "allow");
  line.key("outcome").string(error ? errc_name(error->code) : "success");
  if (error) line.key("detail").string(error->detail);
  if (error && !error->hint.empty()) line.key("hint").string(error->hint);
  if (!object.empty()) line.key("object").string(object);
  line.key("latency_us").number(static_cast<std::int64_t>(milliseconds * 1000));
  return append(line.close('}').take());
}

bool Audit::refused(std::string_view name, std::string_view peer, std::string_view reason) {
  const std::time_t second = std::time(nullptr);
  const unsigned unlisted = refusals_ > kRefusalsPerSecond ? refusals_ - kRefusalsPerSecond : 0;
  if (std::exchange(refusals_second_, second) != second) {
    refusals_ = 0;
    if (unlisted > 0) event("refusals_not_listed", std::to_string(unlisted));
  }
  if (++refusals_ > kRefusalsPerSecond) return true;
  JsonWriter line = begin(name);
  line.key("peer").string(peer).key("decision").string("deny").key("reason").string(reason);
  return append(line.close('}').take());
}

bool Audit::event(std::string_view name, std::string_view detail) {
  JsonWriter line = begin(name);
  line.key("detail").string(detail);
  return append(line.close('}').take());
}

bool Audit::append(std::string line) {
  line += '\n';
  if (torn_) line.insert(0, 1, '\n');
  ssize_t written = 0;
  do {
    written = ::write(file_.get(), line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  const bool whole = written == static_cast<ssize_t>(line.size());
  if (written > 0) torn_ = !whole;
  if (!whole && !failing_) {
    spdlog::critical("the audit file cannot be written ({}): mutations are refused",
                     written < 0 ? std::strerror(errno) : "no space");
  }
  if (whole && failing_) spdlog::warn("the audit file can be written again");
  failing_ = !whole;
  return whole;
}

}  // namespace dc::broker
