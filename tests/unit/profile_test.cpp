// SPDX-License-Identifier: Apache-2.0
#include "policy/profile.hpp"
#include <doctest/doctest.h>

using dc::ImageRef;
using dc::IpAddress;
using dc::policy::ImagePattern;

namespace {

bool matches(const char* pattern, const char* image) {
  const auto entry = ImagePattern::parse(pattern);
  const auto reference = ImageRef::parse(image);
  REQUIRE(entry.has_value());
  REQUIRE(reference.has_value());
  CHECK(entry->view() == pattern);
  return entry->matches(*reference);
}

const std::string kDigest = "sha256:" + std::string(64, 'b');

}  // namespace

TEST_CASE("a path prefix ends at a part boundary of its own registry") {
  CHECK(matches("ghcr.io/tenstorrent/", "ghcr.io/tenstorrent/x:1"));
  CHECK(matches("ghcr.io/tenstorrent/", "ghcr.io/tenstorrent/a/b"));
  CHECK_FALSE(matches("ghcr.io/tenstorrent/", "ghcr.io/tenstorrent"));
  CHECK_FALSE(matches("ghcr.io/tenstorrent/", "ghcr.io/tenstorrentx/y"));
  CHECK_FALSE(matches("ghcr.io/tenstorrent/", "ghcr.io/x/tenstorrent/y"));
  CHECK_FALSE(matches("ghcr.io/tenstorrent/", "tenstorrent/x"));
  CHECK(matches("tenstorrent/", "docker.io/tenstorrent/x"));
  CHECK_FALSE(matches("tenstorrent/", "ghcr.io/tenstorrent/x"));
}

TEST_CASE("a registry on its own stands for all of it") {
  CHECK(matches("ghcr.io/", "ghcr.io/a/b"));
  CHECK_FALSE(matches("ghcr.io/", "ghcr.io:443/a/b"));
  CHECK(matches("docker.io/", "alpine"));
  CHECK(matches("docker.io/", "evil/x"));
  CHECK(matches("library/", "alpine"));
  CHECK_FALSE(matches("library/", "evil/x"));
  CHECK(matches("127.0.0.1:5000/library/", "127.0.0.1:5000/library/busybox:1"));
  CHECK_FALSE(matches("127.0.0.1:5000/library/", "127.0.0.1:5001/library/busybox:1"));
  CHECK_FALSE(matches("127.0.0.1:5000/library/", "127.0.0.1:5000/busybox:1"));
  CHECK(matches("[::1]:5000/", "[::1]:5000/x"));
}

TEST_CASE("a repository stands for every tag and digest of itself alone") {
  CHECK(matches("alpine:", "alpine"));
  CHECK(matches("alpine:", "docker.io/library/alpine:3"));
  CHECK(matches("alpine:", ("alpine@" + kDigest).c_str()));
  CHECK_FALSE(matches("alpine:", "alpine:5000/evil"));
  CHECK_FALSE(matches("alpine:", "alpine2"));
  CHECK_FALSE(matches("alpine:", "evil/alpine"));
  CHECK(matches("127.0.0.1:5000/app:", "127.0.0.1:5000/app:2"));
}

TEST_CASE("a full reference stands for itself") {
  CHECK(matches("alpine:3.20", "library/alpine:3.20"));
  CHECK_FALSE(matches("alpine:3.20", "alpine:3.2"));
  CHECK_FALSE(matches("alpine:3.20", "alpine"));
  CHECK_FALSE(matches("alpine:3.20", ("alpine:3.20@" + kDigest).c_str()));
  CHECK(matches(("alpine@" + kDigest).c_str(), ("alpine:9@" + kDigest).c_str()));
  CHECK_FALSE(matches(("alpine@" + kDigest).c_str(), "alpine:latest"));
}

TEST_CASE("what could mean two things is refused with both spellings") {
  const auto detail = [](const char* text) {
    const auto pattern = ImagePattern::parse(text);
    REQUIRE_FALSE(pattern.has_value());
    return pattern.error().detail;
  };
  CHECK(detail("alpine") ==
        "must have an ending: write \"alpine:\" for every tag or \"alpine:latest\"");
  CHECK(detail("ghcr.io/a/b").find("\"ghcr.io/a/b:\"") != std::string::npos);
  CHECK(detail("ghcr.io").find("registry") != std::string::npos);
  CHECK(detail("localhost:5000").find("registry") != std::string::npos);
  CHECK(detail("ghcr.io:").find("registry") != std::string::npos);
}

TEST_CASE("entries that no reference could match are refused") {
  for (const char* text : {"",
                           "/",
                           ":",
                           "*",
                           "ghcr.io/*",
                           "ghcr.io//",
                           "ghcr.io/../",
                           "/x/",
                           "Tenstorrent",
                           "ghcr.io/Tenstorrent/",
                           "alpine::",
                           "alpine/:",
                           "alpine:3:",
                           "https://ghcr.io/",
                           "user@ghcr.io/",
                           "ghcr.io/x ",
                           "alpine@sha256:",
                           "alpine@md5:00",
                           "\n",
                           "al\xc3\xa4/"}) {
    CAPTURE(text);
    CHECK_FALSE(ImagePattern::parse(text).has_value());
  }
  CHECK_FALSE(ImagePattern::parse(std::string(64, 'a')).has_value());
  CHECK_FALSE(ImagePattern::parse(std::string("alpine\0:", 8)).has_value());
  CHECK_FALSE(ImagePattern::parse(std::string(600, 'a') + "/").has_value());
}

TEST_CASE("addresses are literal") {
  for (const char* text : {"127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1", "172.17.0.1"}) {
    CHECK(IpAddress::parse(text).has_value());
  }
  for (const char* text : {"", "localhost", "127.1", "127.0.0.1:80", "[::1]", "256.0.0.1", "0x7f.1",
                           "127.0.0.1 ", "fe80::1%eth0", "010.0.0.1"}) {
    CAPTURE(text);
    CHECK_FALSE(IpAddress::parse(text).has_value());
  }
  CHECK_FALSE(IpAddress::parse(std::string("::1\0", 4)).has_value());
}
