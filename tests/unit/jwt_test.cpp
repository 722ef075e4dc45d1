// SPDX-License-Identifier: Apache-2.0
// Shape and claims of tokens, without keys. Numbers as in the threat model's checklist.
#include "common/jwt.hpp"
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "common/limits.hpp"
#include "tests/unit/tokens.hpp"

namespace {

using namespace dc;
using namespace dc::test;
using jwt::decode_base64url;
using jwt::encode_base64url;

bool header_ok(std::string_view header) {
  return jwt::parse_token(b64(header) + "." + b64("{}") + "." + b64("signature")).has_value();
}
bool shape_ok(const std::string& token) { return jwt::parse_token(token).has_value(); }

Result<jwt::Claims> claims_of(std::string_view payload, bool require_exp = false) {
  jwt::ClaimRules rules;
  rules.require_exp = require_exp;
  return jwt::parse_claims(payload, kNow, rules, limits::kTokenLeeway);
}
bool claims_ok(std::string_view payload) { return claims_of(payload).has_value(); }
// A payload with `members` before a good service.
std::string with(const std::string& members) { return "{" + members + R"(,"service":"backend"})"; }
std::string at(const char* name, std::int64_t seconds) {
  return with("\"" + std::string(name) + "\":" + std::to_string(kNow + seconds));
}

Scopes scopes_of(const std::string& members) {
  const auto claims = claims_of(with(members));
  REQUIRE(claims.has_value());
  REQUIRE(claims->scopes.has_value());
  return *claims->scopes;
}
Scopes scope_set(std::initializer_list<Scope> list) {
  Scopes scopes;
  for (const Scope scope : list) scopes.add(scope);
  return scopes;
}

}  // namespace

TEST_CASE("base64url: the vectors of RFC 4648 without padding") {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(encode_base64url(bytes) == text);
    CHECK(decode_base64url(text) == bytes);
  }
}

TEST_CASE("base64url: what decodes encodes to the same text") {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes.push_back(static_cast<char>(i * 167 + i / 7));
    const auto text = encode_base64url(bytes);
    REQUIRE(decode_base64url(text) == bytes);
  }
  const std::string tail = "AQgw9-_";
  for (char a : tail) {
    for (char b : tail) {
      for (const std::string& text : {std::string{a, b}, std::string{a, b, a}}) {
        const auto decoded = decode_base64url(text);
        if (decoded) CHECK(encode_base64url(*decoded) == text);
      }
    }
  }
}

TEST_CASE("J01 a token of the right shape") {
  const std::string token = sign(kHeader, R"({"service":"backend"})");
  const auto parsed = jwt::parse_token(token);
  REQUIRE(parsed.has_value());
  CHECK(parsed->signing_input == token.substr(0, token.rfind('.')));
  CHECK(parsed->payload == R"({"service":"backend"})");
  CHECK(parsed->signature.size() == 32);
  CHECK_FALSE(parsed->kid.has_value());
}

TEST_CASE("J01 RFC 7515 A.1: a header with line breaks has the right shape") {
  CHECK(
      shape_ok("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
               ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
               "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
}

TEST_CASE("J02 alg none in any case, with and without a signature") {
  for (const std::string alg : {"none", "None", "NONE", "nOnE", ""}) {
    const std::string head = b64(R"({"alg":")" + alg + "\"}");
    CHECK_FALSE(shape_ok(head + "." + b64("{}") + "."));
    CHECK_FALSE(shape_ok(head + "." + b64("{}") + ".AAAA"));
  }
}

TEST_CASE("J03 other algorithms and other spellings") {
  for (const std::string alg :
       {R"("HS384")",  R"("HS512")", R"("RS384")",  R"("PS256")",      R"("ES512")", R"("ES384")",
        R"("ES256K")", R"("dir")",   R"("eddsa")",  R"("Ed25519")",    R"("Ed448")", R"("HS256 ")",
        R"(" HS256")", R"("hs256")", R"("HS2560")", R"("\u0048S256")", "256",        "[\"HS256\"]",
        "null",        "true",       "{}"}) {
    CAPTURE(alg);
    CHECK_FALSE(header_ok("{\"alg\":" + alg + "}"));
  }
  CHECK_FALSE(header_ok("{}"));
  CHECK_FALSE(header_ok(R"({"typ":"JWT"})"));
  for (const std::string alg : {"HS256", "ES256", "EdDSA", "RS256"}) {
    CHECK(header_ok(R"({"alg":")" + alg + "\"}"));
    CHECK(jwt::algorithm_name(*jwt::parse_algorithm(alg)) == alg);
  }
}

TEST_CASE("J07 key ids") {
  const auto with_kid = [](const std::string& kid) {
    return header_ok(R"({"alg":"HS256","kid":)" + kid + "}");
  };
  CHECK(with_kid(R"("2024-05_a.b")"));
  CHECK(with_kid('"' + std::string(64, 'k') + '"'));
  for (const std::string kid : {R"("")", R"("../../x")", R"("' OR 1=1 --")", R"("a b")", "1",
                                "null", R"(["a"])", R"("a\u0062")", R"("file:x")"}) {
    CAPTURE(kid);
    CHECK_FALSE(with_kid(kid));
  }
  CHECK_FALSE(with_kid('"' + std::string(65, 'k') + '"'));
  CHECK_FALSE(with_kid('"' + std::string(1 << 20, 'k') + '"'));
  CHECK_FALSE(header_ok(R"({"alg":"HS256","kid":"a","kid":"a"})"));
}

TEST_CASE("J08 members that bring keys, compression or another meaning") {
  for (const std::string name :
       {"jku", "x5u", "x5c", "jwk", "x5t", "b64", "zip", "enc", "cty", "foo"}) {
    for (const std::string value : {R"("x")", "false", "[]", "{}"}) {
      CAPTURE(name);
      CHECK_FALSE(header_ok(R"({"alg":"HS256",")" + name + "\":" + value + "}"));
      CHECK_FALSE(header_ok("{\"" + name + "\":" + value + R"(,"alg":"HS256"})"));
    }
  }
}

TEST_CASE("J09 crit") {
  for (const std::string value :
       {"[]", R"(["exp"])", R"(["b64"])", R"(["foo"])", R"("exp")", "1"}) {
    CHECK_FALSE(header_ok(R"({"alg":"HS256","crit":)" + value + "}"));
  }
}

TEST_CASE("J10 typ") {
  for (const std::string typ : {"JWT", "jwt", "Jwt"}) {
    CHECK(header_ok(R"({"alg":"HS256","typ":")" + typ + "\"}"));
  }
  for (const std::string typ : {"at+jwt", "AT+JWT"}) {
    const auto parsed =
        jwt::parse_token(b64(R"({"alg":"HS256","typ":")" + typ + "\"}") + ".e30.AA");
    REQUIRE(parsed.has_value());
    CHECK(parsed->access_token);
  }
  for (const std::string typ :
       {"application/at+jwt", "at jwt", "at+jwx", "JOSE", "JWE", "", "JW", "JWTX", "\x0aWT"}) {
    CHECK_FALSE(header_ok(R"({"alg":"HS256","typ":")" + typ + "\"}"));
  }
}

TEST_CASE("J11 number of segments") {
  const std::string token = sign(kHeader, R"({"service":"backend"})");
  const std::string head = token.substr(0, token.find('.'));
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("..."), head,
        head + "." + head, token + ".", "." + token, token + "." + head,
        token + "." + head + "." + head, head + ".." + head, std::string(100'000, '.'),
        std::string(8192, '.')}) {
    CHECK_FALSE(shape_ok(bad));
  }
}

TEST_CASE("J12 base64url in canonical form only") {
  for (const std::string& bad :
       {std::string("Zg=="), std::string("Zg="), std::string("Zm9+"), std::string("Zm9/"),
        std::string("Zm 9"), std::string("Zm9v\n"), std::string("Zm9v "), std::string("Zh"),
        std::string("Zm9"), std::string("Zm9vY"), std::string("Z"), std::string("A"),
        std::string("Zm9vA"), std::string("Zm%39"), std::string("Zm9\0", 4),
        std::string("Zm9\x80")}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_base64url(bad).has_value());
    CHECK_FALSE(shape_ok(b64(kHeader) + "." + bad + ".AAAA"));
    CHECK_FALSE(shape_ok(b64(kHeader) + ".e30." + bad));
    CHECK_FALSE(shape_ok(bad + ".e30.AAAA"));
  }
}

TEST_CASE("J13 sizes") {
  const std::string spaces(limits::kTokenHeader - 15, ' ');
  CHECK(header_ok(spaces + R"({"alg":"HS256"})"));
  CHECK_FALSE(header_ok(" " + spaces + R"({"alg":"HS256"})"));

  const std::string head = b64(kHeader) + ".";
  CHECK(shape_ok(head + b64(std::string(limits::kTokenClaims, 'x')) + ".AAAA"));
  CHECK_FALSE(shape_ok(head + b64(std::string(limits::kTokenClaims + 1, 'x')) + ".AAAA"));
  const std::string start = head + "e30.";
  CHECK(shape_ok(start + std::string(limits::kToken - start.size(), 'A')));
  CHECK_FALSE(shape_ok(start + std::string(limits::kToken + 4 - start.size(), 'A')));

  const std::string padding(limits::kTokenClaims - 21, ' ');
  CHECK(claims_ok(R"({"service":"backend"})" + padding));
  CHECK_FALSE(claims_ok(R"({"service":"backend"})" + padding + " "));
}

TEST_CASE("J13 depth and members") {
  CHECK(claims_ok(with(R"("a":{"b":{"c":{}}})")));
  CHECK_FALSE(claims_ok(with(R"("a":{"b":{"c":{"d":{}}}})")));
  CHECK(claims_ok(with(R"("a":[[[1]]])")));
  CHECK_FALSE(claims_ok(with(R"("a":[[[[]]]])")));
  CHECK_FALSE(claims_ok(with("\"a\":" + std::string(2000, '[') + std::string(2000, ']'))));
  CHECK_FALSE(claims_ok(std::string(4096, '[')));

  std::string members = R"("m":0)";
  for (int i = 2; i < 32; ++i) members += ",\"m" + std::to_string(i) + "\":0";
  CHECK(claims_ok(with(members)));
  CHECK_FALSE(claims_ok(with(members + R"(,"m32":0)")));
}

TEST_CASE("J14 duplicate members, also spelled with escapes") {
  CHECK_FALSE(header_ok(R"({"alg":"HS256","alg":"HS256"})"));
  CHECK_FALSE(header_ok(R"({"alg":"HS256","\u0061lg":"none"})"));
  CHECK_FALSE(header_ok(R"({"alg":"HS256","typ":"JWT","typ":"JWT"})"));
  for (const std::string members :
       {R"("exp":4000000000,"exp":4000000000)", R"("sub":"a","sub":"b")",
        R"("exp":4000000000,"\u0065xp":4000000000)", R"("service":"backend")",
        R"("a":{"b":1,"b":2})", R"("a":[{"b":1,"\u0062":2}])", R"("":1,"":2)"}) {
    CAPTURE(members);
    CHECK_FALSE(claims_ok(with(members)));
  }
}

TEST_CASE("J15 headers that are not strict JSON objects") {
  for (const std::string header :
       {"", "[]", "null", R"("alg")", R"({"alg":"HS256")", R"({"alg":"HS256"}})",
        R"({"alg":"HS256",})", R"({"alg":"HS256"} x)", R"({,"alg":"HS256"})", R"({"alg" "HS256"})",
        R"({'alg':'HS256'})", R"({alg:"HS256"})", "\xEF\xBB\xBF{\"alg\":\"HS256\"}",
        R"({"alg":"HS256"/**/})", "{\"alg\":\"HS256\",\"typ\":\"J\nT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"\xC3\xA9\"}"}) {
    CAPTURE(header);
    CHECK_FALSE(header_ok(header));
  }
  CHECK(header_ok(" { \"typ\" : \"JWT\" ,\r\n\t\"alg\" : \"HS256\" } "));
}

TEST_CASE("J15 claims that are not strict JSON objects") {
  for (const std::string& payload : {std::string(),
                                     std::string("[]"),
                                     std::string("null"),
                                     std::string("\"service\""),
                                     std::string("1"),
                                     std::string(R"([{"service":"backend"}])"),
                                     std::string("\xEF\xBB\xBF{\"service\":\"backend\"}"),
                                     std::string(R"({"service":"backend"}x)"),
                                     std::string(R"({"service":"backend"}{})"),
                                     std::string(R"({"service":"backend",})"),
                                     std::string(R"({"service":"backend"}/**/)"),
                                     std::string("{\"service\":\"backend\"}\0", 22),
                                     with("\"a\":\"\xff\""),
                                     with("\"a\":\"\xC0\xAF\""),
                                     with("\"a\":\"\xED\xA0\x80\""),
                                     with("\"\xff\":1"),
                                     with("\"a\":\"\x01\""),
                                     with(R"("a":NaN)"),
                                     with(R"("a":Infinity)"),
                                     with(R"("a":-Infinity)"),
                                     with(R"("a":01)"),
                                     with(R"("a":+1)"),
                                     with(R"("a":.5)"),
                                     with(R"("a":0x10)"),
                                     with(R"("a":1e999)"),
                                     with(R"("a":"\ud800")"),
                                     with(R"("a":"\udc00")"),
                                     with(R"("a":"\ud800\u0041")"),
                                     with(R"("a":"\ud800x")"),
                                     with(R"("\udfff":1)"),
                                     with(R"("a":["\udfff"])"),
                                     with(R"("a":"\x41")"),
                                     with(R"("a":tru)"),
                                     with("'a':1")}) {
    CAPTURE(payload);
    CHECK_FALSE(claims_ok(payload));
  }
  CHECK(claims_ok(with(R"("a":"\ud83d\ude00")")));
  CHECK(claims_ok(" \n" + with(R"("a":null)") + " \n"));
}

TEST_CASE("J16 exp and its leeway of 30 s") {
  CHECK(claims_ok(at("exp", 1)));
  CHECK(claims_ok(at("exp", -29)));
  CHECK_FALSE(claims_ok(at("exp", -30)));
  CHECK_FALSE(claims_ok(at("exp", -31)));
  const auto claims = claims_of(at("exp", 60));
  REQUIRE(claims.has_value());
  CHECK(claims->expires == kNow + 60);
}

TEST_CASE("J17 exp missing") {
  const std::string payload = R"({"service":"backend"})";
  CHECK_FALSE(claims_of(payload, true).has_value());
  const auto claims = claims_of(payload, false);
  REQUIRE(claims.has_value());
  CHECK_FALSE(claims->expires.has_value());
}

TEST_CASE("J18 exp, nbf and iat that are no times") {
  for (const std::string value :
       {R"("4000000000")", "-1", "-1e-9", "1e300", "9223372036854775808", "18446744073709551615",
        "9007199254740994", "null", "true", "[]", "{}", "[4000000000]"}) {
    for (const std::string name : {"exp", "nbf", "iat"}) {
      CAPTURE(name);
      CAPTURE(value);
      CHECK_FALSE(claims_ok(with("\"" + name + "\":" + value)));
    }
  }
  CHECK_FALSE(claims_ok(with(R"("exp":0)")));
  CHECK_FALSE(claims_ok(with(R"("exp":1.5)")));
  CHECK(claims_ok(with(R"("exp":9007199254740992)")));
  const auto fraction = claims_of(with(R"("exp":1800000060.9)"));
  REQUIRE(fraction.has_value());
  CHECK(fraction->expires == kNow + 60);
  CHECK(claims_ok(with(R"("exp":4e9)")));
}

TEST_CASE("J19 nbf and iat in the future, nbf after exp") {
  for (const char* name : {"nbf", "iat"}) {
    CHECK(claims_ok(at(name, 0)));
    CHECK(claims_ok(at(name, 30)));
    CHECK_FALSE(claims_ok(at(name, 31)));
  }
  CHECK(claims_ok(with(R"("nbf":1800000010,"exp":1800000010)")));
  CHECK_FALSE(claims_ok(with(R"("nbf":1800000010,"exp":1800000009)")));
}

TEST_CASE("J23 who the token is for") {
  const auto name_of = [](const std::string& payload) {
    const auto claims = claims_of(payload);
    return claims ? claims->service.str() : std::string();
  };
  CHECK(name_of(R"({"service":"tt_studio_backend"})") == "tt_studio_backend");
  CHECK(name_of(R"({"sub":"user@host:1"})") == "user@host:1");
  CHECK(name_of(R"({"sub":"b","service":"a"})") == "a");
  CHECK(name_of(R"({"service":"\u0061"})") == "a");
  for (const std::string value :
       {R"("")", R"("../x")", R"("a b")", R"("a\n")", R"("a\u0000b")", R"("a=b")", R"("a/b")",
        R"("\u00e9")", "1", "null", "true", "[]", R"(["a"])"}) {
    CAPTURE(value);
    CHECK_FALSE(claims_ok("{\"service\":" + value + "}"));
    CHECK_FALSE(claims_ok("{\"sub\":" + value + "}"));
    CHECK_FALSE(claims_ok("{\"sub\":\"good\",\"service\":" + value + "}"));
  }
  CHECK_FALSE(claims_ok("{}"));
  CHECK(claims_ok("{\"sub\":\"" + std::string(128, 'a') + "\"}"));
  CHECK_FALSE(claims_ok("{\"sub\":\"" + std::string(129, 'a') + "\"}"));
  CHECK_FALSE(claims_ok("{\"sub\":\"" + std::string(257, 'a') + "\"}"));
}

TEST_CASE("J24 scopes only narrow") {
  CHECK_FALSE(claims_of(with(R"("a":1)"))->scopes.has_value());
  const Scopes two = scope_set({Scope::containers_read, Scope::images_pull});
  CHECK(scopes_of(R"("scope":"containers:read images:pull")") == two);
  CHECK(scopes_of(R"("scope":"  images:pull   containers:read ")") == two);
  CHECK(scopes_of(R"("scope":["containers:read","images:pull"])") == two);
  CHECK(scopes_of(R"("scopes":["containers:read","images:pull"])") == two);
  CHECK(scopes_of(R"("scopes":["containers:read"],"scope":"containers:read images:pull")") ==
        scope_set({Scope::containers_read}));
  CHECK(scopes_of(R"("scopes":["containers:read","images:pull"],"scope":"containers:read")") ==
        scope_set({Scope::containers_read}));
  CHECK(scopes_of(R"("scope":"networks:*")") ==
        scope_set({Scope::networks_read, Scope::networks_manage}));
  for (const std::string none :
       {R"("")", R"("*")", R"("admin")", R"("*:*")", R"("containers:Read")", R"("openid profile")",
        "[]", R"(["*"])", R"([""])", R"(["containers:read images:pull"])"}) {
    CAPTURE(none);
    CHECK(scopes_of("\"scope\":" + none) == Scopes{});
  }
  for (const std::string bad : {"1", "null", "true", "{}", "[1]", R"(["containers:read",null])"}) {
    CHECK_FALSE(claims_ok(with("\"scope\":" + bad)));
    CHECK_FALSE(claims_ok(with("\"scopes\":" + bad)));
  }
}

TEST_CASE("jti becomes the token id") {
  CHECK(claims_of(with(R"("jti":"abc-1")"))->token_id.view() == "abc-1");
  CHECK(claims_of(with(R"("a":1)"))->token_id.view().empty());
  for (const std::string& bad : {std::string("1"), std::string("null"), std::string("[]"),
                                 std::string(R"("\u0000")"), "\"" + std::string(129, 'j') + "\""}) {
    CHECK_FALSE(claims_ok(with("\"jti\":" + bad)));
  }
}

TEST_CASE("J35 nested and encrypted tokens") {
  const std::string inner = sign(kHeader, R"({"service":"backend"})");
  CHECK_FALSE(shape_ok(inner + "." + b64("iv") + "." + b64("tag")));
  CHECK_FALSE(header_ok(R"({"alg":"HS256","cty":"JWT"})"));
  CHECK_FALSE(claims_ok(inner));
}

TEST_CASE("reasons are errors of authentication and never echo the token") {
  const auto refused = jwt::parse_token("<script>.e30.AAAA");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::unauthenticated);
  CHECK(refused.error().detail == "not canonical base64url");
}
