// SPDX-License-Identifier: Apache-2.0
// Writes audit lines. Broker only.
#include "broker/audit.hpp"
#include <spdlog/fmt/chrono.h>
#include <spdlog/spdlog.h>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>
#include "common/digest.hpp"
#include "common/json_text.hpp"
#include "common/limits.hpp"

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
  JsonWriter line;  // members alone: the chain writes the brace and what comes before them
  line.key("time").string(timestamp()).key("event").string(event);
  return line;
}

void write_subject(JsonWriter& line, const AuditSubject& subject) {
  line.key("request_number").number(static_cast<std::int64_t>(subject.number));
  line.key("service").string(subject.service);
  if (!subject.token_id.empty()) line.key("token_id").string(subject.token_id);
  line.key("peer").string(subject.peer).key("operation").string(subject.operation);
  line.key("request").raw(subject.request);
  if (!subject.would_refuse.empty()) line.key("would_refuse").raw(subject.would_refuse);
}

}  // namespace

bool Audit::intent(const AuditSubject& subject) {
  JsonWriter line = begin("intent");
  write_subject(line, subject);
  return append(line.take());
}

bool Audit::result(const AuditSubject& subject, const std::optional<Error>& error,
                   std::string_view object, double milliseconds, std::string_view event) {
  JsonWriter line = begin(event);
  write_subject(line, subject);
  line.key("decision").string(subject.denied ? "deny" : "allow");
  line.key("outcome").string(error ? errc_name(error->code) : "success");
  if (error) line.key("detail").string(error->detail);
  if (error && !error->hint.empty()) line.key("hint").string(error->hint);
  if (error && !error->rule.empty()) {
    line.key("rule").string(error->rule).key("wanted").string(error->wanted);
  }
  if (!object.empty()) line.key("object").string(object);
  line.key("latency_us").number(static_cast<std::int64_t>(milliseconds * 1000));
  return append(line.take());
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
  return append(line.take());
}

void Audit::start(std::string_view detail) {
  if (chain_.found() == AuditChain::Found::broken) {
    spdlog::critical("the audit chain is broken: {}", chain_.breakage());
    event("audit_chain_broken", chain_.breakage());
  }
  if (chain_.found() == AuditChain::Found::new_file) {
    event("rotated", "the file was new at the start");
  }
  event("start", detail);
}

void Audit::rotate() {
  if (auto reopened = chain_.reopen(); !reopened) {
    spdlog::error("the audit goes on in the file that is open: {}", reopened.error().detail);
    return;
  }
  spdlog::info("the audit goes on in a new file");
  event("rotated", "told to go on in a new file");
}

bool Audit::event(std::string_view name, std::string_view detail) {
  JsonWriter line = begin(name);
  line.key("detail").string(detail.substr(0, limits::kStatusProblem));
  return append(line.take());
}

bool Audit::append(const std::string& members) {
  if (!chain_.torn().empty()) {
    JsonWriter line = begin("torn_line");
    line.key("torn").string(sha256_hex(chain_.torn()));
    line.key("detail").string(std::to_string(chain_.torn().size()) +
                              " bytes before this line are of one that was not written whole");
    if (!write(line.take())) return false;
  }
  return write(members);
}

bool Audit::write(const std::string& members) {
  const bool whole = chain_.append(members);
  if (!whole && !failing_) {
    spdlog::critical("the audit file cannot be written ({}): mutations are refused",
                     errno != 0 ? std::strerror(errno) : "no space");
  }
  if (whole && failing_) spdlog::warn("the audit file can be written again");
  failing_ = !whole;
  return whole;
}

}  // namespace dc::broker
