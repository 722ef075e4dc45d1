// SPDX-License-Identifier: Apache-2.0
// daemon/docs_pages: who is served what, and how slowly a client may read it.
#include <doctest/doctest.h>
#include <string>
#include "daemon/docs_assets.hpp"
#include "daemon_fixture.hpp"

using namespace dc;
using namespace dc::daemon;
using dc::test::Fixture;
using dc::test::header;

namespace {

const std::vector<std::string> kOpenapi = {"api", "v1", "openapi.json"};

std::shared_ptr<test::Answer> get(Fixture& f, std::vector<std::string> path) {
  return f.ask(Method::get, std::move(path), "", "");
}

}  // namespace

TEST_CASE("development mode serves the document without a token") {
  Fixture f(Welcome{.dev = true});
  const auto answer = get(f, kOpenapi);
  CHECK(answer->response.status == 200);
  CHECK(answer->ended);
  CHECK(answer->response.content_type == "application/json");
  CHECK(answer->written.starts_with(R"({"openapi":"3.1.0",)"));
  CHECK(header(*answer, "Content-Security-Policy").starts_with("default-src 'none'"));
  CHECK(f.broker.silent());
}

TEST_CASE("otherwise its address is an unknown one") {
  Fixture f;
  CHECK(get(f, kOpenapi)->response.status == 401);
  CHECK(get(f, {"api", "v1", "docs"})->response.status == 401);
  const auto answer = f.ask(Method::get, kOpenapi);
  f.verify();
  CHECK(answer->response.status == 404);
}

TEST_CASE("addresses near the pages' are unknown, and other methods are not allowed") {
  Fixture f(Welcome{.dev = true});
  for (const auto& path :
       std::vector<std::vector<std::string>>{{"api", "v1", "docs", "no-such-file.js"},
                                             {"api", "v1", "docs", "docs.html"},
                                             {"api", "v1", "docs", ""},
                                             {"api", "v1", "redoc", "redoc.js"},
                                             {"docs"},
                                             {"openapi.json"}}) {
    CHECK(get(f, path)->response.status == 401);
  }
  const auto post = f.ask(Method::post, kOpenapi, "{}", "");
  CHECK(post->response.status == 405);
  CHECK(header(*post, "Allow") == "GET, HEAD");
}

TEST_CASE("a slow client gets the next slice when it has taken the last") {
  Fixture f(Welcome{.dev = true});
  auto answer = std::make_shared<test::Answer>();
  answer->stall = true;
  HttpRequest request;
  request.path = {"api", "v1", "docs", "swagger-ui-bundle.js"};
  if (docs_assets().empty()) return;  // built without the pages
  f.application.handle(std::make_shared<test::FakeExchange>(request, "", answer));
  CHECK(answer->begun);
  CHECK(answer->written.size() == 64 * 1024);
  while (!answer->ended) {
    const std::size_t before = answer->writes;
    answer->drained();
    REQUIRE(answer->writes <= before + 1);
  }
  CHECK(answer->written.size() > 1024 * 1024);
  CHECK(answer->response.content_type == "text/javascript; charset=utf-8");
  answer->drained = nullptr;
}
