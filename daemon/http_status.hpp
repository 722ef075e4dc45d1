// SPDX-License-Identifier: Apache-2.0
// HTTP status codes: of our error codes, and of what the HTTP layer itself refuses. Front only.
#pragma once

#include <string_view>
#include "common/error.hpp"

namespace dc::daemon {

// A request that the HTTP layer refuses. The texts are literals.
struct HttpFailure {
  int status = 400;
  std::string_view code = "invalid_request";
  std::string_view detail;
};

constexpr HttpFailure bad_request(std::string_view detail) {
  return {400, "invalid_request", detail};
}

int http_status(Errc code);
std::string_view reason_phrase(int status);

}  // namespace dc::daemon
