// SPDX-License-Identifier: Apache-2.0
// Finds words and looks at them one by one. Front only; see redact.hpp.
#include "daemon/redact.hpp"
#include <algorithm>
#include "daemon/request_target.hpp"

namespace dc::daemon {
namespace {

constexpr std::string_view kRedacted = "[redacted]";
// Shorter ones are words of a sentence: "bearer token missing".
constexpr std::size_t kShortestToken = 16;

// What tokens consist of: base64, base64url and the dots between the parts.
bool is_token_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.+/=~").find(c) != std::string_view::npos;
}

// Header and claims of a JWT are JSON objects, and {" is eyJ in base64. The signature may be empty.
bool holds_jwt(std::string_view word, std::size_t& begin) {
  begin = word.find("eyJ");
  return begin != std::string_view::npos && word.find(".eyJ", begin) != std::string_view::npos;
}

}  // namespace

std::string redact_tokens(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool after_bearer = false;
  while (!text.empty()) {
    const auto* const end = std::find_if_not(text.begin(), text.end(), is_token_byte);
    const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    if (word.empty()) {
      // What may stand between Bearer and its token; anything else ends the expectation.
      constexpr std::string_view kBetween = " \t:'\"";
      after_bearer = after_bearer && kBetween.find(text.front()) != std::string_view::npos;
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(word.size());
    std::size_t begin = 0;
    if (holds_jwt(word, begin) || (after_bearer && word.size() >= kShortestToken)) {
      out.append(word.substr(0, after_bearer ? 0 : begin)).append(kRedacted);
    } else {
      out += word;
    }
    constexpr std::string_view kBearer = "bearer";
    after_bearer = word.size() >= kBearer.size() &&
                   equal_ignoring_case(word.substr(word.size() - kBearer.size()), kBearer);
  }
  return out;
}

}  // namespace dc::daemon
