// SPDX-License-Identifier: Apache-2.0
// daemon/render and daemon/text: golden answers.
#include <doctest/doctest.h>
#include "daemon/redact.hpp"
#include "daemon/render.hpp"
#include "daemon/text.hpp"
#include "daemon_fakes.hpp"

using namespace dc;
using namespace dc::daemon;
using dc::test::kSomeId;

namespace {

const std::string kJson =
    R"({"Id":")" + kSomeId +
    R"(","Created":"2026-01-01T00:00:00Z","Name":"/web","State":{"Status":"running","Pid":7},)"
    R"("Image":"sha256:0123456789abcdef","Config":{"Image":"alpine","Env":["A=1"]},)"
    R"("HostConfig":{"Init":true},"NetworkSettings":{"Ports":{"80/tcp":null},)"
    R"("Networks":{"bridge":{},"a\"b":{}}}})";

std::string item(std::string_view image, std::string_view tags) {
  return R"({"id":")" + kSomeId + R"(","name":"web","status":"running","image":")" +
         std::string(image) + R"(","image_tags":)" + std::string(tags) + R"(,"attrs":)" + kJson +
         R"(,"Config":{"Image":"alpine","Env":["A=1"]},"NetworkSettings":{"Ports":{"80/tcp":null},)"
         R"("Networks":{"bridge":{},"a\"b":{}}},"HostConfig":{"Init":true},"environment":["A=1"])";
}

const ContainerDocument kTagged{
    {Text<1024>::clip("alpine:3"), Text<1024>::clip("alpine:x")}, 0, {}};
const ContainerDocument kUntagged;

}  // namespace

TEST_CASE("a container of the list, and alone") {
  const std::string common = item("alpine:3", R"(["alpine:3","alpine:x"])");
  std::string out = "[";
  REQUIRE(append_list_item(out, kTagged, JsonText(kJson)));
  CHECK(out == "[" + common + "}");
  CHECK(
      render_container(kTagged, JsonText(kJson)) ==
      common +
          R"(,"created":"2026-01-01T00:00:00Z","ports":{"80/tcp":null},"networks":["bridge","a\"b"]})");
}

TEST_CASE("an image without tags shows its short id") {
  std::string out;
  REQUIRE(append_list_item(out, kUntagged, JsonText(kJson)));
  CHECK(out == item("sha256:0123456789ab", "[]") + "}");
}

TEST_CASE("absent and null parts") {
  const std::string tail = R"(,"Config":{},"NetworkSettings":{},"HostConfig":{},"environment":[],)"
                           R"("created":null,"ports":{},"networks":[]})";
  for (const std::string json :
       {R"({"Id":"a","Config":{}})",
        R"({"Id":"a","Created":null,"Config":{},"HostConfig":null,"NetworkSettings":null})"}) {
    CHECK(render_container(kUntagged, JsonText(json)) ==
          R"({"id":"a","name":"","status":"","image":"","image_tags":[],"attrs":)" + json + tail);
  }
  const auto inner = render_container(
      kUntagged,
      JsonText(
          R"({"Id":"a","Config":{"Env":null},"NetworkSettings":{"Ports":null,"Networks":null}})"));
  REQUIRE(inner);
  CHECK(inner->ends_with(R"("environment":[],"created":null,"ports":{},"networks":[]})"));
}

TEST_CASE("what is not a container's document is refused") {
  for (const char* json : {"", "null", "[]", "{}", R"({"Id":1,"Config":{}})", R"({"Id":"a"})",
                           R"({"Id":"a")", R"({"Id":"a",)"}) {
    CAPTURE(json);
    std::string out;
    CHECK_FALSE(append_list_item(out, kUntagged, JsonText(json)));
    CHECK(out.empty());
    CHECK_FALSE(render_container(kUntagged, JsonText(json)));
  }
}

TEST_CASE("a started container") {
  ContainerStarted started{test::parsed<ContainerId>(kSomeId), Text<256>::clip("web"),
                           wire::Blob{R"({"80/tcp":[{"HostPort":"8010"}]})"}, std::nullopt};
  const std::string head = R"({"status":"success","container_id":")" + kSomeId +
                           R"(","container_name":"web","port_bindings":)";
  const std::string tail = R"(,"id":")" + kSomeId + R"(","name":"web")";
  CHECK(render_started(started, "") == head + R"({"80/tcp":[{"HostPort":"8010"}]})" + tail + "}");
  started.port_bindings.bytes.clear();
  started.exit_code = 3;
  CHECK(render_started(started, "a\n\"\xff\x01") ==
        head + "{}" + tail + ",\"exit_code\":3,\"logs\":\"a\\n\\\"\xef\xbf\xbd\\u0001\"}");
  started.logs_truncated = true;
  CHECK(render_started(started, "").ends_with(R"("logs":"","logs_truncated":true})"));
}

TEST_CASE("outside bytes in sentences and logs") {
  CHECK(escape("a\r\n\x1b[0m\"\\\xff") == R"(a\x0d\x0a\x1b[0m\x22\x5c\xff)");
  CHECK(escape("abcdef", 3) == "abc...");
  CHECK(quote("x y") == R"("x y")");
}

TEST_CASE("a service's log loses its tokens and nothing else") {
  const std::string jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzZXJ2aWNlIjoiYSJ9.c2lnbmF0dXJl-_";
  for (const auto& [text, shown] : std::vector<std::pair<std::string, std::string>>{
           {"", ""},
           {"nothing here\n", "nothing here\n"},
           {"a " + jwt + " b", "a [redacted] b"},
           {jwt, "[redacted]"},
           {"token=" + jwt + "\n", "token=[redacted]\n"},
           {"\"" + jwt + "\",\"x\"", "\"[redacted]\",\"x\""},
           {jwt + "\n" + jwt, "[redacted]\n[redacted]"},
           {"eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", "[redacted]"},
           {"Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [redacted]"},
           {"authorization=BEARER   abcdefgh/+=12345", "authorization=BEARER   [redacted]"},
           {"{'Authorization': 'Bearer hf_abcdefghijklmnop'}",
            "{'Authorization': 'Bearer [redacted]'}"},
           {"Bearer " + jwt, "Bearer [redacted]"},
           {"the bearer token is missing", "the bearer token is missing"},
           {"Bearer\nabcdefghijklmnopqrst", "Bearer\nabcdefghijklmnopqrst"},
           {"bearer, abcdefghijklmnopqrst", "bearer, abcdefghijklmnopqrst"},
           {"eyJ", "eyJ"},
           {"eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9"},
           {std::string("\0\xff eyJ", 6), std::string("\0\xff eyJ", 6)},
       }) {
    CAPTURE(text);
    CHECK(redact_tokens(text) == shown);
  }
  CHECK(render_service_log("/l", "x " + jwt) == R"({"content":"x [redacted]","file":"/l"})");
}
