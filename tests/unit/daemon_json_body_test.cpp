// SPDX-License-Identifier: Apache-2.0
// daemon/json_body: what is not exactly one honest JSON object of declared fields is refused.
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "daemon/json_body.hpp"

using namespace dc;
using namespace dc::daemon;

namespace {

struct Target {
  std::string text;
  std::optional<std::uint64_t> number;
};
constexpr std::array<Field<Target>, 2> kFields{
    {{"text",
      [](Json value, std::string_view name, Target& target) -> Result<void> {
        auto text = read_string(value, name);
        if (!text) return fail(text.error());
        target.text = *text;
        return {};
      }},
     {"number", [](Json value, std::string_view name, Target& target) -> Result<void> {
        auto number = read_integer(value, name, 1, 9);
        if (!number) return fail(number.error());
        target.number = *number;
        return {};
      }}}};

std::string problem(const std::string& body, bool required = true) {
  Target target;
  const auto read = read_body_fields(body, required, kFields, target);
  if (read) return "";
  CHECK(read.error().code == Errc::invalid_request);
  return read.error().detail;
}

std::string nested(int depth) {
  return R"({"text":)" + std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']') + "}";
}

}  // namespace

TEST_CASE("json_body reads declared fields") {
  Target target;
  REQUIRE(
      read_body_fields(R"( {"text":"a\u00e4\ud83d\ude00", "number":3} )", true, kFields, target));
  CHECK(target.text == "a\xc3\xa4\xf0\x9f\x98\x80");
  CHECK(target.number == 3);
  Target empty;
  CHECK(read_body_fields("", false, kFields, empty));
  CHECK(read_body_fields("{}", true, kFields, empty));
  CHECK(read_body_fields(R"({"text":null,"number":null})", true, kFields, empty));
  CHECK_FALSE(empty.number);
}

TEST_CASE("json_body names what is wrong") {
  CHECK(problem("") == "Body is empty: a JSON object is required");
  CHECK(problem("[]") == "Body must be a JSON object");
  CHECK(problem("null") == "Body must be a JSON object");
  CHECK(problem(R"({"x":1})") == R"(Unknown field "x")");
  CHECK(problem(R"({"x":null})") == R"(Unknown field "x")");
  CHECK(problem(R"({"a\nb\"":1})") == R"(Unknown field "a\x0ab\x22")");
  CHECK(problem(R"({")" + std::string(500, 'k') + R"(":1})") ==
        "Unknown field \"" + std::string(64, 'k') + "...\"");
  CHECK(problem(R"({"text":"a","text":"b"})") == R"(Duplicate field "text")");
  CHECK(problem(R"({"text":"a","te\u0078t":"b"})") == R"(Duplicate field "text")");
  CHECK(problem(R"({"text":{"k":1,"k":2}})") == R"(Duplicate field "k")");
  CHECK(problem(R"({"text":[{"k":1,"k":2}]})") == R"(Duplicate field "k")");
  CHECK(problem(R"({"text":1})") == R"(Field "text" must be a string)");
  for (const std::string number :
       {"0", "10", "-1", "1.0", "1e0", "\"3\"", "true", "[]", "{}", "18446744073709551615"}) {
    CAPTURE(number);
    CHECK(problem(R"({"number":)" + number + "}") ==
          R"(Field "number" must be an integer from 1 to 9)");
  }
}

TEST_CASE("json_body refuses what is not JSON") {
  const std::vector<std::string> bad = {" ",
                                        "{",
                                        "{}x",
                                        "{}{}",
                                        "{} null",
                                        R"({"text":"a",})",
                                        R"({text:"a"})",
                                        "{'text':'a'}",
                                        R"({"text":"a)",
                                        "\xef\xbb\xbf{}",
                                        "{\"text\":\"\xff\"}",
                                        "{\"text\":\"\xc0\xaf\"}",
                                        R"({"text":"\ud800"})",
                                        R"({"text":"\udc00"})",
                                        R"({"text":"\ud800\u0041"})",
                                        R"({"text":"a\u0000b"})",
                                        R"({"a\u0000b":1})",
                                        R"({"\ud800":1})",
                                        R"({"number":1e400})",
                                        R"({"number":123456789012345678901234})",
                                        R"({"number":01})",
                                        R"({"number":+1})",
                                        R"({"number":NaN})",
                                        R"({"number":.5})",
                                        "{\"text\":\"a\nb\"}",
                                        R"({"text":"\x"})",
                                        "{} // comment",
                                        nested(40),
                                        std::string("{}\0", 3),
                                        std::string("\0{}", 3)};
  for (const auto& body : bad) {
    CAPTURE(body);
    CHECK(problem(body).starts_with("Body is not valid JSON: "));
  }
}

TEST_CASE("json_body allows a depth of 32") {
  CHECK(problem(nested(31)) == R"(Field "text" must be a string)");
  CHECK(problem(nested(32)).starts_with("Body is not valid JSON: it is nested deeper"));
}

TEST_CASE("json_body finds a duplicate among many keys") {
  std::string body = R"({"text":{)";
  for (int i = 0; i < 5000; ++i) body += "\"k" + std::to_string(i) + "\":1,";
  body += R"("k77":1}})";
  CHECK(problem(body) == R"(Duplicate field "k77")");
}
