// SPDX-License-Identifier: Apache-2.0
// Command of containers/ID/logs. Front; path, query and body are hostile.
#include <algorithm>
#include "daemon/parameters.hpp"

namespace dc::daemon {
namespace {

constexpr std::uint32_t kDefaultTail = 100;  // the live service's

// Absent: nullopt, which is the whole log.
Result<std::optional<std::uint32_t>> read_tail(const RequestParts& parts) {
  const std::string* text = find_parameter(parts, "tail");
  if (text == nullptr) return std::optional(kDefaultTail);
  if (*text == "all") return std::optional<std::uint32_t>();
  const auto lines = number_parameter(parts, "tail", 0, limits::kLogTail);
  if (lines) return std::optional(static_cast<std::uint32_t>(**lines));
  return parameter_error(
      "tail", "must be a whole number from 0 to " + std::to_string(limits::kLogTail) + ", or all");
}

// Seconds since the epoch, perhaps with a fraction, as docker-py and Docker's own client write it.
Result<std::optional<std::uint64_t>> read_time(const RequestParts& parts, std::string_view name) {
  const std::string* text = find_parameter(parts, name);
  if (text == nullptr) return std::optional<std::uint64_t>();
  const std::string_view digits = "0123456789";
  const std::size_t point = std::min(text->find_first_not_of(digits), text->size());
  const bool whole = point == text->size();
  const bool decimal = whole || ((*text)[point] == '.' && point + 1 < text->size() &&
                                 text->find_first_not_of(digits, point + 1) == std::string::npos);
  if (point > 0 && decimal) {
    if (const auto time = parse_billionths(*text)) return time;
  }
  return parameter_error(name, "must be seconds since 1970, such as 1700000000 or 1700000000.5");
}

}  // namespace

Result<Command> build_logs(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  const auto follow = flag_or(parts, "follow", true);
  if (!follow) return fail(follow.error());
  const auto out = flag_or(parts, "stdout", true);
  if (!out) return fail(out.error());
  const auto err = flag_or(parts, "stderr", true);
  if (!err) return fail(err.error());
  if (!*out && !*err) return parameter_error("stdout", "and \"stderr\" must not both be false");
  const auto timestamps = flag_or(parts, "timestamps", false);
  if (!timestamps) return fail(timestamps.error());
  const auto tail = read_tail(parts);
  if (!tail) return fail(tail.error());
  const auto since = read_time(parts, "since");
  if (!since) return fail(since.error());
  const auto until = read_time(parts, "until");
  if (!until) return fail(until.error());
  if (*since && *until && **until < **since) {
    return parameter_error("until", "must not be before \"since\"");
  }
  return Command(
      ReadLogs{std::move(*container), *follow, *out, *err, *timestamps, *tail, *since, *until});
}

}  // namespace dc::daemon
