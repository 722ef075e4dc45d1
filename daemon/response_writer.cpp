// SPDX-License-Identifier: Apache-2.0
// Heads of answers. Front only.
#include "daemon/response_writer.hpp"
#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include "daemon/date.hpp"
#include "daemon/http_status.hpp"
#include "daemon/request_target.hpp"

namespace dc::daemon {
namespace {

template <class Integer>
void append_number(std::string& out, Integer value) {
  std::array<char, 24> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), result.ptr);
}

bool clean(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

}  // namespace

std::string_view ResponseWriter::head(const HttpResponse& response, Framing framing, bool close) {
  out_.clear();
  out_ += "HTTP/1.1 ";
  append_number(out_, response.status);
  out_ += ' ';
  out_ += reason_phrase(response.status);
  append_date();
  if (!bodiless(response.status)) {
    out_ += "\r\nContent-Type: ";
    out_ += response.content_type;
    if (framing == Framing::chunked) {
      out_ += "\r\nTransfer-Encoding: chunked";
    } else if (framing == Framing::whole) {
      out_ += "\r\nContent-Length: ";
      append_number(out_, response.body.size());
    }
  }
  out_ += "\r\nX-Content-Type-Options: nosniff";
  bool cache_control = false;
  for (const Header& header : response.headers) {
    if (!clean(header.value)) {
      spdlog::error("event=header_dropped name={}", header.name);
      continue;
    }
    cache_control = cache_control || equal_ignoring_case(header.name, "Cache-Control");
    out_.append("\r\n").append(header.name).append(": ").append(header.value);
  }
  if (!cache_control) out_ += "\r\nCache-Control: no-store";
  if (close) out_ += "\r\nConnection: close";
  out_ += "\r\n\r\n";
  return out_;
}

void ResponseWriter::append_date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (now != date_second_) {
    date_second_ = now;
    date_ = "\r\nDate: " + http_date(now);
  }
  out_ += date_;
}

}  // namespace dc::daemon
