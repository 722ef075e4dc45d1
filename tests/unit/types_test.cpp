// SPDX-License-Identifier: Apache-2.0
#include "common/types.hpp"
#include <doctest/doctest.h>
#include <string>
#include <vector>

using std::string;

namespace {

template <class T>
void accepts(const std::vector<string>& texts) {
  for (const string& text : texts) {
    CAPTURE(text);
    const auto parsed = T::parse(text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->view() == text);
  }
}

template <class T>
void refuses(const std::vector<string>& texts) {
  for (const string& text : texts) {
    CAPTURE(text);
    const auto parsed = T::parse(text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == dc::Errc::invalid_request);
    CHECK(parsed.error().detail.substr(0, 7) == "must be");
  }
}

const string kNul(1, '\0');
const string kHex64(64, 'a');

}  // namespace

TEST_CASE("ContainerRef") {
  accepts<dc::ContainerRef>({"a", "my-app", "A_b.c-1", kHex64, "0123abc", string(128, 'a')});
  refuses<dc::ContainerRef>({"", string(129, 'a'), "/app", "-a", ".a", "_a", "a/b", "a b", "a%2f",
                             "..", "a\n", "a" + kNul, "\xc3\xa4", "a?", "a#"});
}

TEST_CASE("ContainerName") {
  accepts<dc::ContainerName>(
      {"ab", "web-1", string(63, 'z'), "abcdef", "12345678901", "cafebabecafg"});
  refuses<dc::ContainerName>({"", "a", string(64, 'z'), "abcdefabcdef", "0123456789ab", kHex64,
                              "/a", "a:b", "-a", " a", "a "});
}

TEST_CASE("ContainerId and ImageId") {
  accepts<dc::ContainerId>({kHex64});
  refuses<dc::ContainerId>(
      {"", string(63, 'a'), string(65, 'a'), string(64, 'A'), string(64, 'g')});
  accepts<dc::ImageId>({"sha256:" + kHex64});
  refuses<dc::ImageId>(
      {kHex64, "sha256:", "sha512:" + kHex64, "SHA256:" + kHex64, "sha256:" + kHex64 + "0"});
}

TEST_CASE("NetworkName") {
  accepts<dc::NetworkName>({"bridge", "host", "tt_studio_network", string(63, 'n')});
  refuses<dc::NetworkName>({"", string(64, 'n'), "container:x", "ns:/proc/1/ns/net", " host",
                            "bridge:", "a/b", "-n", "none "});
}

TEST_CASE("HostName") {
  accepts<dc::HostName>({"a", "web-1", "A.b.c", "1", "a_b", "a__b.c-_d",
                         "tt-metal-yolov4-src-base_p8003", string(63, 'h')});
  refuses<dc::HostName>({"", string(64, 'h'), "-a", "a-", "a.", ".a", "a..b", "a.-b", "a-.b", "_a",
                         "a_", "a._b", "a_.b", "a b", "a/b", "a" + kNul});
}

TEST_CASE("Authority") {
  accepts<dc::Authority>({"a", "a:80", "a:", "[::1]", "[::1]:8002", "[::FFFF:1.2.3.4]",
                          "127.0.0.1:8002", "my_host.example", "A.b~c:65535", string(255, 'h')});
  refuses<dc::Authority>({"",    ":80",      "a b",     "a/b", "a@b",      "a,b",
                          "a:b", "a:123456", "[::1",    "::1", "[]",       "[]:80",
                          "[g]", "[::1]x",   "[::1]80", "*",   "http://a", string(256, 'h'),
                          "a\n", "a" + kNul, "\xc3\xa9"});
}

TEST_CASE("Origin") {
  accepts<dc::Origin>({"http://a", "https://a.example", "http://localhost:8000",
                       "http://[::1]:3000", "http://a:443", "https://a:80"});
  refuses<dc::Origin>({"",
                       "*",
                       "null",
                       "a",
                       "//a",
                       "http://",
                       "https://",
                       "http:a",
                       "ftp://a",
                       "HTTP://a",
                       "http://A",
                       "http://a/",
                       "http://a/b",
                       "http://a:",
                       "http://a:80",
                       "https://a:443",
                       "http://*.example",
                       "http://u@a",
                       "http://a b",
                       "http://a http://b"});
}

TEST_CASE("UserSpec") {
  accepts<dc::UserSpec>({"0", "1000", "1000:1000", "guest", "guest:users", "_apt", "00"});
  refuses<dc::UserSpec>(
      {"", ":", "a:", ":a", "a:b:c", "-1", "a b", "a/b", "$USER", "a\n", string(33, 'u')});
}

TEST_CASE("WorkingDir") {
  accepts<dc::WorkingDir>(
      {"/", "/app", "/app/", "/a/b c", "/process", "/system", "/devel", "/srv/proc"});
  refuses<dc::WorkingDir>({"", "app", "./a", "/a/../b", "/..", "/.", "/a/./b", "//", "/a//b",
                           "/proc", "/proc/self/fd/7", "/sys", "/sys/x", "/dev", "/dev/fd/7",
                           "/a\\b", "/a" + kNul, "/\xff", "/" + string(1024, 'a')});
}

TEST_CASE("VariableName") {
  accepts<dc::VariableName>({"A", "_", "PATH", "a1", string(256, 'A')});
  refuses<dc::VariableName>({"", "1A", "A=B", "A B", "A-B", "A.B", "A\n", string(257, 'A')});
}

TEST_CASE("LabelKey keeps clients out of our namespace") {
  accepts<dc::LabelKey>({"app", "com.example/x-y_z", "docker-control", "docker-controlx",
                         "x.docker-control.owner", string(128, 'k')});
  refuses<dc::LabelKey>({"", "docker-control.", "docker-control.owner", "docker-control.proof",
                         "Docker-Control.owner", "DOCKER-CONTROL.nonce", "a=b", "a b", "a" + kNul,
                         string(129, 'k')});
}

TEST_CASE("ServiceName") {
  accepts<dc::ServiceName>({"tt_studio_backend", "a", "user@example.org", "ns:svc", "-"});
  refuses<dc::ServiceName>({"", string(129, 's'), "a b", "a/b", "a\"", "a]", "a\n", "\xc3\xa4"});
}

TEST_CASE("Text is UTF-8 without NUL and at most its bound") {
  using Short = dc::Text<4>;
  CHECK(Short::parse("").has_value());
  CHECK(Short::parse("\xf0\x9f\x90\xb3").has_value());
  CHECK_FALSE(Short::parse("12345").has_value());
  CHECK_FALSE(Short::parse("\xff").has_value());
  CHECK_FALSE(Short::parse("\xed\xa0\x80").has_value());  // a lone surrogate
  CHECK_FALSE(Short::parse("\xc0\x80").has_value());      // an overlong NUL
  CHECK_FALSE(Short::parse(kNul).has_value());
  const auto clipped = Short::clip(
      "a\nb\xff"
      "c");
  CHECK(clipped.view() == "a?b?");
}

TEST_CASE("a wiped string holds nothing, nor does the room it had") {
  std::string text = "short";
  text.pop_back();
  const char* const bytes = text.data();
  const std::size_t room = text.capacity();
  dc::wipe(text);
  CHECK(text.empty());
  CHECK(std::string_view(bytes, room) == std::string(room, '\0'));
}

TEST_CASE("sizes") {
  using dc::parse_size;
  CHECK(parse_size("0") == 0);
  CHECK(parse_size("1024") == 1024);
  CHECK(parse_size("1b") == 1);
  CHECK(parse_size("1k") == 1024);
  CHECK(parse_size("1KB") == 1024);
  CHECK(parse_size("1KiB") == 1024);
  CHECK(parse_size("512m") == 512ULL << 20);
  CHECK(parse_size("32G") == 32ULL << 30);
  CHECK(parse_size("2t") == 2ULL << 40);
  CHECK(parse_size("9223372036854775807") == 9223372036854775807ULL);
  CHECK(parse_size("8388607t") == 8388607ULL << 40);
  for (const char* text : {"",
                           "m",
                           "-1",
                           "+1",
                           " 1",
                           "1 ",
                           "1 g",
                           "1e3",
                           "1.5g",
                           "0x10",
                           "1kk",
                           "1bb",
                           "1ibb",
                           "1gi",
                           "1p",
                           "1gib ",
                           "inf",
                           "unlimited",
                           "9223372036854775808",
                           "18446744073709551616",
                           "8388608t",
                           "99999999999999999999999g",
                           "9007199254740992k"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

TEST_CASE("enumerations parse back from their names") {
  for (unsigned i = 0; i <= static_cast<unsigned>(enum_last(dc::Restart{})); ++i) {
    CHECK(dc::parse_restart(enum_name(static_cast<dc::Restart>(i))) == static_cast<dc::Restart>(i));
  }
  for (unsigned i = 0; i <= static_cast<unsigned>(enum_last(dc::ContainerState{})); ++i) {
    CHECK(dc::parse_state(enum_name(static_cast<dc::ContainerState>(i))) ==
          static_cast<dc::ContainerState>(i));
  }
  CHECK_FALSE(dc::parse_restart("").has_value());
  CHECK_FALSE(dc::parse_restart("Always").has_value());
  CHECK_FALSE(dc::parse_state("up").has_value());
}

TEST_CASE("every error code has a name of its own") {
  std::vector<std::string_view> seen;
  for (unsigned i = 0; i <= static_cast<unsigned>(enum_last(dc::Errc{})); ++i) {
    const auto name = dc::errc_name(static_cast<dc::Errc>(i));
    for (const auto& other : seen) CHECK(other != name);
    seen.push_back(name);
  }
}
