// SPDX-License-Identifier: Apache-2.0
// Reads, chooses and renders. Command line only.
#include "admin/audit_record.hpp"
#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>
#include <cctype>
#include <ctime>
#include "admin/terminal.hpp"
#include "admin/token.hpp"
#include "common/audit_link.hpp"
#include "common/json_reader.hpp"

namespace dc::admin {
namespace {

constexpr std::size_t kShortId = 12;  // as Docker shows it

bool is_same(const std::string& wanted, const std::string& value) {
  return wanted.empty() || wanted == value;
}

bool is_peer(const std::string& wanted, const std::string& value) {
  return is_same(wanted, value) || value.starts_with(wanted + ':') ||
         value.starts_with('[' + wanted + "]:");
}

std::string shown(std::string_view text) { return text.empty() ? "-" : printable(text); }

}  // namespace

std::optional<AuditRecord> read_record(std::string_view line) {
  if (!read_link(line)) return std::nullopt;
  AuditRecord record;
  const JsonText document{std::string(line)};
  for_each_member(document.view(), [&](std::string_view key, std::string_view json) {
    std::string* const member = key == "time"        ? &record.time
                                : key == "event"     ? &record.event
                                : key == "service"   ? &record.service
                                : key == "operation" ? &record.operation
                                : key == "decision"  ? &record.decision
                                : key == "outcome"   ? &record.outcome
                                : key == "object"    ? &record.object
                                : key == "peer"      ? &record.peer
                                : key == "detail"    ? &record.detail
                                : key == "reason"    ? &record.detail
                                                     : nullptr;
    if (member != nullptr) *member = json_string(json).value_or("");
  });
  return record;
}

bool matches(const AuditRecord& record, const AuditFilter& filter) {
  return is_same(filter.service, record.service) && is_same(filter.operation, record.operation) &&
         is_same(filter.decision, record.decision) && record.object.starts_with(filter.object) &&
         is_peer(filter.peer, record.peer) && record.time >= filter.since &&
         (filter.until.empty() || record.time < filter.until);
}

std::optional<std::string> parse_time(std::string_view text, std::int64_t now) {
  if (const auto age = parse_lifetime(text)) {
    return fmt::format("{:%FT%T}.000Z", fmt::gmtime(static_cast<std::time_t>(now - age->count())));
  }
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.ends_with('Z')) text.remove_suffix(1);
  if (text.size() != kForm.size() && text.size() != kForm.find('T')) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  return std::string(text) + std::string(kForm.substr(text.size())) + ".000Z";
}

std::string to_text(const AuditRecord& record) {
  std::string verdict = record.decision.empty() ? record.event : record.decision;
  const std::string& why = record.outcome.empty() ? record.event : record.outcome;
  if (!record.decision.empty()) verdict += '/' + why;
  // The detail of an event may have lines of its own.
  return fmt::format("{}  {}  {}  {}  {}  {}", shown(record.time), shown(record.service),
                     shown(record.operation), shown(verdict),
                     shown(record.object.substr(0, kShortId)), shown(record.detail));
}

}  // namespace dc::admin
