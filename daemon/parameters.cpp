// SPDX-License-Identifier: Apache-2.0
// Front only; see the head of parameters.hpp.
#include "daemon/parameters.hpp"
#include <algorithm>
#include "daemon/json_body.hpp"

namespace dc::daemon {

tl::unexpected<Error> parameter_error(std::string_view name, std::string_view problem) {
  std::string detail = "Parameter ";
  detail += quote(name);
  detail += ' ';
  detail += problem;
  return fail(Errc::invalid_request, std::move(detail));
}

const std::string* find_parameter(const RequestParts& parts, std::string_view name) {
  for (const auto& parameter : parts.query) {
    if (parameter.name == name) return &parameter.value;
  }
  return nullptr;
}

Result<std::optional<bool>> flag_parameter(const RequestParts& parts, std::string_view name) {
  const std::string* text = find_parameter(parts, name);
  if (text == nullptr) return std::optional<bool>();
  const auto flag = parse_flag(*text);
  if (!flag) return parameter_error(name, "must be true or false");
  return flag;
}

Result<bool> flag_or(const RequestParts& parts, std::string_view name, bool otherwise) {
  auto flag = flag_parameter(parts, name);
  if (!flag) return fail(std::move(flag.error()));
  return flag->value_or(otherwise);
}

Result<void> refuse_unknown(const RequestParts& parts,
                            std::initializer_list<std::string_view> known) {
  for (const auto& parameter : parts.query) {
    if (std::find(known.begin(), known.end(), parameter.name) == known.end()) {
      return fail(Errc::invalid_request, "Unknown parameter " + quote(parameter.name));
    }
  }
  return {};
}

Result<ContainerRef> container_of(const RequestParts& parts) {
  auto container = ContainerRef::parse(parts.id);
  if (!container) {
    return fail(Errc::invalid_request, "Container id " + container.error().detail);
  }
  return container;
}

Result<std::optional<std::uint64_t>> number_parameter(const RequestParts& parts,
                                                      std::string_view name, std::uint64_t min,
                                                      std::uint64_t max) {
  const std::string* text = find_parameter(parts, name);
  if (text == nullptr) return std::optional<std::uint64_t>();
  std::uint64_t number = 0;
  const char* const last = text->data() + text->size();
  const auto [end, problem] = std::from_chars(text->data(), last, number);
  if (problem == std::errc() && end == last && number >= min && number <= max) return {number};
  return parameter_error(
      name, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
}

Result<void> refuse_fields(const RequestParts& parts) {
  struct None {};
  constexpr std::array<Field<None>, 0> kNone{};
  None none;
  return read_body_fields(parts.body, false, kNone, none);
}

}  // namespace dc::daemon
