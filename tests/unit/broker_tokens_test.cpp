// SPDX-License-Identifier: Apache-2.0
// Handles, revocations and used tokens, without a channel. Numbers as in the threat model's
// checklist.
#include <doctest/doctest.h>
#include <string>
#include "broker/broker.hpp"
#include "broker/used_tokens.hpp"
#include "tests/unit/samples.hpp"
#include "tests/unit/tokens.hpp"

using namespace dc;
using namespace dc::broker;
using test::hmac_key;
using test::kNow;
using test::parsed;

namespace {

constexpr std::uint64_t kClock = 5'000'000;  // uv_now()

TokenKeyPtr make_key(const std::string& kid, bool replay_protection = false) {
  TokenKey key = hmac_key(test::kKey, kid);
  key.settings.rules.replay_protection = replay_protection;
  return std::make_shared<const TokenKey>(std::move(key));
}

VerifiedToken token_of(const TokenKeyPtr& key, const std::string& id,
                       std::optional<std::int64_t> issued = kNow,
                       std::optional<std::int64_t> ends = kNow + 600) {
  jwt::Claims claims{parsed<ServiceName>("backend"), {},     parsed<Text<256>>("someone"),
                     parsed<Text<128>>(id),          issued, ends};
  return as_verified({std::move(claims), key, ends}, kNow, kClock);
}

Revocations revocations_of(std::string_view text) {
  auto read = read_revocations(text, "file");
  REQUIRE(read.has_value());
  return std::move(*read);
}

}  // namespace

TEST_CASE("J36 a handle lives 60 s, its token's time at most, by a clock that only rises") {
  const auto key = make_key("a");
  TokenTable table;
  const Revocations none;
  const Handle handle = table.add(token_of(key, "x"), kClock);
  CHECK(table.find(handle, kClock, none) != nullptr);
  CHECK(table.find(handle, kClock + 59'999, none) != nullptr);
  CHECK(table.find(handle, kClock + 60'000, none) == nullptr);
  const Handle shorter = table.add(token_of(key, "x", kNow, kNow + 5), kClock);
  CHECK(table.find(shorter, kClock + 4'999, none) != nullptr);
  CHECK(table.find(shorter, kClock + 5'000, none) == nullptr);
  const VerifiedToken over = token_of(key, "x", kNow, kNow - 5);
  CHECK(over.expires_at == kClock);
  CHECK(token_of(key, "x", kNow, std::nullopt).ends_at == 0);
  CHECK(table.find(Handle{}, kClock, none) == nullptr);
}

TEST_CASE("J32 J36 a handle dies with its key") {
  auto key = make_key("a");
  TokenTable table;
  const Handle handle = table.add(token_of(key, "x"), kClock);
  const VerifiedToken copy = token_of(key, "x");
  CHECK(taken_back(copy, {}) == nullptr);
  key.reset();
  CHECK(table.find(handle, kClock, {}) == nullptr);
  CHECK(taken_back(copy, {}) != nullptr);
}

TEST_CASE("J31 what a revocation covers") {
  const auto key = make_key("k-1");
  const auto covers = [&](std::string_view text, const VerifiedToken& token) {
    return taken_back(token, revocations_of(text)) != nullptr;
  };
  const VerifiedToken token = token_of(key, "x");
  for (const char* text :
       {R"(jti = ["y", "x"])", R"(sub = ["backend"])", R"(sub = ["someone"])", R"(kid = ["k-1"])",
        "[sub]\nbackend = 2100-01-01T00:00:00Z", "[kid]\nk-1 = 2100-01-01T00:00:00Z",
        "issued_before = 2027-01-15T08:00:01Z", "issued_before = 2027-01-15T10:00:01+02:00"}) {
    CAPTURE(text);
    CHECK(covers(text, token));
  }
  for (const char* text :
       {"", "jti = []", R"(jti = ["X", ""])", R"(sub = ["x", ""])", R"(kid = ["backend"])",
        "[sub]\nbackend = 2027-01-15T08:00:00Z", "issued_before = 2027-01-15T08:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(covers(text, token));
  }
  const VerifiedToken undated = token_of(key, "", std::nullopt);
  CHECK(covers("issued_before = 1970-01-01T00:00:00Z", undated));
  CHECK(covers("[kid]\nk-1 = 1970-01-01T00:00:00Z", undated));
  CHECK_FALSE(covers("jti = [\"\"]", undated));
  // Reading several lists of one file adds them up.
  CHECK(covers("jti = [\"y\"]\nkid = [\"k-1\"]", undated));
}

TEST_CASE("J29 J30 a token serves for one change") {
  const auto key = make_key("a", true);
  const auto other = make_key("b", true);
  const std::chrono::seconds leeway{30};
  UsedTokens used(kNow - 100);
  const auto code_of = [&](const VerifiedToken& token, std::uint64_t now = kClock) {
    const auto error = used.use(token, leeway, now);
    return error ? error->code : Errc::internal;  // internal: none
  };
  CHECK(code_of(token_of(key, "x")) == Errc::internal);
  CHECK(code_of(token_of(key, "x")) == Errc::conflict);
  CHECK(code_of(token_of(key, "X")) == Errc::internal);
  CHECK(code_of(token_of(other, "x")) == Errc::internal);
  CHECK(code_of(token_of(key, "old", kNow - 70)) == Errc::conflict);
  CHECK(code_of(token_of(key, "old", kNow - 69)) == Errc::internal);
  CHECK(code_of(token_of(key, "undated", std::nullopt)) == Errc::conflict);
  const auto free = make_key("c");
  for (int i = 0; i < 2; ++i) CHECK(code_of(token_of(free, "x", std::nullopt)) == Errc::internal);
}

TEST_CASE("J29 without a place to note a used token there is no change") {
  const auto key = make_key("a", true);
  UsedTokens used(0);
  const auto use = [&](const std::string& id, std::int64_t ends, std::uint64_t now = kClock) {
    return used.use(token_of(key, id, kNow, ends), std::chrono::seconds(0), now);
  };
  CHECK_FALSE(use("first", kNow + 10));
  for (std::size_t i = 1; i < limits::kUsedTokens; ++i) {
    REQUIRE_FALSE(use(std::to_string(i), kNow + 600));
  }
  REQUIRE(use("more", kNow + 600));
  CHECK(use("more", kNow + 600)->code == Errc::overloaded);
  CHECK(use("first", kNow + 10)->code == Errc::conflict);
  // The first has ended: one place is free again, and not a second.
  CHECK_FALSE(use("more", kNow + 600, kClock + 10'000));
  CHECK(use("most", kNow + 600, kClock + 10'000)->code == Errc::overloaded);
}

TEST_CASE("configuration: keys, sets, leeway, revocations") {
  Config config;
  const auto read = apply_config(R"(
leeway = 0
revocations = "/r.toml"
[[key]]
file = "/a"
[[key]]
file = "/b"
algorithm = "EdDSA"
kid = "b"
issuer = "idp"
audience = ["us"]
max_ttl = 600
max_age = 60
typ = "at+jwt"
replay_protection = true
not_before = 2027-01-15T08:00:00Z
not_after = 2027-01-15T09:00:00.5+01:00
[[jwks]]
file = "/c"
require_exp = false
)",
                                 "file", config);
  CHECK_FALSE(read.has_value());  // not_after is at not_before
  config = {};
  const auto good = apply_config(
      "leeway = 60\n[[key]]\nfile = \"/b\"\nnot_before = "
      "2027-01-15T08:00:00Z\nnot_after = 2028-02-29T23:59:59-01:00\n"
      "[[jwks]]\nfile = \"/c\"\nrequire_exp = false\n",
      "file", config);
  REQUIRE(good.has_value());
  CHECK(config.leeway == std::chrono::seconds(60));
  CHECK(config.keys.at(0).settings.not_before == kNow);
  CHECK(config.keys.at(0).settings.not_after == 1'835'481'599 + 3600);
  CHECK_FALSE(config.key_sets.at(0).settings.rules.require_exp);
}
