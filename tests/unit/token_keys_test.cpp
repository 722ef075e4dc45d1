// SPDX-License-Identifier: Apache-2.0
// Signatures and keys. Numbers as in the threat model's checklist.
#include "common/token_keys.hpp"
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "common/limits.hpp"
#include "tests/unit/tokens.hpp"

namespace {

using namespace dc;
using namespace dc::test;
using dc::check_key_strength;
using dc::TokenKeys;

constexpr std::string_view kPayload = R"({"service":"backend","exp":1800000600,"jti":"t-1"})";

std::string hex(std::string_view bytes) {
  std::string text;
  for (unsigned char c : bytes) {
    text += "0123456789abcdef"[c >> 4U];
    text += "0123456789abcdef"[c & 15U];
  }
  return text;
}
bool accepts(const TokenKeys& keys, std::string_view token) {
  return keys.verify(token, kNow).has_value();
}
std::string header_with_kid(const std::string& kid) {
  return R"({"alg":"HS256","kid":")" + kid + "\"}";
}
std::string repeat(const std::string& text, std::size_t size) {
  std::string out;
  while (out.size() < size) out += text;
  return out;
}

}  // namespace

TEST_CASE("HMAC-SHA256: vectors of RFC 4231 and RFC 7515 A.1") {
  CHECK(hex(dc::hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex(dc::hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(dc::hmac_sha256(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  const auto key = jwt::decode_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  CHECK(jwt::encode_base64url(dc::hmac_sha256(
            *key,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4M"
            "TkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ")) ==
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST_CASE("equal_secrets") {
  CHECK(dc::equal_secrets("abc", "abc"));
  CHECK_FALSE(dc::equal_secrets("abc", "abd"));
  CHECK_FALSE(dc::equal_secrets("abc", "ab"));
  CHECK(dc::equal_secrets("", ""));
}

TEST_CASE("J01 a good token") {
  const auto claims = keys_with().verify(sign(kHeader, kPayload), kNow);
  REQUIRE(claims.has_value());
  CHECK(claims->claims.service.view() == "backend");
  CHECK(claims->claims.token_id.view() == "t-1");
  CHECK(claims->claims.expires == 1'800'000'600);
}

TEST_CASE("J02 J03 an unsupported algorithm with a good MAC") {
  const auto keys = keys_with();
  for (const std::string alg : {"none", "None", "HS384", "RS256", "hs256", "HS256 "}) {
    const std::string header = R"({"alg":")" + alg + "\"}";
    CHECK_FALSE(accepts(keys, sign(header, kPayload)));
    CHECK_FALSE(accepts(keys, b64(header) + "." + b64(kPayload) + "."));
  }
}

TEST_CASE("J04 the key comes from the configuration, never from the token") {
  const auto keys = keys_with();
  CHECK_FALSE(accepts(keys, sign(kHeader, kPayload, kOtherKey)));
  CHECK_FALSE(accepts(keys, sign(kHeader, kPayload, "")));
  CHECK_FALSE(accepts(keys, sign(R"({"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}})", kPayload)));
  CHECK_FALSE(accepts(TokenKeys(), sign(kHeader, kPayload)));
}

TEST_CASE("J07 key ids choose the key") {
  TokenKeys keys;
  REQUIRE(keys.add(hmac_key(kKey, "a")).has_value());
  CHECK(accepts(keys, sign(header_with_kid("a"), kPayload)));
  CHECK(accepts(keys, sign(kHeader, kPayload)));  // the only key
  CHECK_FALSE(accepts(keys, sign(header_with_kid("b"), kPayload)));
  CHECK_FALSE(accepts(keys, sign(header_with_kid("A"), kPayload)));

  REQUIRE(keys.add(hmac_key(kOtherKey, "b")).has_value());
  CHECK(accepts(keys, sign(header_with_kid("b"), kPayload, kOtherKey)));
  CHECK_FALSE(accepts(keys, sign(header_with_kid("b"), kPayload)));
  CHECK_FALSE(accepts(keys, sign(header_with_kid("a"), kPayload, kOtherKey)));
  CHECK_FALSE(accepts(keys, sign(kHeader, kPayload)));  // no kid, two keys
  CHECK_FALSE(accepts(keys, sign(kHeader, kPayload, kOtherKey)));

  // A token that names a key is not tried against keys without a name.
  CHECK_FALSE(accepts(keys_with(), sign(header_with_kid("a"), kPayload)));
}

TEST_CASE("J12 another spelling of the same signature") {
  const auto keys = keys_with();
  const std::string token = sign(kHeader, kPayload);
  REQUIRE(accepts(keys, token));
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int accepted = 0;
  for (char last : alphabet) {
    accepted += accepts(keys, token.substr(0, token.size() - 1) + last) ? 1 : 0;
  }
  CHECK(accepted == 1);
  for (const char* tail : {"=", " ", "\n", "\r\n"}) CHECK_FALSE(accepts(keys, token + tail));
  CHECK_FALSE(accepts(keys, " " + token));
}

TEST_CASE("J13 no MAC of more than the limit") {
  const auto refused =
      keys_with().verify(sign(kHeader, std::string(limits::kTokenClaims + 1, ' ')), kNow);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail == "claims are too long");
}

TEST_CASE("J14 J15 claims are read only after the signature holds") {
  const auto keys = keys_with();
  const auto forged = keys.verify(sign(kHeader, "not JSON", kOtherKey), kNow);
  REQUIRE_FALSE(forged.has_value());
  CHECK(forged.error().detail == "wrong signature");
  const auto signed_badly = keys.verify(sign(kHeader, "not JSON"), kNow);
  REQUIRE_FALSE(signed_badly.has_value());
  CHECK(signed_badly.error().detail == "claims are not a JSON object");
  CHECK_FALSE(accepts(keys, sign(kHeader, R"({"service":"a","exp":1800000600,"\u0065xp":4e9})")));
}

TEST_CASE("J16 leeway") {
  const auto keys = keys_with();
  CHECK(accepts(keys, sign(kHeader, R"({"service":"a","exp":1800000001})")));
  CHECK_FALSE(accepts(keys, sign(kHeader, R"({"service":"a","exp":1799999969})")));
}

TEST_CASE("J17 a token without exp needs a key that allows it") {
  const std::string token = sign(kHeader, R"({"service":"tt_studio_backend"})");
  CHECK_FALSE(accepts(keys_with(), token));
  CHECK(accepts(keys_with(kKey, false), token));
}

TEST_CASE("J25 no flipped bit of header, payload or signature goes unseen") {
  const auto keys = keys_with();
  const std::string mac = dc::hmac_sha256(kKey, b64(kHeader) + "." + b64(kPayload));
  const auto join = [](std::string_view header, std::string_view payload, std::string_view last) {
    return b64(header) + "." + b64(payload) + "." + b64(last);
  };
  REQUIRE(accepts(keys, join(kHeader, kPayload, mac)));
  const auto each_flip = [](std::string bytes, const auto& check) {
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      const auto mask = static_cast<char>(1U << (bit % 8));
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
      check(bytes);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    }
  };
  int accepted = 0;
  const auto count = [&](const std::string& token) { accepted += accepts(keys, token) ? 1 : 0; };
  each_flip(mac, [&](const auto& bytes) { count(join(kHeader, kPayload, bytes)); });
  each_flip(std::string(kPayload), [&](const auto& bytes) { count(join(kHeader, bytes, mac)); });
  each_flip(std::string(kHeader), [&](const auto& bytes) { count(join(bytes, kPayload, mac)); });
  each_flip(join(kHeader, kPayload, mac), count);
  CHECK(accepted == 0);
}

TEST_CASE("J26 signatures cut short or made longer") {
  const auto keys = keys_with();
  const std::string input = b64(kHeader) + "." + b64(kPayload);
  const std::string mac = dc::hmac_sha256(kKey, input);
  for (const std::size_t size : {0U, 1U, 16U, 31U}) {
    CHECK_FALSE(accepts(keys, input + "." + b64(mac.substr(0, size))));
  }
  CHECK_FALSE(accepts(keys, input + "." + b64(mac + '\0')));
  CHECK_FALSE(accepts(keys, input + "." + b64(mac + mac)));
  CHECK_FALSE(accepts(keys, input + "." + b64(std::string(32, '\0'))));
  CHECK(accepts(keys, input + "." + b64(mac)));
}

TEST_CASE("J27 keys that can be guessed") {
  for (const std::string& key :
       {std::string(), std::string("secret"), std::string("change-me-in-production"),
        std::string("your-secret-here"), std::string("your-jwt-secret"), std::string("<secret>"),
        std::string(kKey.substr(0, 31)), std::string(64, 'x'), repeat("secret", 48),
        repeat("your-secret-here", 32), repeat("abcdefghijklmnop", 40), repeat("01", 64),
        std::string("CHANGE-ME-in-production-CHANGE-ME-please"), repeat("abcdefg", 28) + "gfedcba",
        std::string("a-string-secret-at-least-256-bits-long"),
        std::string("your-256-bit-secret-goes-right-in-here"),
        std::string("super-secret-jwt-token-with-at-least-32-characters-long"),
        std::string(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9"
            "CAow"),
        repeat(std::string(kKey) + std::string(kOtherKey), 1025)}) {
    CAPTURE(key);
    const auto checked = check_key_strength(key);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == Errc::invalid_request);
    CHECK(checked.error().detail.find("make one with: docker-control keygen") != std::string::npos);
    if (key.size() > 8) CHECK(checked.error().detail.find(key) == std::string::npos);
  }
  CHECK(check_key_strength(kKey).has_value());
  CHECK(check_key_strength(kKey.substr(0, 32)).has_value());
  CHECK(check_key_strength("9f86d081884c7d659a2feaa0c55ad015").has_value());
  std::string longest;
  while (longest.size() < 1024) longest += dc::hmac_sha256(kKey, longest);
  CHECK(check_key_strength(longest).has_value());
  CHECK_FALSE(check_key_strength(longest + "x").has_value());
}

TEST_CASE("J27 J33 what add() refuses") {
  TokenKeys keys;
  CHECK_FALSE(keys.add(hmac_key("secret", std::nullopt)).has_value());
  CHECK_FALSE(keys.add(hmac_key("", std::nullopt)).has_value());
  CHECK_FALSE(keys.add(hmac_key(kKey, "../x")).has_value());
  CHECK_FALSE(keys.add(hmac_key(kKey, "")).has_value());
  CHECK(keys.empty());
  CHECK(keys.add(hmac_key(kKey, "a")).has_value());
  CHECK_FALSE(keys.add(hmac_key(kOtherKey, "a")).has_value());
  for (std::size_t i = 1; i < limits::kKeys; ++i) {
    CHECK(keys.add(hmac_key(kOtherKey, std::nullopt)).has_value());
  }
  CHECK_FALSE(keys.add(hmac_key(kOtherKey, std::nullopt)).has_value());
}

TEST_CASE("J32 rotation: keys without ids are tried in turn") {
  TokenKeys both;
  REQUIRE(both.add(hmac_key(kOtherKey, std::nullopt)).has_value());
  REQUIRE(both.add(hmac_key(kKey, std::nullopt)).has_value());
  CHECK(accepts(both, sign(kHeader, kPayload, kKey)));
  CHECK(accepts(both, sign(kHeader, kPayload, kOtherKey)));
  CHECK_FALSE(accepts(keys_with(kOtherKey), sign(kHeader, kPayload, kKey)));
}
