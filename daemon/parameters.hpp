// SPDX-License-Identifier: Apache-2.0
// Reading query parameters and the path's part in braces; shared by the builders of commands. Front
// only; all of it is hostile.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include "daemon/normalize.hpp"

namespace dc::daemon {

// `Parameter "name" <problem>` as Errc::invalid_request.
tl::unexpected<Error> parameter_error(std::string_view name, std::string_view problem);

// nullptr when absent.
const std::string* find_parameter(const RequestParts& parts, std::string_view name);

// Absent: nullopt.
Result<std::optional<bool>> flag_parameter(const RequestParts& parts, std::string_view name);

Result<bool> flag_or(const RequestParts& parts, std::string_view name, bool otherwise);

// Decimal digits in [min, max]. Absent: nullopt.
Result<std::optional<std::uint64_t>> number_parameter(const RequestParts& parts,
                                                      std::string_view name, std::uint64_t min,
                                                      std::uint64_t max);

// For requests that change something: a parameter that we do not know might mean something that we
// would not do.
Result<void> refuse_unknown(const RequestParts& parts,
                            std::initializer_list<std::string_view> known);

// The container of the path.
Result<ContainerRef> container_of(const RequestParts& parts);

// A body without members, or none.
Result<void> refuse_fields(const RequestParts& parts);

}  // namespace dc::daemon
