// SPDX-License-Identifier: Apache-2.0
// Deadlines and caps of connections over real sockets, with short times.
#include <fcntl.h>
#include <sys/resource.h>
#include <chrono>
#include <deque>
#include <string>
#include "tests/unit/http_server.hpp"

namespace dc::daemon::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

const std::string kGet = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string kPost = "POST /a HTTP/1.1\r\nHost: localhost\r\n";

TEST_CASE("H15 H17 heads that take too long") {
  for (const char* bytes : {"", "G", "GET /a HTTP/1.1\r\nHost: loc", "\r\n"}) {
    CAPTURE(bytes);
    Server server(echo, quick_limits());
    Client client(server);
    client.send(bytes);
    check_error(client.rest(), 408);
  }
}

TEST_CASE("H15 a head that drips in does not move its deadline") {
  Server server(echo, quick_limits());
  Client client(server);
  const auto start = Clock::now();
  client.send("GET /a HTTP/1.1\r\nX: ");
  // A byte a turn: the deadline comes long before the line is too long.
  const auto pause = milliseconds(1);
  auto next = start;
  while (!client.ended() && Clock::now() - start < std::chrono::seconds(5)) {
    if (Clock::now() > next) {
      next = Clock::now() + pause;
      client.send("X");
    }
    server.turn();
  }
  check_error(client.rest(), 408);
}

TEST_CASE("H17 bodies that take too long") {
  for (const char* rest : {"Content-Length: 5\r\n\r\n", "Content-Length: 5\r\n\r\nhell",
                           "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    CAPTURE(rest);
    Server server(echo, quick_limits());
    Client client(server);
    client.send(kPost + rest);
    check_error(client.rest(), 408);
  }
}

TEST_CASE("H17 an idle connection is closed without a word") {
  Server server(echo, quick_limits());
  Client client(server);
  client.send(kGet);
  client.until(";");
  CHECK(client.rest().empty());
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("H17 a client that reads nothing of a large answer is cut off") {
  bool gone = false;
  std::shared_ptr<Exchange> held;
  Server server(
      [&](std::shared_ptr<Exchange> exchange) {
        held = std::move(exchange);
        held->on_gone([&] { gone = true; });
        held->begin({200, {}, "text/plain", {}});
        CHECK_FALSE(held->write(std::string(16 * 1024 * 1024, 'x')));
      },
      quick_limits());
  Client client(server, 4096);
  client.send(kGet);
  CHECK(server.until([&] { return gone; }));
  held.reset();
  CHECK(server.until([&] { return server.listener->connections() == 0; }));
}

TEST_CASE("little is kept for a client that reads nothing, in the kernel as well") {
  std::size_t written = 0;
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    held->begin({200, {}, "text/plain", {}});
    const std::string piece(16 * 1024, 'x');
    do written += piece.size();
    while (held->write(piece) && written < (std::size_t{64} << 20));
  });
  Client client(server, 4096);
  client.send(kGet);
  REQUIRE(server.until([&] { return written > 0; }));
  CHECK(written < limits::kWriteQueue + 8 * static_cast<std::size_t>(kUnsentBytes));
  held->abort();
  held.reset();
}

TEST_CASE("a stream over HTTP/1.0 that stalls ends in a reset, not as if it were complete") {
  for (const bool complete : {false, true}) {
    CAPTURE(complete);
    Server server(
        [&](const std::shared_ptr<Exchange>& exchange) {
          exchange->begin({200, {}, "text/plain", {}});
          exchange->write(std::string(16 * 1024 * 1024, 'x'));
          static std::shared_ptr<Exchange> held;
          held = complete ? nullptr : exchange;
          if (complete) exchange->end();
        },
        quick_limits());
    Client client(server, 4096);
    client.send("GET /a HTTP/1.0\r\n\r\n");
    CHECK(server.until([&] { return server.requests == 1; }));
    CHECK(server.until([&] { return server.listener->connections() == 0; }));
    CHECK(client.rest().size() < 16 * 1024 * 1024);
    CHECK(client.was_reset());
  }
}

TEST_CASE("a half-closed client gets all of a stream that goes on") {
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    held->begin({200, {}, "text/plain", {}});
  });
  Client client(server);
  client.send(kGet);
  client.half_close();
  REQUIRE(server.until([&] { return held != nullptr; }));
  // Three times as long as it may pause.
  const auto start = Clock::now();
  auto next = start;
  while (Clock::now() - start < 3 * patient_limits().half_closed_stream) {
    if (Clock::now() >= next) {
      held->write("x");
      next = Clock::now() + milliseconds(10);
    }
    server.turn();
  }
  held->end();
  held.reset();
  CHECK(client.rest().ends_with("x\r\n0\r\n\r\n"));
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("a half-closed client is waited for, but not by an answer that may take hours") {
  for (const bool may_last : {false, true}) {
    CAPTURE(may_last);
    bool gone = false;
    std::shared_ptr<Exchange> held;
    Server server([&](std::shared_ptr<Exchange> exchange) {
      held = std::move(exchange);
      held->on_gone([&] { gone = true; });
      if (may_last) held->may_last();
    });
    Client client(server);
    client.send(kGet);
    client.half_close();
    REQUIRE(server.until([&] { return held != nullptr; }));
    const auto start = Clock::now();
    while (!gone && Clock::now() - start < 3 * patient_limits().half_closed_stream) server.turn();
    if (may_last) CHECK(server.until([&] { return gone; }));
    CHECK(gone == may_last);
    held->respond(HttpResponse{.body = "late"});
    held.reset();
    CHECK(client.rest().ends_with("late") != may_last);
  }
}

TEST_CASE("H17 a client that asks much and reads nothing fills no queue") {
  HttpLimits limits = patient_limits();
  Server server(
      [](const std::shared_ptr<Exchange>& exchange) {
        exchange->respond(HttpResponse{.body = std::string(8 * 1024 * 1024, 'x')});
      },
      limits);
  Client client(server, 4096);
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += kGet;
  client.send(requests);
  server.settle();
  CHECK(server.requests <= 2);
  constexpr std::size_t kMuch = 256 * 1024 * 1024;
  CHECK(client.flood(kMuch) < kMuch);
  CHECK(server.listener->connections() == 1);
}

TEST_CASE("a request in hand has no deadline of ours") {
  std::shared_ptr<Exchange> held;
  Server server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); },
                quick_limits());
  Client client(server);
  client.send(kGet);
  const auto start = Clock::now();
  server.until([&] { return Clock::now() - start > milliseconds(900); });  // every limit is less
  REQUIRE(held);
  held->respond(HttpResponse{.body = "late;"});
  held.reset();
  CHECK(body_of(client.until(";")) == "late;");
}

TEST_CASE("a client that does not hang up is hung up on") {
  Server server(echo, quick_limits());
  Client client(server);
  client.send("BAD\r\n\r\n");
  CHECK(server.until([&] { return server.listener->connections() == 1; }));
  CHECK(server.until([&] { return server.listener->connections() == 0; }));
}

TEST_CASE("a connection serves so many requests and no more") {
  HttpLimits limits = patient_limits();
  limits.requests_per_connection = 3;
  Server server(echo, limits);
  Client client(server);
  client.send(kGet + kGet + kGet + kGet);
  const std::string answers = client.rest();
  CHECK(Client::count(answers, "200 OK") == 3);
  CHECK(Client::count(answers, "Connection: close") == 1);
}

// Connections that have been answered, one after the other.
std::deque<Client> answered_clients(Server& server, int count) {
  std::deque<Client> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(server).send(kGet);
    CHECK(body_of(clients.back().until(";")) == "/a body:;");
  }
  return clients;
}

TEST_CASE("H33 connections over the cap are told so, and beyond the reserve they wait") {
  HttpLimits limits = patient_limits();
  limits.connections = 3;
  limits.reserve = 2;
  limits.connections_per_address = 100;
  Server server(vouch_and_echo, limits);
  auto clients = answered_clients(server, 3);
  for (int i = 0; i < 3; ++i) clients.emplace_back(server);
  for (const int i : {3, 4}) {
    const std::string answer = clients.at(static_cast<std::size_t>(i)).rest();
    check_error(answer, 503);
    CHECK(answer.find("\r\nRetry-After: 1\r\n") != std::string::npos);
  }
  CHECK(server.listener->connections() == 5);
  clients.at(5).send(kGet);
  server.settle();
  CHECK(server.requests == 3);  // still in the backlog
  for (const int i : {0, 3, 4}) clients.at(static_cast<std::size_t>(i)).close();
  CHECK(body_of(clients.at(5).until(";")) == "/a body:;");
}

TEST_CASE("H33 one address gets its share") {
  HttpLimits limits = patient_limits();
  limits.connections_per_address = 2;
  Server server(vouch_and_echo, limits);
  auto clients = answered_clients(server, 2);
  CHECK(clients.emplace_back(server).rest().empty());
  CHECK(server.listener->connections() == 2);
  clients.front().close();
  CHECK(server.until([&] { return server.listener->connections() == 1; }));
  Client fourth(server);
  fourth.send(kGet);
  CHECK(body_of(fourth.until(";")) == "/a body:;");
}

TEST_CASE("H33 strangers of one address make room for each other, not token holders") {
  HttpLimits limits = patient_limits();
  limits.connections_per_address = 3;
  Server server(
      [](const std::shared_ptr<Exchange>& exchange) {
        if (exchange->request().authorization) exchange->vouch();
        echo(exchange);
      },
      limits);
  Client known(server);
  known.send("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: t\r\n\r\n");
  known.until(";");
  Client first(server);
  Client second(server);
  CHECK(server.until([&] { return server.listener->connections() == 3; }));
  Client third(server);
  third.send(kGet);
  CHECK(body_of(third.until(";")) == "/a body:;");
  CHECK(first.rest().empty());
  CHECK_FALSE(second.ended());
  CHECK_FALSE(known.ended());
}

TEST_CASE("H33 when strangers have all their places the oldest leaves, whatever it has shown") {
  HttpLimits limits = patient_limits();
  limits.strangers = 3;
  Server server(echo, limits);
  Client answered(server);
  answered.send(kGet);
  answered.until(";");
  Client silent(server);
  Client slow(server);
  slow.send("GET /a HTTP/1.1\r\nX");
  CHECK(server.until([&] { return server.listener->connections() == 3; }));
  std::deque<Client> newcomers;
  for (Client* leaves : {&answered, &silent, &slow}) {
    CHECK_FALSE(leaves->ended());
    newcomers.emplace_back(server).send(kGet);
    const std::string answer = newcomers.back().until(";");
    CHECK(body_of(answer) == "/a body:;");
    CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);  // others wait
    CHECK(leaves->rest().empty());
  }
  CHECK(server.listener->connections() == 3);
}

TEST_CASE("H33 strangers never take the places of token holders, and make room for them") {
  HttpLimits limits = patient_limits();
  limits.connections = 4;
  limits.strangers = 2;
  Server server(vouch_and_echo, limits);
  std::deque<Client> strangers;
  for (int i = 0; i < 10; ++i) strangers.emplace_back(server);
  CHECK(server.until([&] { return strangers.at(7).ended(); }));
  CHECK(server.listener->connections() == 2);
  // One by one they come as strangers, and are none once their token is seen.
  auto clients = answered_clients(server, 4);
  CHECK(server.until([&] { return strangers.at(9).ended(); }));
  for (Client& client : clients) {
    client.send(kGet);
    CHECK(body_of(client.until(";")) == "/a body:;");
  }
  check_error(Client(server).rest(), 503);
}

TEST_CASE("H33 a stranger's request that is worked on is not dropped: the next one waits") {
  HttpLimits limits = patient_limits();
  limits.strangers = 2;
  std::vector<std::shared_ptr<Exchange>> held;
  Server server([&](std::shared_ptr<Exchange> exchange) { held.push_back(std::move(exchange)); },
                limits);
  Client first(server);
  first.send(kGet);
  CHECK(server.until([&] { return held.size() == 1; }));
  Client silent(server);
  Client second(server);
  second.send(kGet);
  CHECK(server.until([&] { return held.size() == 2; }));
  CHECK(silent.rest().empty());  // not the first, which is older
  CHECK_FALSE(first.ended());
  Client third(server);
  third.send(kGet);
  server.settle();
  CHECK(held.size() == 2);
  held.front()->respond(HttpResponse{.body = "first;"});
  CHECK(body_of(first.until(";")) == "first;");
  CHECK(server.until([&] { return held.size() == 3; }));
  CHECK_FALSE(second.ended());
  held.at(1)->respond(HttpResponse{.body = "second;"});
  CHECK(body_of(second.until(";")) == "second;");
  held.at(2)->respond(HttpResponse{.body = "third;"});
  CHECK(body_of(third.until(";")) == "third;");
}

TEST_CASE("H34 without descriptors accepting rests and comes back") {
  Server server;
  Client before(server);
  before.send(kGet);
  before.until(";");
  Client turned_away(server);
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  // No number is free below the limit, so accept4() fails; the sockets that are open go on.
  const int lowest = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
  ::close(lowest);
  const rlimit none{static_cast<rlim_t>(lowest), old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  int turns = 0;
  const auto start = Clock::now();
  server.until([&] {
    ++turns;
    return turned_away.ended() || Clock::now() - start > milliseconds(200);
  });
  before.send(kGet);
  CHECK(body_of(before.until(";")) == "/a body:;");
  ::setrlimit(RLIMIT_NOFILE, &old);
  Client after(server);
  after.send(kGet);
  CHECK(body_of(after.until(";")) == "/a body:;");
}

}  // namespace
}  // namespace dc::daemon::test
