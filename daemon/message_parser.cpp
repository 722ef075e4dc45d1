// SPDX-License-Identifier: Apache-2.0
// llhttp's callbacks and the checks on top of them. Front only; the bytes are hostile.
#include "daemon/message_parser.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include "common/limits.hpp"
#include "common/types.hpp"
#include "daemon/head_scanner.hpp"
#include "daemon/request_target.hpp"

namespace dc::daemon {
namespace {

struct Field {
  std::string_view name;
  std::string_view value;
};

// llhttp reports one text in one piece or several; they lie side by side in the buffer.
bool extend(std::string_view& text, const char* at, std::size_t size) {
  if (text.empty()) {
    text = {at, size};
    return true;
  }
  if (text.data() + text.size() != at) return false;
  text = {text.data(), text.size() + size};
  return true;
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// What a head says, as far as anyone reads it.
struct Fields {
  std::optional<std::string_view> host, content_length, transfer_encoding, expect;
  bool twice = false;  // one that may stand once only
};

void set_once(std::optional<std::string_view>& slot, std::string_view value, bool& twice) {
  twice = twice || slot.has_value();
  slot = value;
}

void set_once(std::optional<std::string>& slot, std::string_view value, bool& twice) {
  twice = twice || slot.has_value();
  slot = value;
}

// Lists may be spread over several headers.
void add_to_list(std::optional<std::string>& slot, std::string_view value) {
  if (slot) {
    slot->append(", ").append(value);
  } else {
    slot = value;
  }
}

void read_field(const Field& field, Fields& fields, HttpRequest& request) {
  const std::string_view value = trim(field.value);
  const auto is = [&](std::string_view name) { return equal_ignoring_case(field.name, name); };
  switch (field.name.size()) {
    case 4:
      if (is("Host")) set_once(fields.host, value, fields.twice);
      return;
    case 6:
      if (is("Accept")) add_to_list(request.accept, value);
      if (is("Expect")) set_once(fields.expect, value, fields.twice);
      if (is("Origin")) set_once(request.origin, value, fields.twice);
      return;
    case 12:
      if (is("Content-Type")) set_once(request.content_type, value, fields.twice);
      return;
    case 13:
      if (is("Authorization")) set_once(request.authorization, value, fields.twice);
      return;
    case 14:
      if (is("Content-Length")) set_once(fields.content_length, value, fields.twice);
      return;
    case 16:
      if (is("Content-Encoding")) add_to_list(request.content_encoding, value);
      return;
    case 17:
      if (is("Transfer-Encoding")) set_once(fields.transfer_encoding, value, fields.twice);
      return;
    case 29:
      if (is("Access-Control-Request-Method")) {
        set_once(request.access_control_request_method, value, fields.twice);
      }
      return;
    default: return;
  }
}

std::optional<HttpFailure> check_framing(const Fields& fields, RequestHead& out) {
  if (fields.transfer_encoding) {
    if (fields.content_length) {
      return bad_request("Transfer-Encoding and Content-Length exclude each other");
    }
    if (!out.http11) return bad_request("Transfer-Encoding needs HTTP/1.1");
    if (!equal_ignoring_case(*fields.transfer_encoding, "chunked")) {
      return HttpFailure{501, "transfer_encoding_not_implemented",
                         "Only the transfer encoding chunked is implemented"};
    }
    out.request.has_body = true;
  }
  if (fields.content_length) {
    const std::string_view text = *fields.content_length;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), out.content_length);
    if (error != std::errc() || end != text.data() + text.size()) {
      return bad_request("Content-Length is not a number");
    }
    out.request.has_body = out.content_length > 0;
  }
  return std::nullopt;
}

std::optional<HttpFailure> check_fields(const Fields& fields, RequestHead& out) {
  if (fields.twice) return bad_request("A header is given twice");
  if (auto failure = check_framing(fields, out)) return failure;
  if (fields.host ? !AuthorityRule::accepts(*fields.host) : out.http11) {
    return bad_request("The Host header is missing or malformed");
  }
  if (fields.expect && out.http11) {
    if (!equal_ignoring_case(*fields.expect, "100-continue")) {
      return HttpFailure{417, "expectation_failed", "Only 100-continue can be expected"};
    }
    out.expects_continue = out.request.has_body;
  }
  out.host = fields.host.value_or(std::string_view());
  return std::nullopt;
}

}  // namespace

struct MessageParser::Head {
  std::string_view target;
  std::array<Field, limits::kHeaderCount> fields;
  std::size_t count = 0;
  bool in_value = false;
  bool complete = false;
  bool keep_alive = false;
  bool chunked = false;
  std::uint64_t content_length = 0;

  bool on_name(const char* at, std::size_t size) {
    if (count == 0 || in_value) {
      if (count == fields.size()) return false;
      ++count;
      in_value = false;
    }
    return extend(fields.at(count - 1).name, at, size);
  }
  bool on_value(const char* at, std::size_t size) {
    in_value = true;
    return count > 0 && extend(fields.at(count - 1).value, at, size);
  }
};

const llhttp_settings_t& MessageParser::settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t set;
    llhttp_settings_init(&set);
    set.on_url = [](llhttp_t* parser, const char* at, std::size_t size) noexcept -> int {
      Head* head = static_cast<MessageParser*>(parser->data)->head_;
      return head != nullptr && extend(head->target, at, size) ? 0 : HPE_USER;
    };
    // Without a head these are trailers, which are refused.
    set.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) noexcept -> int {
      Head* head = static_cast<MessageParser*>(parser->data)->head_;
      return head != nullptr && head->on_name(at, size) ? 0 : HPE_USER;
    };
    set.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) noexcept -> int {
      Head* head = static_cast<MessageParser*>(parser->data)->head_;
      return head != nullptr && head->on_value(at, size) ? 0 : HPE_USER;
    };
    set.on_headers_complete = [](llhttp_t* parser) noexcept -> int {
      Head* head = static_cast<MessageParser*>(parser->data)->head_;
      if (head == nullptr) return HPE_USER;
      head->complete = true;
      head->keep_alive = llhttp_should_keep_alive(parser) != 0;
      head->chunked = (parser->flags & F_CHUNKED) != 0;
      head->content_length = parser->content_length;
      parser->upgrade = 0;  // never switched
      return 0;
    };
    set.on_body = [](llhttp_t* parser, const char* at, std::size_t size) noexcept -> int {
      return static_cast<MessageParser*>(parser->data)->on_body({at, size});
    };
    set.on_chunk_header = [](llhttp_t* parser) noexcept -> int {
      auto* self = static_cast<MessageParser*>(parser->data);
      self->extension_ = 0;
      ++self->chunks_;
      return 0;
    };
    const llhttp_data_cb extension = [](llhttp_t* parser, const char*,
                                        std::size_t size) noexcept -> int {
      auto* self = static_cast<MessageParser*>(parser->data);
      self->extension_ += size;
      return self->extension_ > limits::kChunkExtension ? HPE_USER : 0;
    };
    set.on_chunk_extension_name = extension;
    set.on_chunk_extension_value = extension;
    set.on_message_complete = [](llhttp_t* parser) noexcept -> int {
      static_cast<MessageParser*>(parser->data)->complete_ = true;
      return HPE_PAUSED;  // what follows is the next request, and not for this parser
    };
    return set;
  }();
  return kSettings;
}

std::optional<HttpFailure> MessageParser::parse_head(std::string_view head, RequestHead& out) {
  Head seen;
  llhttp_init(&parser_, HTTP_REQUEST, &settings());
  parser_.data = this;
  head_ = &seen;
  complete_ = too_large_ = false;
  framing_ = chunks_ = extension_ = 0;
  const llhttp_errno_t result = llhttp_execute(&parser_, head.data(), head.size());
  head_ = nullptr;
  if (!seen.complete) return bad_request("The request is malformed");

  Fields fields;
  for (std::size_t i = 0; i < seen.count; ++i) read_field(seen.fields.at(i), fields, out.request);
  out.http11 = parser_.http_minor == 1;
  if (auto failure = check_fields(fields, out)) return failure;
  // From here on both readings of the head have to agree on where the body ends.
  const bool accepted = result == HPE_OK || (result == HPE_PAUSED && complete_);
  if (!accepted || complete_ == out.request.has_body ||
      seen.chunked != fields.transfer_encoding.has_value() ||
      (fields.content_length && seen.content_length != out.content_length)) {
    return bad_request("The request is malformed");
  }
  // The scanner has checked that the name is one we know.
  out.request.method = parse_method(head.substr(0, head.find(' '))).value_or(Method::get);
  out.keep_alive = out.http11 && seen.keep_alive;
  Target target;
  if (auto failure = parse_target(seen.target, out.request.method, out.host, target)) {
    return failure;
  }
  out.request.path = std::move(target.path);
  out.request.query = std::move(target.query);
  out.asterisk = target.asterisk;
  return std::nullopt;
}

MessageParser::Fed MessageParser::feed_body(std::string_view bytes, std::size_t max,
                                            std::string& body) {
  if (complete_) return {Body::complete, 0};
  if (bytes.empty()) return {Body::more, 0};
  body_ = &body;
  body_max_ = max;
  const std::size_t before = body.size();
  const llhttp_errno_t result = llhttp_execute(&parser_, bytes.data(), bytes.size());
  body_ = nullptr;
  if (too_large_) return {Body::too_large, bytes.size()};
  std::size_t consumed = bytes.size();
  if (result == HPE_PAUSED && complete_) {
    consumed = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
  } else if (result != HPE_OK) {
    return {Body::malformed, bytes.size()};
  }
  // Chunk sizes may have any number of leading zeros, so framing is bounded as well as extensions.
  framing_ += consumed - (body.size() - before);
  if (framing_ > (chunks_ + 2) * (limits::kChunkExtension + 32)) return {Body::malformed, consumed};
  return {complete_ ? Body::complete : Body::more, consumed};
}

int MessageParser::on_body(std::string_view bytes) {
  if (body_ == nullptr) return HPE_USER;
  if (bytes.size() > body_max_ - std::min(body_max_, body_->size())) {
    too_large_ = true;
    return HPE_USER;
  }
  body_->append(bytes);
  return 0;
}

}  // namespace dc::daemon
