// SPDX-License-Identifier: Apache-2.0
// Public keys, key sets and what binds a token to its key. Numbers as in the threat model's
// checklist; more vectors, with keys and tokens of other makers, are in tests/e2e/test_token_*.py.
#include "common/public_key.hpp"
#include <doctest/doctest.h>
#include <string>
#include "admin/signing_key.hpp"
#include "common/jwks.hpp"
#include "tests/unit/tokens.hpp"

namespace {

using namespace dc;
using namespace dc::test;
using jwt::Algorithm;

constexpr std::string_view kPayload = R"({"service":"backend","exp":1800000600,"jti":"t-1"})";
constexpr Algorithm kAsymmetric[] = {Algorithm::es256, Algorithm::eddsa, Algorithm::rs256};

struct Pair {
  admin::SigningKey signer;
  std::string pem;
};
const Pair& pair_of(Algorithm algorithm) {
  static const auto make = [](Algorithm which) {
    auto pair = admin::make_key_pair(which);
    return Pair{*admin::SigningKey::from(std::move(pair->private_pem)), pair->public_pem};
  };
  static const Pair pairs[] = {make(Algorithm::es256), make(Algorithm::eddsa),
                               make(Algorithm::rs256)};
  return pairs[static_cast<std::size_t>(algorithm) - 1];
}

TokenKey public_key(Algorithm algorithm, std::optional<std::string> kid = {}) {
  TokenKey key;
  key.algorithm = algorithm;
  key.kid = std::move(kid);
  key.public_key = std::move(*read_public_key(algorithm, pair_of(algorithm).pem));
  return key;
}
std::string header_of(Algorithm algorithm, const std::string& more = "") {
  return R"({"alg":")" + std::string(jwt::algorithm_name(algorithm)) + "\"" + more + "}";
}
std::string signed_by(Algorithm algorithm, std::string_view header,
                      std::string_view payload = kPayload) {
  const std::string input = b64(header) + "." + b64(payload);
  return input + "." + b64(pair_of(algorithm).signer.sign(input));
}
bool accepts(const TokenKeys& keys, std::string_view token, std::int64_t now = kNow) {
  return keys.verify(token, now).has_value();
}
std::string hex_to_bytes(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

TEST_CASE("RFC 8032 7.1 and RFC 8037 A.4: vectors of Ed25519") {
  const auto key = make_public_key(
      Algorithm::eddsa, *jwt::decode_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), {});
  REQUIRE(key.has_value());
  CHECK(verify_signature(
      Algorithm::eddsa, key->get(), "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      *jwt::decode_base64url(
          "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_"
          "MuM0KAg")));
  CHECK(verify_signature(
      Algorithm::eddsa, key->get(), "",
      hex_to_bytes(
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
          "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")));
}

TEST_CASE("RFC 7515 A.3: the vector of ES256") {
  const auto key = make_public_key(
      Algorithm::es256, *jwt::decode_base64url("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
      *jwt::decode_base64url("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
  REQUIRE(key.has_value());
  CHECK(verify_signature(
      Algorithm::es256, key->get(),
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
      "NvbS9pc19yb290Ijp0cnVlfQ",
      *jwt::decode_base64url(
          "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
          "")));
}

TEST_CASE("J01 J04 each algorithm under its own key alone") {
  for (const Algorithm algorithm : kAsymmetric) {
    TokenKeys keys;
    REQUIRE(keys.add(public_key(algorithm)).has_value());
    CHECK(accepts(keys, signed_by(algorithm, header_of(algorithm))));
    for (const Algorithm other : kAsymmetric) {
      if (other == algorithm) continue;
      CHECK_FALSE(accepts(keys, signed_by(algorithm, header_of(other))));
      CHECK_FALSE(accepts(keys, signed_by(other, header_of(algorithm))));
      CHECK_FALSE(accepts(keys, signed_by(other, header_of(other))));
    }
    const std::string& pem = pair_of(algorithm).pem;
    CHECK_FALSE(accepts(keys, sign(kHeader, kPayload, pem)));
    CHECK_FALSE(accepts(keys, sign(kHeader, kPayload, "")));
  }
}

TEST_CASE("J07 an id names one key, whose algorithm the token must say too") {
  TokenKeys keys;
  REQUIRE(keys.add(public_key(Algorithm::es256, "es")).has_value());
  REQUIRE(keys.add(public_key(Algorithm::eddsa, "ed")).has_value());
  REQUIRE(keys.add(hmac_key(kKey)).has_value());
  CHECK(accepts(keys, signed_by(Algorithm::es256, header_of(Algorithm::es256, R"(,"kid":"es")"))));
  CHECK_FALSE(
      accepts(keys, signed_by(Algorithm::es256, header_of(Algorithm::es256, R"(,"kid":"ed")"))));
  CHECK_FALSE(accepts(keys, signed_by(Algorithm::es256, header_of(Algorithm::es256))));
  CHECK(accepts(keys, sign(kHeader, kPayload)));
}

TEST_CASE("J25 J26 no bit of a signature can change, none can be added or cut") {
  for (const Algorithm algorithm : kAsymmetric) {
    const auto key = public_key(algorithm);
    std::string signature = pair_of(algorithm).signer.sign("message");
    const auto holds = [&](std::string_view bytes) {
      return verify_signature(algorithm, key.public_key.get(), "message", bytes);
    };
    REQUIRE(holds(signature));
    CHECK_FALSE(verify_signature(algorithm, key.public_key.get(), "messagf", signature));
    int accepted = 0;
    for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
      const auto mask = static_cast<char>(1U << (bit % 8));
      signature[bit / 8] = static_cast<char>(signature[bit / 8] ^ mask);
      accepted += holds(signature) ? 1 : 0;
      signature[bit / 8] = static_cast<char>(signature[bit / 8] ^ mask);
    }
    for (std::size_t size = 0; size < signature.size(); ++size) {
      accepted += holds(signature.substr(0, size)) ? 1 : 0;
    }
    accepted += holds(signature + '\0') || holds('\0' + signature) || holds(signature + signature);
    CHECK(accepted == 0);
  }
}

TEST_CASE("J27 what is no public key of the algorithm") {
  for (const Algorithm algorithm : kAsymmetric) {
    const std::string& pem = pair_of(algorithm).pem;
    CHECK(read_public_key(algorithm, pem).has_value());
    CHECK(read_public_key(algorithm, "a comment\n" + pem + "\n").has_value());
    for (const Algorithm other : kAsymmetric) {
      if (other != algorithm) CHECK_FALSE(read_public_key(other, pem).has_value());
    }
    for (const std::string& bad : {std::string(), pem + pem, pem.substr(0, 60), pem.substr(5)}) {
      CHECK_FALSE(read_public_key(algorithm, bad).has_value());
    }
    const auto pair = admin::make_key_pair(algorithm);
    const auto refused = read_public_key(algorithm, pair->private_pem.view());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().detail.find("-pubout") != std::string::npos);
    CHECK_FALSE(read_public_key(Algorithm::hs256, pem).has_value());
    CHECK_FALSE(dc::check_key_strength(pem).has_value());
  }
  CHECK_FALSE(make_public_key(Algorithm::es256, std::string(32, '\1'), std::string(32, '\2')));
  CHECK_FALSE(make_public_key(Algorithm::es256, std::string(31, '\1'), std::string(32, '\2')));
  CHECK_FALSE(make_public_key(Algorithm::rs256, "", ""));
  CHECK_FALSE(make_public_key(Algorithm::rs256, std::string(256, '\x7f'), "\3"));
  CHECK_FALSE(make_public_key(Algorithm::hs256, std::string(32, '\1'), ""));
}

TEST_CASE("J06 Ed25519 points that no honest key is") {
  const auto fault_of = [](std::string_view hex) {
    const auto made = make_public_key(Algorithm::eddsa, hex_to_bytes(hex), {});
    return made ? std::string() : made.error().detail;
  };
  const std::string zeroes(62, '0');
  for (const std::string& hex :
       {"00" + zeroes, "00" + zeroes.substr(2) + "80", "01" + zeroes,
        "01" + zeroes.substr(2) + "80", "ec" + std::string(60, 'f') + "7f",
        "ec" + std::string(62, 'f'),
        std::string("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        std::string("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
        std::string("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        std::string("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")}) {
    CAPTURE(hex);
    CHECK(fault_of(hex).find("small order") != std::string::npos);
  }
  for (const char* first : {"ed", "ee", "ff"}) {
    CHECK(fault_of(first + std::string(60, 'f') + "7f").find("canonical") != std::string::npos);
  }
  CHECK(fault_of("02" + zeroes).find("not a point of its curve") != std::string::npos);
  CHECK_FALSE(fault_of("03").empty());
  CHECK(fault_of("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").empty());
}

TEST_CASE("J10 J20 J21 J22 J33 what a key wants of its tokens") {
  const auto status = [](const KeySettings& settings, const std::string& claims,
                         const std::string& header = R"({"alg":"HS256"})") {
    TokenKey key = hmac_key(kKey);
    key.settings = settings;
    TokenKeys keys;
    REQUIRE(keys.add(std::move(key)).has_value());
    return accepts(keys, sign(header, "{\"service\":\"a\",\"exp\":1800000600" + claims + "}"));
  };
  KeySettings bound;
  bound.rules.issuer = "idp";
  bound.rules.audience = {"us", "we"};
  CHECK(status(bound, R"(,"iss":"idp","aud":"us")"));
  CHECK(status(bound, R"(,"iss":"idp","aud":["x","we"])"));
  for (const char* bad : {"", R"(,"iss":"idp")", R"(,"aud":"us")", R"(,"iss":"idp/","aud":"us")",
                          R"(,"iss":1,"aud":"us")", R"(,"iss":"idp","aud":["us",1])",
                          R"(,"iss":"idp","aud":"Us")", R"(,"iss":"idp","aud":[])"}) {
    CHECK_FALSE(status(bound, bad));
  }
  CHECK_FALSE(status({}, R"(,"aud":"us")"));
  KeySettings timed;
  timed.rules.max_ttl = std::chrono::seconds(600);
  timed.rules.max_age = std::chrono::seconds(60);
  CHECK(status(timed, R"(,"iat":1800000000)"));
  CHECK_FALSE(status(timed, R"(,"iat":1799999999)"));
  CHECK_FALSE(status(timed, ""));
  timed.rules.max_ttl.reset();
  CHECK(status(timed, R"(,"iat":1799999910)"));
  CHECK_FALSE(status(timed, R"(,"iat":1799999909)"));
  KeySettings access;
  access.rules.access_token = true;
  CHECK(status(access, "", R"({"alg":"HS256","typ":"at+jwt"})"));
  CHECK_FALSE(status(access, "", R"({"alg":"HS256","typ":"JWT"})"));
  CHECK_FALSE(status({}, "", R"({"alg":"HS256","typ":"at+jwt"})"));
  KeySettings spent;
  spent.not_after = kNow + 1;
  spent.not_before = kNow;
  CHECK(status(spent, ""));
  spent.not_after = kNow;
  CHECK_FALSE(status(spent, ""));
  spent.not_after.reset();
  spent.not_before = kNow + 1;
  CHECK_FALSE(status(spent, ""));
}

TEST_CASE("J32 a reload keeps the keys that stay, and only those") {
  TokenKeys before, after;
  for (TokenKeys* keys : {&before, &after}) {
    REQUIRE(keys->add(public_key(Algorithm::es256, "es")).has_value());
    REQUIRE(keys->add(hmac_key(kKey, "hs")).has_value());
    REQUIRE(keys->add(hmac_key(keys == &before ? kKey : kOtherKey, "changed")).has_value());
    TokenKey settings = public_key(Algorithm::eddsa, "ed");
    settings.settings.rules.issuer = keys == &before ? "a" : "b";
    REQUIRE(keys->add(std::move(settings)).has_value());
  }
  const auto key_of = [](const TokenKeys& keys, const std::string& token) {
    const auto verified = keys.verify(token, kNow);
    return verified ? std::weak_ptr<const TokenKey>(verified->key)
                    : std::weak_ptr<const TokenKey>();
  };
  const auto es =
      key_of(before, signed_by(Algorithm::es256, header_of(Algorithm::es256, R"(,"kid":"es")")));
  const auto hs = key_of(before, sign(R"({"alg":"HS256","kid":"hs"})", kPayload));
  const auto changed = key_of(before, sign(R"({"alg":"HS256","kid":"changed"})", kPayload));
  const auto ed =
      key_of(before, signed_by(Algorithm::eddsa, header_of(Algorithm::eddsa, R"(,"kid":"ed")"),
                               R"({"service":"a","exp":1800000600,"iss":"a"})"));
  REQUIRE(!ed.expired());
  after.take_over(before);
  before = std::move(after);
  CHECK_FALSE(es.expired());
  CHECK_FALSE(hs.expired());
  CHECK(changed.expired());
  CHECK(ed.expired());
}

TEST_CASE("key sets") {
  const std::string good =
      R"({"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
  const auto set_of = [](const std::string& keys) {
    return read_jwks(R"({"keys":[)" + keys + "]}", {});
  };
  const auto one = set_of(good + R"(,{"kty":"new"},{"kty":"EC","crv":"P-521","kid":"b"})");
  REQUIRE(one.has_value());
  CHECK(one->keys.size() == 1);
  CHECK(one->keys[0].kid == "a");
  CHECK(one->skipped.size() == 2);
  for (const std::string& bad :
       {std::string(), std::string("5"), std::string(R"({"kty":"oct","k":"AAAA","kid":"a"})"),
        good.substr(0, good.size() - 1) + R"(,"d":"AAAA"})",
        good.substr(0, good.size() - 1) + R"(,"use":"enc"})",
        std::string(R"({"kty":"OKP","crv":"Ed25519","kid":"a"})")}) {
    CHECK_FALSE(set_of(bad).has_value());
  }
  CHECK_FALSE(read_jwks("", {}).has_value());
  CHECK_FALSE(read_jwks("[]", {}).has_value());
  CHECK_FALSE(read_jwks(R"({"keys":{}})", {}).has_value());
}
