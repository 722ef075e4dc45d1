// SPDX-License-Identifier: Apache-2.0
// What check.cpp and check_run.cpp share. Both sides.
#pragma once

#include <string>
#include <string_view>
#include "policy/judge.hpp"

namespace dc::policy {

inline tl::unexpected<Error> invalid(std::string detail) {
  return fail(Errc::invalid_request, std::move(detail));
}

inline tl::unexpected<Error> too_many(std::string_view field, std::size_t max,
                                      std::string_view unit) {
  return invalid(std::string(field) + " must be at most " + std::to_string(max) +
                 std::string(unit));
}

inline std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

Result<void> check_image(const ImageRef& image, Judge& judge);
// A network by which a container may be reached; `host` and `none` too.
Result<void> check_listed(const NetworkName& network, Judge& judge);

}  // namespace dc::policy
