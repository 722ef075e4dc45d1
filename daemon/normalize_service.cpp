// SPDX-License-Identifier: Apache-2.0
// Commands about directories of containers and log files of the host. Front; path, query and body
// are hostile.
#include "daemon/json_body.hpp"
#include "daemon/parameters.hpp"

namespace dc::daemon {
namespace {

struct MeasureFields {
  std::optional<DirectoryPath> path;
  std::optional<std::uint32_t> timeout;  // milliseconds
};

Result<void> read_path(Json value, std::string_view name, MeasureFields& fields) {
  auto path = read_as<DirectoryPath>(value, name);
  if (!path) return fail(std::move(path.error()));
  fields.path = std::move(*path);
  return {};
}

// Seconds, with a fraction or without.
Result<void> read_timeout(Json value, std::string_view name, MeasureFields& fields) {
  static_assert(limits::kMeasureTimeMin == 100 && limits::kMeasureTimeMax == 10'000);
  double seconds = 0;
  if (!value.is_number() || value.get(seconds) != simdjson::SUCCESS || !(seconds >= 0.1) ||
      !(seconds <= 10)) {
    return field_error(name, "must be 0.1 to 10 seconds");
  }
  fields.timeout = static_cast<std::uint32_t>(seconds * 1000 + 0.5);
  return {};
}

constexpr std::array<Field<MeasureFields>, 2> kMeasureFields{
    {{"path", read_path}, {"timeout", read_timeout}}};

}  // namespace

Result<Command> build_dir_size(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  MeasureFields fields;
  if (auto read = read_body_fields(parts.body, true, kMeasureFields, fields); !read) {
    return fail(std::move(read.error()));
  }
  if (!fields.path) return field_error("path", "is missing");
  MeasureDirectory measure{std::move(*container), std::move(*fields.path)};
  if (fields.timeout) measure.timeout = *fields.timeout;
  return Command(std::move(measure));
}

template <ServiceLog Log>
Result<Command> build_service_log(const RequestParts& parts) {
  auto tail = number_parameter(parts, "tail", 0, limits::kServiceLogLines);
  if (!tail) return fail(std::move(tail.error()));
  ReadServiceLog read{Log};
  if (*tail) read.tail = static_cast<std::uint32_t>(**tail);
  return Command(read);
}
template Result<Command> build_service_log<ServiceLog::service>(const RequestParts&);
template Result<Command> build_service_log<ServiceLog::startup>(const RequestParts&);
template Result<Command> build_service_log<ServiceLog::fastapi>(const RequestParts&);

}  // namespace dc::daemon
