// SPDX-License-Identifier: Apache-2.0
// daemon/auth: what is a token, who asks the broker about it, and for how long it is known.
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "daemon/auth.hpp"
#include "daemon_fixture.hpp"

using namespace dc;
using namespace dc::daemon;
using dc::test::Fixture;
using dc::test::kContainers;
using dc::test::path;
using dc::test::some_policy;

TEST_CASE("without a good token everything else is the one 401") {
  Fixture f;
  const std::string good = test::token();
  std::string body;
  const std::vector<std::string> bad = {"",
                                        "Bearer",
                                        "Bearer ",
                                        "Bearer  " + good,
                                        "Bearer\t" + good,
                                        "Basic " + good,
                                        good,
                                        "Bearer " + good + ",Bearer " + good,
                                        "Bearer " + good + " ",
                                        "Bearer a.b",
                                        "Bearer " + std::string(9000, 'a')};
  for (const std::string& authorization : bad) {
    for (const auto& where : {kContainers, std::vector<std::string>{"nothing"},
                              std::vector<std::string>{"api", "v1", "health"}}) {
      const auto answer = f.ask(Method::post, where, "{", authorization);
      REQUIRE(answer->responded);
      CHECK(answer->response.status == 401);
      if (body.empty()) body = answer->response.body;
      CHECK(answer->response.body == body);
    }
  }
  CHECK(f.broker.silent());
  const auto answer = f.ask(Method::get, kContainers);
  const auto [id, verify] = f.broker.expect<VerifyToken>();
  f.end(id, Failed::of({Errc::unauthenticated, "signature", ""}));
  CHECK(answer->response.status == 401);
  CHECK(answer->response.body == body);
}

TEST_CASE("tokens: one question for all who wait, then the cache") {
  Fixture f;
  const auto first = f.ask(Method::get, path("a")), second = f.ask(Method::get, path("b"));
  f.verify();
  CHECK(f.command<InspectContainer>().second.container.str() == "a");
  CHECK(f.command<InspectContainer>().second.container.str() == "b");
  (void)f.ask(Method::get, path("c"));
  CHECK(f.command<InspectContainer>().second.container.str() == "c");
  (void)f.ask(Method::get, path("d"), "", "Bearer " + test::token(R"({"service":"other"})"));
  (void)f.broker.expect<VerifyToken>();
  f.application.use_policy(some_policy(*parse_scope("containers:*")));
  (void)f.ask(Method::get, path("e"));
  f.verify();
  CHECK(f.command<InspectContainer>().second.container.str() == "e");
}

TEST_CASE("tokens: a lifetime ends") {
  Fixture f;
  (void)f.ask(Method::get, path("a"));
  f.verify(*parse_scope("containers:*"), 0);
  (void)f.command<InspectContainer>();
  (void)f.ask(Method::get, path("b"));
  (void)f.broker.expect<VerifyToken>();
}

TEST_CASE("a handle that the broker forgot is asked for once more, and only once") {
  Fixture f;
  const auto answer = f.ask(Method::get, path("a"));
  f.verify();
  f.end(f.command<InspectContainer>().first, Failed::of({Errc::unauthenticated, "", ""}));
  CHECK_FALSE(answer->responded);
  f.verify();
  const auto id = f.command<InspectContainer>().first;
  SUBCASE("and then serves") {
    f.broker.send(id, false, test::document(test::inspect_json("a")));
    f.end(id, Done{});
    CHECK(answer->response.status == 200);
  }
  SUBCASE("and then is the 401") {
    f.end(id, Failed::of({Errc::unauthenticated, "", ""}));
    CHECK(answer->response.status == 401);
    CHECK(f.broker.silent());
  }
}

TEST_CASE("a broker that cannot look at a token is not a bad token") {
  Fixture f;
  const auto answer = f.ask(Method::get, kContainers);
  f.end(f.broker.expect<VerifyToken>().first, Failed::of({Errc::overloaded, "busy", ""}));
  CHECK(answer->response.status == 503);
}

TEST_CASE("J39 an address has so many bad tokens checked, and more as time passes") {
  BadTokens bad;
  std::uint64_t now = 1'000'000;
  for (std::uint32_t i = 0; i < limits::kBadTokensAtOnce; ++i) {
    REQUIRE(bad.may_try("10.0.0.1", now));
    bad.note("10.0.0.1", now);
  }
  CHECK_FALSE(bad.may_try("10.0.0.1", now));
  CHECK(bad.may_try("10.0.0.2", now));
  now += 1000;
  std::uint32_t tried = 0;
  for (; bad.may_try("10.0.0.1", now); ++tried) bad.note("10.0.0.1", now);
  CHECK(tried == limits::kBadTokens);
  CHECK(bad.may_try("10.0.0.1", now + 5000));
  for (std::size_t i = 0; i < 3 * limits::kBadTokenAddresses; ++i) {
    bad.note(std::to_string(i), now);
  }
  CHECK(bad.may_try("0", now));
}

TEST_CASE("J39 bad tokens of public keys are counted, others are not") {
  Fixture f;
  const auto ask = [&](const std::string& algorithm, std::uint32_t number) {
    const std::string token = jwt::encode_base64url("{\"alg\":\"" + algorithm + "\"}") + "." +
                              jwt::encode_base64url(std::to_string(number)) + ".AAAA";
    return f.ask(Method::get, kContainers, "", "Bearer " + token);
  };
  const Failed bad = Failed::of({Errc::unauthenticated, "", ""});
  // Asks until one is not checked any more; time gives some back meanwhile.
  const auto ends_in_429 = [&](const std::string& algorithm) {
    for (std::uint32_t i = 0; i < 100 * limits::kBadTokensAtOnce; ++i) {
      const auto answer = ask(algorithm, i);
      if (answer->response.status == 429) return true;
      f.end(f.broker.expect<VerifyToken>().first, bad);
      REQUIRE(answer->response.status == 401);
    }
    return false;
  };
  for (std::uint32_t i = 0; i < 2 * limits::kBadTokensAtOnce; ++i) {
    const auto answer = ask("HS256", i);
    f.end(f.broker.expect<VerifyToken>().first, bad);
    REQUIRE(answer->response.status == 401);
  }
  for (const std::string algorithm : {"ES256", "EdDSA", "RS256"}) CHECK(ends_in_429(algorithm));
  CHECK(f.broker.silent());
  (void)ask("HS256", 9999);
  (void)f.broker.expect<VerifyToken>();
}
