// SPDX-License-Identifier: Apache-2.0
// Statuses of error codes, the shape of error bodies, and JSON text.
#include "daemon/http_status.hpp"
#include <doctest/doctest.h>
#include <string>
#include "common/json_text.hpp"
#include "daemon/http.hpp"

namespace dc::daemon {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST_CASE("error answers have one shape") {
  CHECK(
      error_response({Errc::image_not_allowed, "Image not in allowed list", "service.x.images"})
          .body ==
      R"({"detail":"Image not in allowed list","code":"image_not_allowed","hint":"service.x.images"})");
  const HttpResponse plain = http_error(405, "method_not_allowed", "No.");
  CHECK(plain.status == 405);
  CHECK(plain.body == R"({"detail":"No.","code":"method_not_allowed"})");
}

TEST_CASE("401 is the same for every cause") {
  const HttpResponse answer = error_response({Errc::unauthenticated, "the signature", "a hint"});
  CHECK(answer.status == 401);
  CHECK(answer.body == R"({"detail":"Invalid or missing JWT token","code":"unauthenticated"})");
  REQUIRE(answer.headers.size() == 1);
  CHECK(answer.headers[0].name == "WWW-Authenticate");
  CHECK(answer.headers[0].value == "Bearer");
}

TEST_CASE("every error code has a status, and the passing ones say when to come back") {
  for (int i = 0; i <= static_cast<int>(enum_last(Errc{})); ++i) {
    const auto code = static_cast<Errc>(i);
    const HttpResponse answer = error_response({code, "x", {}});
    CAPTURE(answer.body);
    CHECK(answer.status == http_status(code));
    CHECK(answer.status >= 400);
    CHECK(reason_phrase(answer.status) != "Status");
    const bool retry = !answer.headers.empty() && answer.headers[0].name == "Retry-After";
    CHECK(retry == (answer.status == 503 || answer.status == 429));
  }
  CHECK(http_status(Errc::scope_denied) == 403);
  CHECK(http_status(Errc::deadline_exceeded) == 504);
}

TEST_CASE("JSON strings escape what could end or confuse them") {
  CHECK(quoted("plain é") == "\"plain é\"");
  CHECK(quoted("\"\\\b\n\r\t\x01\x7f") == R"("\"\\\u0008\n\r\t\u0001\u007f")");
  CHECK(quoted(std::string_view("a\0b", 3)) == R"("a\u0000b")");
  // Python's splitlines() ends a line at U+0085 too.
  CHECK(quoted("a\xc2\x85"
               "b\xc2\x9f\xc2\xa0") == "\"a\\u0085b\\u009f\xc2\xa0\"");
  CHECK(quoted("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa") == "\"\\u2028\\u2029\xe2\x80\xaa\"");
  CHECK(quoted("\xf0\x9f\x90\xb3") == "\"\xf0\x9f\x90\xb3\"");
  for (const char* bad : {"\x80", "\xc0\xaf", "\xe2\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xff"}) {
    CAPTURE(bad);
    const std::string text = quoted(std::string("a") + bad);
    CHECK(text.starts_with("\"a\xef\xbf\xbd"));
  }
}

}  // namespace
}  // namespace dc::daemon
