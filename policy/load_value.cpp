// SPDX-License-Identifier: Apache-2.0
// Single values of the policy file. Broker and command line only.
#include "policy/load_value.hpp"
#include <charconv>
#include <cmath>

namespace dc::policy::reading {

void add_problem(std::vector<Problem>& problems, const toml::source_region& where,
                 std::string message) {
  problems.push_back({where.begin.line, where.begin.column, std::move(message)});
}

std::string shown(std::string_view text) {
  const auto clipped = Text<128>::clip(text);
  return "\"" + clipped.str() + "\"";
}

void unknown_key(const toml::key& key, std::span<const std::string_view> known,
                 const Value& table) {
  std::string message = table.name + ": unknown key " + shown(key.str()) + "; known are";
  for (const std::string_view& one : known) {
    message += (&one == known.data() ? " " : ", ") + std::string(one);
  }
  add_problem(table.loaded.problems, key.source(), std::move(message));
}

std::optional<std::string_view> read_text(const Value& value) {
  const auto* text = value.node.as_string();
  if (text != nullptr) return std::string_view(text->get());
  value.wrong("must be text in quotes");
  return std::nullopt;
}

std::optional<bool> read_flag(const Value& value) {
  const auto* flag = value.node.as_boolean();
  if (flag != nullptr) return flag->get();
  value.wrong("must be true or false");
  return std::nullopt;
}

std::optional<std::uint64_t> read_size_from(const Value& value, std::uint64_t min) {
  const auto* text = value.node.as_string();
  const auto bytes = text != nullptr ? parse_size(text->get()) : std::nullopt;
  if (bytes && *bytes >= min) return bytes;
  value.wrong("must be a size in quotes, such as \"512m\" or \"16g\", of at least " +
              size_text(min));
  return std::nullopt;
}

std::optional<std::uint64_t> read_cpus(const Value& value) {
  const auto number = value.node.value<double>();  // takes an integer too
  // The negation refuses nan as well.
  if (!number || !(*number >= 0.01 && *number <= static_cast<double>(kMaxCpus))) {
    value.wrong("must be a number of processors from 0.01 to " + std::to_string(kMaxCpus));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(std::llround(*number * static_cast<double>(kNanosPerCpu)));
}

std::optional<std::uint64_t> read_count_in(const Value& value, std::uint64_t min,
                                           std::uint64_t max) {
  const auto* number = value.node.as_integer();
  if (number == nullptr || number->get() < static_cast<std::int64_t>(min) ||
      number->get() > static_cast<std::int64_t>(max)) {
    value.wrong("must be a whole number from " + std::to_string(min) + " to " +
                std::to_string(max));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number->get());
}

namespace {

// Nanoseconds of a unit of time; 0: none.
std::uint64_t time_unit(std::string_view unit) {
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  if (unit == "m") return 60'000'000'000;
  return unit == "h" ? 3'600'000'000'000 : 0;
}

}  // namespace

std::optional<std::uint64_t> read_duration(const Value& value) {
  const auto* node = value.node.as_string();
  const std::string_view text = node != nullptr ? std::string_view(node->get()) : "";
  std::uint32_t number = 0;  // times an hour in nanoseconds it fits
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  const std::uint64_t time = number * time_unit(unit);
  if (problem == std::errc() && time >= kMinHealthTime && time <= limits::kHealthTime) return time;
  value.wrong("must be a time in quotes, such as \"5s\" or \"1m\", from 1s to 24h");
  return std::nullopt;
}

}  // namespace dc::policy::reading
