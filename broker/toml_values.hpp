// SPDX-License-Identifier: Apache-2.0
// Values out of TOML, for the configuration and the revocations. Broker only; files of the
// administrator's, whose mistakes are answered with line and column.
#pragma once

#include <toml++/toml.h>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dc::broker {

// Each gives what the value must be when it is something else, and nullptr when it was read.
inline const char* read(const toml::node& node, std::string& out) {
  if (!node.is_string()) return "must be a string";
  out = node.as_string()->get();
  return nullptr;
}
inline const char* read(const toml::node& node, bool& out) {
  if (!node.is_boolean()) return "must be true or false";
  out = node.as_boolean()->get();
  return nullptr;
}
inline const char* read(const toml::node& node, std::vector<std::string>& out) {
  const toml::array* list = node.as_array();
  if (list == nullptr || list->empty() || !list->is_homogeneous(toml::node_type::string)) {
    return "must be a list of strings";
  }
  out.clear();
  for (const toml::node& element : *list) out.push_back(element.as_string()->get());
  return nullptr;
}
// Seconds since the epoch of a date and time that says where it is meant.
inline const char* read(const toml::node& node, std::optional<std::int64_t>& out) {
  const auto* const value = node.as_date_time();
  if (value == nullptr || !value->get().offset) {
    return "must be a time with its offset, such as 2026-01-31T12:00:00Z";
  }
  const toml::date_time& when = value->get();
  const std::chrono::sys_days day(std::chrono::year(when.date.year) /
                                  std::chrono::month(when.date.month) /
                                  std::chrono::day(when.date.day));
  out = std::chrono::seconds(day.time_since_epoch()).count() + when.time.hour * 3600LL +
        when.time.minute * 60LL + when.time.second - when.offset->minutes * 60LL;
  return nullptr;
}

// Calls read_key(name, value) for each key and notes what it complains of, with line and column.
template <class Read>
void read_table(const toml::table& table, const std::string& file, std::string& problems,
                Read read_key) {
  for (const auto& [key, node] : table) {
    const char* problem = read_key(key.str(), node);
    if (problem == nullptr) continue;
    const auto where = node.source().begin;
    problems += (problems.empty() ? "" : "\n") + file + ":" + std::to_string(where.line) + ":" +
                std::to_string(where.column) + ": " + std::string(key.str()) + " " + problem;
  }
}

inline constexpr const char* kUnknown = "is not a known key";

// The same for a whole file's text.
template <class Read>
void read_document(std::string_view text, const std::string& file, std::string& problems,
                   Read read_key) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (parsed) return read_table(parsed.table(), file, problems, read_key);
  const auto where = parsed.error().source().begin;
  problems = file + ":" + std::to_string(where.line) + ":" + std::to_string(where.column) + ": " +
             std::string(parsed.error().description());
}

}  // namespace dc::broker
