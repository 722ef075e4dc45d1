// SPDX-License-Identifier: Apache-2.0
// One line of the audit: choosing it, and showing it to people. Command line only; the line may
// have been tampered with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dc::admin {

struct AuditRecord {
  std::string time, event, service, operation, decision, outcome, object, peer;
  std::string detail;  // or the reason of a refused token
};

// nullopt: not a line of the audit.
std::optional<AuditRecord> read_record(std::string_view line);

// What is empty does not count.
struct AuditFilter {
  std::string service, operation, decision;
  std::string object;        // or the begin of it
  std::string peer;          // address, with or without port
  std::string since, until;  // as of parse_time(); `until` itself is not in
};
bool matches(const AuditRecord& record, const AuditFilter& filter);

// "2026-01-31", "2026-01-31T12:00:00" with or without Z, all UTC, or the age "15m", "7d", counted
// back from `now`, in seconds since the epoch; in the form of the audit's `time`. nullopt: neither.
std::optional<std::string> parse_time(std::string_view text, std::int64_t now);

// Time, service, operation or event, decision and outcome, first 12 digits of the object, detail;
// "-" where there is none.
std::string to_text(const AuditRecord& record);

}  // namespace dc::admin
