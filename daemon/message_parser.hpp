// SPDX-License-Identifier: Apache-2.0
// One HTTP message through llhttp, without any lenient flag, and the checks that come on top.
// PARSED HERE: bytes -> HttpRequest. Front only; the bytes are hostile.
#pragma once

#include <llhttp.h>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "daemon/http.hpp"
#include "daemon/http_status.hpp"

namespace dc::daemon {

// A request and what the connection has to know about its message.
struct RequestHead {
  HttpRequest request;
  std::string_view host;  // a part of the head that was parsed; empty: HTTP/1.0 without one
  std::uint64_t content_length = 0;
  bool http11 = false;
  bool keep_alive = false;
  bool expects_continue = false;
  bool asterisk = false;  // OPTIONS *
};

class MessageParser {
 public:
  MessageParser() = default;
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  // `head` has passed the HeadScanner, whole. Starts a new message.
  std::optional<HttpFailure> parse_head(std::string_view head, RequestHead& out);

  enum class Body : unsigned char { more, complete, malformed, too_large };
  struct Fed {
    Body state = Body::more;
    std::size_t consumed = 0;
  };
  // Appends the next bytes of the body to `body`, which stays within `max`.
  Fed feed_body(std::string_view bytes, std::size_t max, std::string& body);

  struct Head;  // what llhttp reports of one head

 private:
  static const llhttp_settings_t& settings();
  int on_body(std::string_view bytes);

  llhttp_t parser_{};
  Head* head_ = nullptr;  // while in parse_head()
  std::string* body_ = nullptr;
  std::size_t body_max_ = 0;
  std::size_t framing_ = 0;  // bytes of a chunked body that are not data
  std::size_t chunks_ = 0;
  std::size_t extension_ = 0;  // of the chunk that begins
  bool complete_ = false;
  bool too_large_ = false;
};

}  // namespace dc::daemon
