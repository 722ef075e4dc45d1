// SPDX-License-Identifier: Apache-2.0
// Bodies over a real socket: framing, caps, expectations, and that no body is taken for a request.
#include <string>
#include "tests/unit/http_server.hpp"

namespace dc::daemon::test {
namespace {

std::string post(const std::string& headers, const std::string& body = {}) {
  return "POST /a HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
}
std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
const std::string kNext = "GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_CASE("H06 chunks that are malformed") {
  for (const char* body :
       {"+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n", "11111111111111115\r\nhello\r\n", "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        "5\r\nhello\r\n0\r\n: y\r\n\r\n", "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n", "g\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n"}) {
    check_body_refused(chunked(body), 400);
  }
  const std::string longer(limits::kChunkExtension + 1, 'x');
  check_body_refused(chunked("5;" + longer + "\r\nhello\r\n0\r\n\r\n"), 400);
  check_body_refused(chunked("5;a=" + longer + "\r\nhello\r\n0\r\n\r\n"), 400);
  check_body_refused(chunked(std::string(1000, '0') + "5\r\nhello\r\n0\r\n\r\n"), 400);
  check_answered(chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), {"/a body:hello;"});
}

TEST_CASE("H06 a body that ends before its end") {
  for (const std::string& bytes : {chunked("5\r\nhello\r\n"), chunked("5\r\nhel"),
                                   post("Content-Length: 5\r\n", "hell"), chunked("")}) {
    CAPTURE(bytes);
    Server server;
    Client client(server);
    client.send(bytes);
    client.half_close();
    check_error(client.rest(), 400);
  }
}

TEST_CASE("H07 bodies within the cap and over it") {
  check_answered(chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n") + kNext,
                 {"/a body:hello!;", "/next body:;"});
  check_answered(post("Content-Length: 5\r\n", "hello") + kNext,
                 {"/a body:hello;", "/next body:;"});
  check_answered(post("Content-Length: 0\r\n") + kNext, {"/a body:;", "/next body:;"});
  check_answered(chunked("0\r\n\r\n") + kNext, {"/a body:;", "/next body:;"});
  check_answered(post("Content-Length: 64\r\n", std::string(64, 'x')), {"/a body:xxxx"});
  check_body_refused(post("Content-Length: 65\r\n", std::string(65, 'x')), 413);
  check_body_refused(chunked("41\r\n" + std::string(65, 'x') + "\r\n0\r\n\r\n"), 413);
  check_body_refused(chunked("40\r\n" + std::string(64, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n"), 413);
  check_body_refused(post("Content-Length: 18446744073709551615\r\n", "x"), 413);
}

TEST_CASE("H07 the answer to a large body arrives although the body is not read") {
  Server server;
  Client client(server);
  client.send(post("Content-Length: 4000000\r\n"));
  const std::string block(100000, 'x');
  for (int i = 0; i < 40; ++i) CHECK(client.send(block));
  client.half_close();
  check_error(client.rest(), 413);
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("H08 a request inside a body stays a body") {
  const std::string inner = "DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string length = "Content-Length: " + std::to_string(inner.size()) + "\r\n";
  check_answered(post(length, inner), {"/a body:" + inner + ";"});
}

TEST_CASE("H08 H29 a body that nobody reads is not taken for a request") {
  Server server([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(HttpResponse{.body = "unread;"});
  });
  Client client(server);
  client.send("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 38\r\n\r\n" + kNext + kNext);
  const std::string answer = client.rest();
  CHECK(Client::count(answer, "HTTP/1.1 ") == 1);
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(server.requests == 1);
}

TEST_CASE("H29 GET with a body") {
  check_answered("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" + kNext,
                 {"/a body:hi;", "/next body:;"});
  check_body_refused("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n", 413);
}

TEST_CASE("H18 Expect: 100-continue") {
  SUBCASE("the client is told to go on once the body is wanted") {
    Server server;
    Client client(server);
    client.send(post("Expect: 100-continue\r\nContent-Length: 5\r\n"));
    CHECK(client.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    CHECK(body_of(client.until(";")) == "/a body:hello;");
  }
  SUBCASE("not when it went on by itself") {
    check_answered(post("Expect: 100-continue\r\n"), {"/a body:;"});
    Server server;
    Client client(server);
    client.send(post("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"));
    CHECK(client.until(";").find("100 Continue") == std::string::npos);
  }
  SUBCASE("refused without reading") {
    Server server([](const std::shared_ptr<Exchange>& exchange) {
      exchange->respond(error_response({Errc::unauthenticated, {}, {}}));
    });
    Client client(server);
    client.send(post("Expect: 100-continue\r\nContent-Length: 5\r\n"));
    check_error(client.rest(), 401);
  }
  SUBCASE("too large") {
    Server server;
    Client client(server);
    client.send(post("Expect: 100-continue\r\nContent-Length: 65\r\n"));
    check_error(client.rest(), 413);
  }
  SUBCASE("anything else") {
    check_refused(post("Expect: 200-ok\r\nContent-Length: 5\r\n"), 417);
    check_refused(post("Expect: 100-continue, x\r\n"), 417);
  }
}

TEST_CASE("a body may be asked for later, and its bytes wait until then") {
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); });
  Client client(server);
  client.send(post("Content-Length: 5\r\n", "hello") + kNext);
  server.settle();
  REQUIRE(held);
  bool inside = true;
  held->read_body(64, [&](const std::string& body) {
    CHECK_FALSE(inside);  // never from inside the call
    CHECK(body == "hello");
    const auto exchange = std::move(held);
    exchange->respond(HttpResponse{.body = "first;"});
  });
  inside = false;
  CHECK(body_of(client.until(";")) == "first;");
  CHECK(server.until([&] { return held != nullptr; }));
  CHECK(held->request().path == std::vector<std::string>{"next"});
  held->respond(HttpResponse{.body = "second;"});
  held.reset();
  CHECK(body_of(client.until(";")) == "second;");
}

}  // namespace
}  // namespace dc::daemon::test
