// SPDX-License-Identifier: Apache-2.0
// For tests of the HTTP layer: a Listener on a loopback port and plain clients, all
// on one loop and one thread. A test waits for an event, never for a fixed time.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "common/fd.hpp"
#include "daemon/listener.hpp"

namespace dc::daemon::test {

// Times that no test reaches even on a busy machine.
inline HttpLimits patient_limits() {
  HttpLimits limits;
  limits.header_time = limits.body_start_time = limits.body_time = std::chrono::seconds(60);
  limits.idle_time = limits.write_stall = limits.linger_time = std::chrono::seconds(60);
  limits.sweep = std::chrono::milliseconds(10);
  limits.half_closed_stream = std::chrono::milliseconds(100);
  limits.accept_pause = std::chrono::milliseconds(50);
  return limits;
}

// Times that a test can wait for.
inline HttpLimits quick_limits() {
  using std::chrono::milliseconds;
  HttpLimits limits = patient_limits();
  limits.header_time = milliseconds(400);
  limits.body_start_time = milliseconds(400);
  limits.body_time = milliseconds(800);
  limits.idle_time = milliseconds(400);
  limits.write_stall = milliseconds(400);
  limits.linger_time = milliseconds(400);
  return limits;
}

// Answers every request with one line that says what arrived; reads bodies of up to 64 bytes.
inline void echo(const std::shared_ptr<Exchange>& exchange) {
  exchange->read_body(64, [exchange](const std::string& body) {
    const HttpRequest& request = exchange->request();
    std::string line;
    for (const std::string& segment : request.path) line += "/" + segment;
    for (const QueryParameter& parameter : request.query) {
      line += " " + parameter.name + "=" + parameter.value;
    }
    if (request.authorization) line += " auth:" + *request.authorization;
    line += " body:" + body + ";";
    HttpResponse response;
    response.body = line;
    exchange->respond(std::move(response));
  });
}

// The same for a caller whose token is good.
inline void vouch_and_echo(const std::shared_ptr<Exchange>& exchange) {
  exchange->vouch();
  echo(exchange);
}

class Server {
 public:
  explicit Server(Handler handler = echo, const HttpLimits& limits = patient_limits(),
                  Site site = {})
      : handler_(std::move(handler)) {
    std::signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop_);
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    listener = std::make_unique<Listener>(
        &loop_, std::move(fd), limits,
        [this](std::shared_ptr<Exchange> exchange) {
          ++requests;
          handler_(std::move(exchange));
        },
        std::move(site), [this](const Answered& one) { answers.push_back(one); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    listener.reset();
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
  }

  // Runs the loop until `done` holds; false after ten seconds.
  bool until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      turn();
    }
    return true;
  }
  void turn() { uv_run(&loop_, UV_RUN_NOWAIT); }
  // Lets everything happen that is ready to happen.
  void settle() {
    for (int i = 0; i < 20; ++i) turn();
  }
  uv_loop_t* loop() { return &loop_; }

  std::uint16_t port = 0;
  int requests = 0;
  std::vector<Answered> answers;  // what an observer learns
  std::unique_ptr<Listener> listener;

 private:
  uv_loop_t loop_{};
  Handler handler_;
};

class Client {
 public:
  explicit Client(Server& server, int receive_buffer = 0) : server_(server) {
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(server.port);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  // False: the server has reset the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno != EAGAIN) {
        return false;
      }
      server_.turn();
    }
    return true;
  }
  // Bytes that the other side takes, its kernel's buffers included, until it takes no more.
  std::size_t flood(std::size_t most) {
    const std::string block(64 * 1024, 'x');
    std::size_t taken = 0;
    for (int refused = 0; refused < 2 && taken < most;) {
      const ssize_t sent = ::send(fd_.get(), block.data(), block.size(), MSG_DONTWAIT);
      if (sent > 0) {
        taken += static_cast<std::size_t>(sent);
        refused = 0;
      } else {
        ++refused;
      }
      server_.settle();
    }
    return taken;
  }
  // Every byte in a segment of its own, each seen by the server before the next is sent.
  void drip(std::string_view bytes) {
    for (const char& byte : bytes) {
      if (!send({&byte, 1})) return;
      server_.turn();
    }
  }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }

  // Everything until the server hangs up. Fails the test if it does not.
  std::string rest() {
    CHECK(server_.until([this] { return !receive(); }));
    return std::exchange(received_, {});
  }
  // What has arrived once `marker` has arrived `times` times.
  std::string until(std::string_view marker, std::size_t times = 1) {
    CHECK(server_.until([&, this] {
      receive();
      return count(received_, marker) >= times || ended_;
    }));
    CHECK(count(received_, marker) >= times);
    return std::exchange(received_, {});
  }
  [[nodiscard]] bool ended() {
    receive();
    return ended_;
  }
  [[nodiscard]] bool was_reset() const { return reset_; }

  static std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string_view::npos;
         at = text.find(what, at + what.size())) {
      ++found;
    }
    return found;
  }

 private:
  bool receive() {
    char buffer[16384];
    while (!ended_) {
      const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (got > 0) {
        received_.append(buffer, static_cast<std::size_t>(got));
        continue;
      }
      if (got < 0 && errno == EAGAIN) break;
      reset_ = got < 0;
      ended_ = true;
    }
    return !ended_;
  }

  Server& server_;
  Fd fd_;
  std::string received_;
  bool ended_ = false;
  bool reset_ = false;
};

inline int status_of(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.1 ")) return 0;
  return std::atoi(std::string(answer.substr(9, 3)).c_str());
}

inline std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

// One answer, of one status, with the one shape of an error, that says that the connection closes.
inline void check_error(const std::string& answer, int status) {
  CHECK(status_of(answer) == status);
  CHECK(Client::count(answer, "HTTP/1.1 ") == 1);
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(body_of(answer).starts_with("{\"detail\":\""));
  CHECK(body_of(answer).find("\"code\":\"") != std::string::npos);
}

// `bytes`, sent whole and byte by byte, are refused with `status` and never reach the handler.
inline void check_refused(const std::string& bytes, int status) {
  CAPTURE(bytes);
  for (const bool whole : {true, false}) {
    CAPTURE(whole);
    Server server;
    Client client(server);
    if (whole) {
      client.send(bytes);
    } else {
      client.drip(bytes);
    }
    check_error(client.rest(), status);
    CHECK(server.requests == 0);
  }
}

// The same, for a request whose head is good: the handler may see it, but never its body.
inline void check_body_refused(const std::string& bytes, int status) {
  CAPTURE(bytes);
  for (const bool whole : {true, false}) {
    CAPTURE(whole);
    Server server;
    Client client(server);
    if (whole) {
      client.send(bytes);
    } else {
      client.drip(bytes);
    }
    check_error(client.rest(), status);
    CHECK(server.requests == 1);
  }
}

// `bytes` whole, and cut in two at every place: the same answers each time.
inline void check_answered(const std::string& bytes, const std::vector<std::string>& bodies) {
  CAPTURE(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    Server server;
    Client client(server);
    if (cut == bytes.size()) {
      client.drip(bytes);
    } else {
      client.send(std::string_view(bytes).substr(0, cut));
      server.settle();
      client.send(std::string_view(bytes).substr(cut));
    }
    const std::string answers = client.until(";", bodies.size());
    std::size_t at = 0;
    for (const std::string& body : bodies) {
      CAPTURE(body);
      const std::size_t found = answers.find("\r\n\r\n" + body, at);
      CHECK(found != std::string::npos);
      at = found == std::string::npos ? at : found + body.size();
    }
    CHECK(Client::count(answers, "HTTP/1.1 200 OK\r\n") == bodies.size());
  }
}

}  // namespace dc::daemon::test
