// SPDX-License-Identifier: Apache-2.0
// Finds the end of a request head and refuses, line by line as they arrive, what llhttp leaves open
// or what differs between its versions: folded headers, bare CR or LF, control bytes, names that
// are no tokens, and every size cap. Front only; the bytes are hostile.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include "daemon/http.hpp"
#include "daemon/http_status.hpp"

namespace dc::daemon {

class HeadScanner {
 public:
  enum class State : unsigned char { more, complete, failed };

  // `input` starts where the last head ended, and is longer with each call.
  State scan(std::string_view input);

  // Once complete. The request line may follow one empty line, which is not part of the head.
  [[nodiscard]] std::string_view head(std::string_view input) const {
    return input.substr(start_, line_ - start_);
  }
  [[nodiscard]] std::size_t consumed() const { return line_; }
  // Once failed.
  [[nodiscard]] const HttpFailure& failure() const { return failure_; }

 private:
  State fail(const HttpFailure& failure);
  // One line without its CR LF.
  [[nodiscard]] std::optional<HttpFailure> check_line(std::string_view line);
  [[nodiscard]] std::optional<HttpFailure> check_size(std::size_t line_size, std::size_t end) const;

  std::size_t start_ = 0;     // of the request line
  std::size_t line_ = 0;      // start of the line that is not finished yet
  std::size_t searched_ = 0;  // no LF before this
  std::size_t lines_ = 0;
  bool complete_ = false;
  HttpFailure failure_;
};

// The method's name as it stands in a request line, case-sensitive.
std::optional<Method> parse_method(std::string_view name);

}  // namespace dc::daemon
