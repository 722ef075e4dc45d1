// SPDX-License-Identifier: Apache-2.0
// The Exchange over a real socket: answers whole and in parts, their order, and who may go first.
#include <cmath>
#include <ctime>
#include <string>
#include "tests/unit/http_server.hpp"

namespace dc::daemon::test {
namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
std::string get(int number) {
  return "GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

TEST_CASE("H35 every answer carries the constant headers, and no line of anyone else's") {
  Server server([](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response = error_response({Errc::not_found, "No \"x\r\nSet-Cookie: a=b\".", {}});
    response.headers.push_back({"X-Split", "a\r\nSet-Cookie: a=b"});
    response.headers.push_back({"X-Good", "yes"});
    exchange->respond(std::move(response));
  });
  Client client(server);
  client.send(kGet);
  const std::string answer = client.until("}");
  // The C library agrees on the time that is said.
  std::tm said{};
  const std::string start = "HTTP/1.1 404 Not Found\r\nDate: ";
  REQUIRE(answer.starts_with(start));
  const char* rest = ::strptime(answer.c_str() + start.size(), "%a, %d %b %Y %H:%M:%S GMT", &said);
  REQUIRE(rest != nullptr);
  CHECK(std::string_view(rest).starts_with("\r\n"));
  CHECK(std::abs(std::difftime(::timegm(&said), std::time(nullptr))) <= 2);
  CHECK(answer.find("\r\nX-Content-Type-Options: nosniff\r\n") != std::string::npos);
  CHECK(answer.find("\r\nCache-Control: no-store\r\n") != std::string::npos);
  CHECK(answer.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
  CHECK(answer.find("\r\nX-Good: yes\r\n") != std::string::npos);
  CHECK(answer.find("X-Split") == std::string::npos);
  CHECK(answer.find("Server:") == std::string::npos);
  CHECK(answer.find("\nSet-Cookie") == std::string::npos);
}

TEST_CASE("an answer's own Cache-Control stands alone") {
  Server server([](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond({200, {{"Cache-Control", "no-cache"}}, "text/plain", "x;"});
  });
  Client client(server);
  client.send(kGet);
  const std::string answer = client.until(";");
  CHECK(Client::count(answer, "Cache-Control") == 1);
}

TEST_CASE("H09 pipelined requests are answered in order, one at a time") {
  std::vector<std::shared_ptr<Exchange>> held;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    CHECK(held.empty());
    held.push_back(std::move(exchange));
  });
  Client client(server);
  std::string requests;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    requests += get(i);
    expected += "/" + std::to_string(i) + ";";
  }
  client.send(requests);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(server.until([&] { return !held.empty(); }));
    const auto exchange = std::exchange(held, {}).front();
    exchange->respond(HttpResponse{.body = "/" + exchange->request().path.at(0) + ";"});
  }
  const std::string answers = client.until(";", 100);
  std::string bodies;
  for (std::size_t at = answers.find("\r\n\r\n/"); at != std::string::npos;
       at = answers.find("\r\n\r\n/", at + 1)) {
    bodies += answers.substr(at + 4, answers.find(';', at) - at - 3);
  }
  CHECK(bodies == expected);
}

TEST_CASE("H09 reading pauses while a request is in hand") {
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); });
  Client client(server);
  client.send(kGet);
  REQUIRE(server.until([&] { return held != nullptr; }));
  constexpr std::size_t kMuch = 256 * 1024 * 1024;
  CHECK(client.flood(kMuch) < kMuch);
  held->respond(HttpResponse{.body = "x;"});
  held.reset();
  // Reading goes on, finds that the next request line never ends, and lets the answers arrive.
  client.until("HTTP/1.1 414 ");
}

TEST_CASE("H09 nothing is answered after Connection: close") {
  Server server;
  Client client(server);
  client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kGet + "garbage");
  const std::string answer = client.rest();
  CHECK(Client::count(answer, "HTTP/1.1 ") == 1);
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(server.requests == 1);
}

TEST_CASE("H09 a good request is answered before the bad one behind it") {
  Server server;
  Client client(server);
  client.send(kGet + "BAD\r\n\r\n" + kGet);
  const std::string answers = client.rest();
  CHECK(status_of(answers) == 200);
  CHECK(Client::count(answers, "HTTP/1.1 ") == 2);
  CHECK(server.requests == 1);
}

TEST_CASE("H22 HEAD") {
  Server server([](const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().path.at(0) == "stream") {
      exchange->begin({200, {}, "text/event-stream", {}});
      exchange->write("data");
      exchange->end();
    } else {
      exchange->respond(HttpResponse{.body = "12345;"});
    }
  });
  Client client(server);
  client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  const std::string answers = client.until(";");
  CHECK(Client::count(answers, "HTTP/1.1 200 OK") == 3);
  CHECK(Client::count(answers, "Content-Length: 6\r\n") == 2);
  CHECK(Client::count(answers, "12345;") == 1);
  CHECK(answers.find("data") == std::string::npos);
}

TEST_CASE("H22 HEAD on a stream ends at once, and whoever makes it is told") {
  std::shared_ptr<Exchange> held;
  int gone = 0;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().method == Method::head) {
      held = std::move(exchange);
      held->on_gone([&gone, keep = held] { ++gone; });
      held->begin({200, {}, "text/event-stream", {}});
      CHECK(gone == 0);  // never from inside the call
    } else {
      exchange->respond(HttpResponse{.body = "next;"});
    }
  });
  Client client(server);
  client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  const std::string answers = client.until("next;");
  CHECK(Client::count(answers, "HTTP/1.1 200 OK") == 2);
  CHECK(answers.find("text/event-stream") != std::string::npos);
  CHECK(gone == 1);
  CHECK(held->write("late"));
  held->end();
  held.reset();
}

TEST_CASE("an observer learns of every answer, with the route that the request found") {
  Server server([](const std::shared_ptr<Exchange>& exchange) {
    if (exchange->request().path.at(0) == "stream") {
      exchange->routed(7);
      exchange->begin({200, {}, "text/plain", {}});
      exchange->end();
    } else {
      exchange->respond(error_response({Errc::not_found, "None", {}}));
    }
  });
  Client client(server);
  client.send("POST /stream HTTP/1.1\r\nHost: localhost\r\n\r\n" + kGet + "nonsense\r\n\r\n");
  client.rest();
  REQUIRE(server.answers.size() == 3);
  CHECK(server.answers[0].method == Method::post);
  CHECK(server.answers[0].route == 7);
  CHECK(server.answers[0].status == 200);
  CHECK(server.answers[0].nanoseconds > 0);
  CHECK_FALSE(server.answers[0].error);
  CHECK(server.answers[1].method == Method::get);
  CHECK_FALSE(server.answers[1].route);
  CHECK(server.answers[1].error == Errc::not_found);
  CHECK_FALSE(server.answers[2].method);
  CHECK(server.answers[2].status == 501);
  CHECK(server.answers[2].nanoseconds == 0);
}

TEST_CASE("connections are counted by what they are at") {
  std::vector<std::shared_ptr<Exchange>> held;
  Server server([&](std::shared_ptr<Exchange> exchange) { held.push_back(std::move(exchange)); });
  Client idle(server);
  Client active(server);
  active.send(kGet);
  REQUIRE(server.until([&] { return held.size() == 1; }));
  Client streaming(server);
  streaming.send(kGet);
  REQUIRE(server.until([&] { return held.size() == 2; }));
  held[1]->begin({200, {}, "text/plain", {}});
  server.settle();
  const ConnectionCounts counts = server.listener->counts();
  CHECK(counts.idle == 1);
  CHECK(counts.active == 1);
  CHECK(counts.streaming == 1);
  CHECK(counts.closing == 0);
  held[0]->respond({});
  held[1]->end();
  CHECK(server.listener->counts().idle == 3);
}

TEST_CASE("answers in parts") {
  const Handler handler = [](const std::shared_ptr<Exchange>& exchange) {
    exchange->begin({200, {}, "text/plain", {}});
    CHECK(exchange->write("hello"));
    CHECK(exchange->write(""));  // no last chunk
    CHECK(exchange->write(std::string(300, 'x')));
    exchange->end();
    exchange->end();
    exchange->respond({});  // an answer is an answer
  };
  SUBCASE("chunked") {
    Server server(handler);
    Client client(server);
    client.send(kGet + kGet);
    const std::string answers = client.until("\r\n0\r\n\r\n", 2);
    CHECK(body_of(answers).starts_with("5\r\nhello\r\n12c\r\nxxx"));
    CHECK(Client::count(answers, "Transfer-Encoding: chunked") == 2);
    CHECK(answers.find("Content-Length") == std::string::npos);
  }
  SUBCASE("HTTP/1.0: until the end") {
    Server server(handler);
    Client client(server);
    client.send("GET /a HTTP/1.0\r\n\r\n");
    const std::string answer = client.rest();
    CHECK(body_of(answer) == "hello" + std::string(300, 'x'));
    CHECK(answer.find("Transfer-Encoding") == std::string::npos);
  }
}

TEST_CASE("the head of a stream goes out even if nothing is written yet") {
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); });
  Client client(server);
  client.send(kGet);
  REQUIRE(server.until([&] { return held != nullptr; }));
  held->begin({200, {}, "text/event-stream", {}});
  CHECK(client.until("\r\n\r\n").find("text/event-stream") != std::string::npos);
  held->write("a");
  held->end();
  CHECK(client.until("0\r\n\r\n") == "1\r\na\r\n0\r\n\r\n");
}

TEST_CASE("a slow reader holds the writer back") {
  HttpLimits limits = patient_limits();
  limits.write_queue = 64 * 1024;
  std::size_t written = 0;
  constexpr std::size_t kTotal = 16 * 1024 * 1024;
  const std::string block(32 * 1024, 'x');
  bool paused = false;
  std::size_t written_when_paused = 0;
  std::shared_ptr<Exchange> held;
  const auto fill = [&] {
    while (written < kTotal) {
      written += block.size();
      if (!held->write(block)) {
        if (!paused) written_when_paused = written;
        paused = true;
        return;
      }
    }
    const auto last = std::move(held);
    last->end();
  };
  Server server(
      [&](std::shared_ptr<Exchange> exchange) {
        held = std::move(exchange);
        held->begin({200, {}, "text/plain", {}});
        held->on_drained(fill);
        fill();
      },
      limits);
  Client client(server, 4096);
  client.send(kGet);
  REQUIRE(server.until([&] { return paused; }));
  CHECK(written_when_paused < kTotal);
  const std::string answer = client.until("\r\n0\r\n\r\n");
  CHECK(answer.size() > kTotal);
}

TEST_CASE("who writes on while held back is still told when to go on") {
  HttpLimits limits = patient_limits();
  limits.write_queue = 8 * 1024 * 1024;  // more than the kernel takes at once
  const std::string block(256 * 1024, 'x');
  std::shared_ptr<Exchange> held;
  bool drained = false;
  Server server(
      [&](std::shared_ptr<Exchange> exchange) {
        held = std::move(exchange);
        held->begin({200, {}, "text/plain", {}});
        held->on_drained([&] { drained = true; });
        while (held->write(block)) continue;
      },
      limits);
  Client client(server, 4096);
  client.send(kGet);
  REQUIRE(server.until([&] { return held != nullptr; }));
  bool refused = true;
  CHECK(server.until([&] {
    (void)client.ended();  // takes what has come
    if (!drained) refused = refused && !held->write("y");
    return drained;
  }));
  CHECK(refused);
  held->end();
  held.reset();
}

TEST_CASE("H32 a stream whose client resets is told so") {
  std::shared_ptr<Exchange> held;
  bool gone = false;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    held->on_gone([&] { gone = true; });
    held->begin({200, {}, "text/event-stream", {}});
  });
  Client client(server);
  client.send(kGet);
  client.until("\r\n\r\n");
  SUBCASE("by a reset") { client.reset(); }
  SUBCASE("by a close") { client.close(); }
  CHECK(server.until([&] { return gone; }));
  CHECK(held->write("late"));  // falls on deaf ears
  held->end();
  held.reset();
  CHECK(server.until([&] { return server.listener->connections() == 0; }));
}

TEST_CASE("H32 a client that is gone before its answer") {
  std::shared_ptr<Exchange> held;
  int gone = 0;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    held->on_gone([&gone, keep = held] { ++gone; });
  });
  Client client(server);
  client.send(kGet);
  REQUIRE(server.until([&] { return held != nullptr; }));
  client.reset();
  CHECK(server.until([&] { return gone == 1; }));
  held->respond({});
  held.reset();
  CHECK(server.until([&] { return server.listener->connections() == 0; }));
}

TEST_CASE("H32 half-close after requests still gets every answer") {
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); });
  Client client(server);
  client.send(get(1) + get(2));
  client.half_close();
  for (int i = 1; i <= 2; ++i) {
    REQUIRE(server.until([&] { return held != nullptr; }));
    server.settle();
    const auto exchange = std::move(held);
    if (i == 1) {
      exchange->respond(HttpResponse{.body = "one;"});
    } else {
      exchange->begin({});
      exchange->write("two;");
      exchange->end();
    }
  }
  const std::string answers = client.rest();
  CHECK(answers.find("one;") != std::string::npos);
  CHECK(answers.find("two;") != std::string::npos);
}

TEST_CASE("an exchange that is let go of unanswered answers 500") {
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().path.at(0) == "1") return;
    held = std::move(exchange);
  });
  Client client(server);
  client.send(get(1));
  CHECK(status_of(client.until("}")) == 500);
  client.send(get(2));
  REQUIRE(server.until([&] { return held != nullptr; }));
  held.reset();
  CHECK(status_of(client.until("}")) == 500);
}

TEST_CASE("an aborted stream ends without its last chunk") {
  Server server([](const std::shared_ptr<Exchange>& exchange) {
    exchange->begin({200, {}, "text/plain", {}});
    exchange->write("part");
    if (exchange->request().path.at(0) == "1") exchange->abort();
    // or let go of, which is the same
  });
  for (int i = 1; i <= 2; ++i) {
    Client client(server);
    client.send(get(i));
    CHECK(client.rest().find("0\r\n\r\n") == std::string::npos);
    CHECK(client.was_reset());
  }
}

TEST_CASE("an exchange may outlive its listener") {
  std::shared_ptr<Exchange> held;
  {
    Server server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); });
    Client client(server);
    client.send(kGet);
    REQUIRE(server.until([&] { return held != nullptr; }));
    held->on_gone([] { FAIL("called from inside a destructor"); });
  }
  held->read_body(1, [](const std::string&) { FAIL("no connection"); });
  held->respond({});
  held->begin({});
  CHECK(held->write("x"));
  held->abort();
}

TEST_CASE("draining lets open requests finish and closes the rest") {
  std::shared_ptr<Exchange> held;
  bool done = false;
  Server server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); });
  Client busy(server);
  Client idle(server);
  busy.send(kGet);
  REQUIRE(server.until([&] { return held != nullptr && server.listener->connections() == 2; }));
  server.listener->drain([&] { done = true; });
  CHECK(idle.rest().empty());
  idle.close();
  CHECK_FALSE(done);
  held->respond(HttpResponse{.body = "x;"});
  held.reset();
  const std::string answer = busy.rest();
  CHECK(status_of(answer) == 200);
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  busy.close();
  CHECK(server.until([&] { return done; }));
}

TEST_CASE("draining ends a kept-alive connection after the stream that it carries") {
  std::shared_ptr<Exchange> held;
  bool done = false;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    held->begin({200, {}, "text/plain", {}});
    held->write("first");
  });
  Client client(server);
  client.send(kGet);
  client.until("first");
  server.listener->drain([&] { done = true; });
  held->write("last");
  held->end();
  held.reset();
  CHECK(client.rest().ends_with("last\r\n0\r\n\r\n"));
  CHECK_FALSE(client.was_reset());
  client.close();
  CHECK(server.until([&] { return done; }));
}

TEST_CASE("draining without connections is done at once, but not from inside the call") {
  Server server;
  bool done = false;
  server.listener->drain([&] { done = true; });
  CHECK_FALSE(done);
  CHECK(server.until([&] { return done; }));
}

}  // namespace
}  // namespace dc::daemon::test
