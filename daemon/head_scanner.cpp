// SPDX-License-Identifier: Apache-2.0
// The line rules of a request head. Front only; the bytes are hostile.
#include "daemon/head_scanner.hpp"
#include <algorithm>
#include <array>
#include <utility>
#include "common/limits.hpp"

namespace dc::daemon {
namespace {

constexpr HttpFailure kUriTooLong{414, "uri_too_long", "The request line is too long"};
constexpr HttpFailure kHeadersTooLarge{431, "headers_too_large", "The headers are too large"};

// RFC 9110 section 5.6.2.
bool token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return kMarks.find(c) != std::string_view::npos;
}

bool token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), token_char);
}

bool control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

bool visible_ascii(char c) { return c > 0x20 && c < 0x7f; }

bool digit(char c) { return c >= '0' && c <= '9'; }

std::optional<HttpFailure> check_version(std::string_view version) {
  constexpr std::string_view kName = "HTTP/";
  if (version.size() != kName.size() + 3 || !version.starts_with(kName) || !digit(version[5]) ||
      version[6] != '.' || !digit(version[7])) {
    return bad_request("The request line has no HTTP version");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return HttpFailure{505, "http_version_not_supported",
                       "Only HTTP versions 1.0 and 1.1 are served"};
  }
  return std::nullopt;
}

std::optional<HttpFailure> check_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::string_view method = line.substr(0, first);
  if (!token(method)) return bad_request("The request line has no method");
  if (!parse_method(method)) {
    return HttpFailure{501, "method_not_implemented", "The method is not implemented"};
  }
  if (first == std::string_view::npos) return bad_request("The request line has no target");
  const std::string_view rest = line.substr(first + 1);
  const std::size_t second = rest.find(' ');
  const std::string_view target = rest.substr(0, second);
  if (target.empty() || !std::all_of(target.begin(), target.end(), visible_ascii)) {
    return bad_request("The request target is malformed");
  }
  if (second == std::string_view::npos) return bad_request("The request line has no HTTP version");
  return check_version(rest.substr(second + 1));
}

std::optional<HttpFailure> check_header_line(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    return bad_request("Folded header lines are not accepted");
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !token(line.substr(0, colon))) {
    return bad_request("A header has no valid name");
  }
  if (std::any_of(line.begin(), line.end(), control)) {
    return bad_request("A header holds a control character");
  }
  return std::nullopt;
}

}  // namespace

HeadScanner::State HeadScanner::scan(std::string_view input) {
  while (true) {
    const std::size_t lf = input.find('\n', searched_);
    if (lf == std::string_view::npos) {
      searched_ = input.size();
      // The CR of an unfinished line may be there already.
      const std::size_t unfinished = input.size() - line_;
      const auto failure = check_size(unfinished == 0 ? 0 : unfinished - 1, input.size() + 1);
      return failure ? fail(*failure) : State::more;
    }
    searched_ = lf + 1;
    std::string_view line = input.substr(line_, lf - line_);
    const bool crlf = line.ends_with('\r');
    if (crlf) line.remove_suffix(1);
    if (const auto failure = check_size(line.size(), lf + 1)) return fail(*failure);
    if (!crlf || line.find('\r') != std::string_view::npos) {
      return fail(bad_request("Lines of a request end with CR LF"));
    }
    line_ = lf + 1;
    if (const auto failure = check_line(line)) return fail(*failure);
    if (complete_) return State::complete;
  }
}

std::optional<HttpFailure> HeadScanner::check_line(std::string_view line) {
  if (lines_ == 0) {
    if (line.empty() && start_ == 0) {  // RFC 9112 section 2.2 asks to let one pass
      start_ = line_;
      return std::nullopt;
    }
    ++lines_;
    return check_request_line(line);
  }
  if (line.empty()) {
    complete_ = true;
    return std::nullopt;
  }
  if (++lines_ > limits::kHeaderCount + 1) return kHeadersTooLarge;
  return check_header_line(line);
}

std::optional<HttpFailure> HeadScanner::check_size(std::size_t line_size, std::size_t end) const {
  if (lines_ == 0) {
    if (line_size > limits::kRequestLine) return kUriTooLong;
    return std::nullopt;
  }
  if (line_size > limits::kHeaderLine || end - start_ > limits::kHeaders) return kHeadersTooLarge;
  return std::nullopt;
}

HeadScanner::State HeadScanner::fail(const HttpFailure& failure) {
  failure_ = failure;
  return State::failed;
}

std::optional<Method> parse_method(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Method>, 7> kMethods{{
      {"GET", Method::get},
      {"POST", Method::post},
      {"DELETE", Method::del},
      {"HEAD", Method::head},
      {"OPTIONS", Method::options},
      {"PUT", Method::put},
      {"PATCH", Method::patch},
  }};
  for (const auto& [known, method] : kMethods) {
    if (name == known) return method;
  }
  return std::nullopt;
}

}  // namespace dc::daemon
