// SPDX-License-Identifier: Apache-2.0
// How much a new container may use, and how much its log may hold. Front; every value is hostile.
#include <algorithm>
#include <charconv>
#include "daemon/normalize.hpp"
#include "daemon/normalize_fields.hpp"

namespace dc::daemon {
namespace {

constexpr std::uint64_t kMaxAmount = (1ULL << 63U) - 1;

bool is_minus_one(Json value) {
  std::int64_t number = 0;
  return value.get(number) == simdjson::SUCCESS && number == -1;
}

// --- ulimits -----------------------------------------------------------------------------------

struct UlimitDraft {
  std::optional<UlimitName> name;
  std::optional<std::uint64_t> soft, hard;
};

Read read_ulimit_name(Json value, std::string_view name, UlimitDraft& draft) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  draft.name = parse_ulimit(*text);
  if (draft.name) return {};
  return field_error(name, R"(must be a limit of Docker's such as "nofile")");
}

template <std::optional<std::uint64_t> UlimitDraft::*Member>
Read read_ulimit(Json value, std::string_view name, UlimitDraft& draft) {
  if (is_minus_one(value)) {
    draft.*Member = kUnlimited;
    return {};
  }
  auto number = read_integer(value, name, 0, kMaxAmount);
  if (!number) return field_error(name, "must be a number of at least 0, or -1 for no limit");
  draft.*Member = *number;
  return {};
}

constexpr auto kUlimitMembers = std::to_array<Spelling<UlimitDraft>>({
    {"Name", "name", read_ulimit_name},
    {"Soft", "soft", read_ulimit<&UlimitDraft::soft>},
    {"Hard", "hard", read_ulimit<&UlimitDraft::hard>},
});

// --- log_config --------------------------------------------------------------------------------

Read read_log_type(Json value, std::string_view name, LogConfig& log) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  const auto driver = parse_log_driver(*text);
  if (!driver) return field_error(name, "must be json-file, local, journald or none");
  log.driver = *driver;
  return {};
}

Read read_max_file(Json value, std::string_view name, LogConfig& log) {
  constexpr std::string_view kExpected = "must be a number of files";
  std::string_view text;
  std::uint32_t count = 0;
  if (value.get(text) == simdjson::SUCCESS) {
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, count);
    if (problem != std::errc() || stop != end) return field_error(name, kExpected);
  } else {
    auto number = read_integer(value, name, 0, std::numeric_limits<std::int32_t>::max());
    if (!number) return field_error(name, kExpected);
    count = static_cast<std::uint32_t>(*number);
  }
  log.max_files = count;
  return {};
}

constexpr auto kLogOptions = std::to_array<Spelling<LogConfig>>({
    {"max-size", "max-size",
     [](Json value, std::string_view name, LogConfig& log) {
       return read_size(value, name, log.max_size);
     }},
    {"max-file", "max-file", read_max_file},
});
constexpr auto kLogMembers = std::to_array<Spelling<LogConfig>>({
    {"Type", "type", read_log_type},
    {"Config", "config",
     [](Json value, std::string_view name, LogConfig& log) {
       return read_spellings(value, name, kLogOptions, log);
     }},
});

}  // namespace

Read read_size(Json value, std::string_view name, std::optional<std::uint64_t>& bytes) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    bytes = parse_size(text);
  } else if (auto number = read_integer(value, name, 0, kMaxAmount)) {
    bytes = *number;
  }
  if (!bytes) return field_error(name, "must be a size such as \"512m\" or a number of bytes");
  if (*bytes == 0) bytes.reset();  // "0" and "0m" ask for nothing, like 0
  return {};
}

Read read_memswap(Json value, std::string_view name, std::optional<std::uint64_t>& bytes) {
  std::string_view text;
  if (is_minus_one(value) || (value.get(text) == simdjson::SUCCESS && text == "-1")) {
    return field_error(name,
                       "cannot be -1: swap without a limit is never given; name memory and swap "
                       "together, such as \"2g\", or leave the field out");
  }
  return read_size(value, name, bytes);
}

// The double's shortest decimal spelling is what the caller wrote, so 0.3 is 300000000 exactly.
Read read_cpus(Json value, std::string_view name, std::optional<std::uint64_t>& nano_cpus) {
  double number = 0;
  if (!value.is_number() || value.get(number) != simdjson::SUCCESS || !(number >= 0) ||
      number > 1e9) {
    return field_error(name, "must be a number of processors such as 1.5");
  }
  std::array<char, 400> text{};  // fixed notation of the least double fits
  const auto written =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  nano_cpus = parse_billionths(
      std::string_view(text.data(), static_cast<std::size_t>(written.ptr - text.data())));
  if (!nano_cpus) return field_error(name, "must be a number of processors such as 1.5");
  return {};
}

std::optional<std::uint64_t> parse_billionths(std::string_view decimal) {
  const std::size_t point = decimal.find('.');
  std::string digits(decimal.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "" : decimal.substr(point + 1));
  fraction.resize(9, '0');
  digits += fraction;
  std::uint64_t amount = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, amount);
  if (problem != std::errc() || stop != end || amount > kMaxAmount) return std::nullopt;
  return amount;
}

Read read_ulimits(Json value, std::string_view name, std::vector<Ulimit>& ulimits) {
  constexpr std::string_view kExpected =
      R"(must be a list such as [{"Name": "nofile", "Soft": 1024, "Hard": 2048}])";
  return read_list(value, name, kExpected, [&](Json element) -> Read {
    UlimitDraft draft;
    if (auto read = read_spellings(element, name, kUlimitMembers, draft); !read) return read;
    if (!draft.name || !draft.soft) return field_error(name, kExpected);
    ulimits.push_back({*draft.name, *draft.soft, draft.hard.value_or(*draft.soft)});
    return {};
  });
}

Read read_log_config(Json value, std::string_view name, std::optional<LogConfig>& log) {
  return read_spellings(value, name, kLogMembers, log.emplace());
}

}  // namespace dc::daemon
