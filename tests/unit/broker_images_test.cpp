// SPDX-License-Identifier: Apache-2.0
// What the broker makes of a registry's words, and what it asks the Engine about images.
#include <doctest/doctest.h>
#include <string>
#include "broker/engine_request.hpp"
#include "broker/pull_progress.hpp"
#include "common/json_reader.hpp"
#include "common/jwt.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using namespace dc::broker;
using test::parsed;

namespace {

std::string figures(const PullProgress& progress, bool whole = false) {
  JsonWriter out;
  out.open('{');
  progress.write(out, whole);
  const JsonText json(out.close('}').take());
  std::string text;
  for (const char* key : {"downloaded_bytes", "total_bytes", "layers_done", "layers_total"}) {
    text += std::string(json_member(json.view(), key)) + " ";
  }
  return text;
}

std::string line(const std::string& id, const std::string& status, const std::string& detail = "") {
  return R"({"status":")" + status + R"(","progressDetail":{)" + detail + R"(},"id":")" + id +
         "\"}\r\n";
}

std::string downloading(const std::string& id, const std::string& current,
                        const std::string& total) {
  return line(id, "Downloading", R"("current":)" + current + R"(,"total":)" + total);
}

const std::string kPull = R"({"status":"Pulling from library/x","id":"1"})"
                          "\r\n" +
                          line("aaa", "Pulling fs layer") + line("bbb", "Already exists") +
                          downloading("aaa", "10", "100") + downloading("aaa", "60", "100") +
                          line("aaa", "Verifying Checksum") + line("aaa", "Download complete") +
                          line("aaa", "Extracting", R"("current":1,"total":100)") +
                          line("aaa", "Pull complete");

}  // namespace

TEST_CASE("a pull's figures are the sum of its layers, in any split") {
  for (std::size_t step : {std::size_t{1}, std::size_t{7}, kPull.size()}) {
    CAPTURE(step);
    PullProgress progress;
    for (std::size_t at = 0; at < kPull.size(); at += step) {
      CHECK(progress.take(std::string_view(kPull).substr(at, step)));
    }
    CHECK(figures(progress) == "100 100 2 2 ");
    CHECK(progress.message() == "Pull complete aaa");
    CHECK_FALSE(progress.error());
  }
}

TEST_CASE("a pull shows how far it is, and at its end that all is there") {
  PullProgress progress;
  CHECK(progress.message() == "Waiting for the registry");
  CHECK(figures(progress) == "0 0 0 0 ");
  CHECK(progress.take(line("aaa", "Pulling fs layer") + downloading("aaa", "40", "100")));
  CHECK(progress.message() == "Downloading aaa");
  CHECK(figures(progress) == "40 100 0 1 ");
  CHECK(figures(progress, true) == "100 100 0 1 ");
}

TEST_CASE("a pull's figures never fall and stay in bounds") {
  PullProgress progress;
  const auto after = [&](const std::string& text) {
    CHECK(progress.take(text));
    return figures(progress);
  };
  CHECK(after(downloading("aaa", "50", "100")) == "50 100 0 1 ");
  CHECK(after(downloading("aaa", "20", "30")) == "50 100 0 1 ");
  CHECK(after(downloading("aaa", "-5", "-1")) == "50 100 0 1 ");
  CHECK(after(downloading("aaa", "\"7\"", "1e9")) == "50 100 0 1 ");
  CHECK(after(downloading("aaa", "99999999999999999999", "1")) == "50 100 0 1 ");
  // More than there is counts as all that there is.
  CHECK(after(downloading("aaa", "120", "100")) == "120 120 0 1 ");
  const std::string most = "9007199254740992 ";
  CHECK(after(downloading("bbb", "9223372036854775807", "0")) == most + most + "0 2 ");
  CHECK(after(downloading("ccc", "9223372036854775807", "0")) == most + most + "0 3 ");
  CHECK(after(line("aaa", "Pull complete") + downloading("aaa", "1", "2")) == most + most + "1 3 ");
}

TEST_CASE("layers are counted up to a number, their names up to a length") {
  PullProgress progress;
  for (int i = 0; i < 10'000; ++i) {
    CHECK(progress.take(downloading("layer" + std::to_string(i), "1", "2")));
  }
  const std::string count = std::to_string(limits::kPullLayers);
  CHECK(figures(progress) == "512 1024 0 " + count + " ");
  CHECK(progress.take(downloading("layer3", "2", "2")));
  CHECK(figures(progress) == "513 1024 0 " + count + " ");
  PullProgress one;
  CHECK(one.take(downloading(std::string(1000, 'a') + "1", "1", "2")));
  CHECK(one.take(downloading(std::string(1000, 'a') + "2", "1", "2")));
  CHECK(figures(one) == "1 2 0 1 ");
  CHECK(one.message().size() <= limits::kPullMessage);
}

TEST_CASE("what a registry says is shown as printable text of a bounded length") {
  PullProgress progress;
  CHECK(progress.take("{\"status\":\"\\u001b[2J\\u202e <b>\\r\\ndata: x\"}\n"));
  for (const char c : progress.message()) CHECK((c >= 0x20 && c <= 0x7e));
  CHECK(progress.take(R"({"status":")" + std::string(5000, 'x') + "\"}\n"));
  CHECK(progress.message().size() == limits::kPullMessage);
}

TEST_CASE("a line without end is refused, one that is no progress is passed over") {
  PullProgress progress;
  CHECK(progress.take(downloading("aaa", "1", "2")));
  for (const char* text : {"\n", "null\n", "[1,2]\n", "{\"status\":\n", "{\"status\":7}\n",
                           "{\"progressDetail\":[],\"id\":\"x\",\"status\":\"Downloading\"}\n",
                           "\xff\xfe\n", "{\"a\":{\"b\":{\"c\":[[[[]]]]}}}\n"}) {
    CAPTURE(text);
    CHECK(progress.take(text));
  }
  CHECK(figures(progress) == "1 2 0 2 ");
  CHECK_FALSE(progress.error());
  CHECK(progress.take(std::string(limits::kPullLine, ' ')));
  CHECK_FALSE(progress.take(" "));
}

TEST_CASE("the error of a pull is found, whatever its type") {
  PullProgress progress;
  CHECK(progress.take(R"({"errorDetail":{"message":"m"},"error":"manifest unknown"})"));
  CHECK_FALSE(progress.error());
  CHECK(progress.take("\n"));
  CHECK(progress.error() == "manifest unknown");
  PullProgress odd;
  CHECK(odd.take("{\"error\":7}\n"));
  CHECK(odd.error().has_value());
}

TEST_CASE("an image is removed by its full name") {
  RemoveImage remove{parsed<ImageRef>("alpine"), false};
  CHECK(request::remove_image(remove).path ==
        "/images/docker.io/library/alpine:latest?force=0&noprune=0");
  remove = {parsed<ImageRef>("deadbeefdead"), true};
  CHECK(request::remove_image(remove).path ==
        "/images/docker.io/library/deadbeefdead:latest?force=1&noprune=0");
}

TEST_CASE("credentials name the registry of the image, not what the caller wrote") {
  const auto sent = [](const char* image, const char* username, const char* password) {
    PullImage pull{parsed<ImageRef>(image),
                   RegistryLogin{parsed<Text<256>>(username), parsed<Password>(password),
                                 parsed<Text<256>>("elsewhere.example")},
                   std::nullopt};
    const auto request = request::pull_image(pull);
    CHECK(request.path.find("joe") == std::string::npos);
    CHECK(request.registry_auth.size() % 4 == 0);  // base64 without padding
    return jwt::decode_base64url(request.registry_auth).value_or("?");
  };
  CHECK(sent("ghcr.io/a/b:1", "joe", "s3cret")
            .starts_with(R"({"username":"joe","password":"s3cret","serveraddress":"ghcr.io"})"));
  CHECK(sent("alpine", "joe", "s3crets")
            .starts_with(R"({"username":"joe","password":"s3crets",)"
                         R"("serveraddress":"https://index.docker.io/v1/"})"));
  CHECK(sent("ghcr.io/a/b:1", "j\"},{", "\\\"\xc3\xa9\xe2\x80\xa8")
            .starts_with(R"({"username":"j\"},{","password":"\\\")"
                         "\xc3\xa9\\u2028\","
                         R"("serveraddress":"ghcr.io"})"));
  const std::string longest(limits::kPassword, '"');
  CHECK(sent("alpine", std::string(256, '"').c_str(), longest.c_str()).size() > 6000);
  CHECK(request::pull_image({parsed<ImageRef>("alpine"), std::nullopt, std::nullopt})
            .registry_auth.empty());
}
