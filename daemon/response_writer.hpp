// SPDX-License-Identifier: Apache-2.0
// Heads of answers. Front only. Names are literals and values never come from a client; a value
// with a control character is left out all the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include "daemon/http.hpp"

namespace dc::daemon {

enum class Framing : std::uint8_t {
  whole,       // Content-Length
  chunked,     // Transfer-Encoding
  until_close  // neither, for HTTP/1.0
};

class ResponseWriter {
 public:
  // The head with its final empty line; valid until the next call.
  std::string_view head(const HttpResponse& response, Framing framing, bool close);

 private:
  void append_date();

  std::string out_;
  std::chrono::sys_seconds date_second_{};
  std::string date_;  // the whole line
};

// Status codes whose answers have no body.
constexpr bool bodiless(int status) { return status == 204 || status == 304; }

}  // namespace dc::daemon
