// SPDX-License-Identifier: Apache-2.0
// Request heads over a real socket: what is refused, and that it is refused once, whole or dripped.
#include <string>
#include "tests/unit/http_server.hpp"

namespace dc::daemon::test {
namespace {

const std::string kHost = "Host: localhost\r\n";

std::string get(const std::string& target, const std::string& headers = {}) {
  return "GET " + target + " HTTP/1.1\r\n" + kHost + headers + "\r\n";
}
std::string post(const std::string& headers, const std::string& body = {}) {
  return "POST /a HTTP/1.1\r\n" + kHost + headers + "\r\n" + body;
}

TEST_CASE("H01 Content-Length together with Transfer-Encoding") {
  check_refused(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400);
  check_refused(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400);
  check_refused(post("tRANSFER-eNCODING: CHUNKED\r\ncONTENT-lENGTH: 5\r\n", "0\r\n\r\n"), 400);
}

TEST_CASE("H02 Content-Length that is no single number") {
  check_refused(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400);
  check_refused(post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400);
  for (const char* value : {"5, 5", "+5", "-1", "0x5", "5 6", "5a", "", "18446744073709551616",
                            "99999999999999999999999", "5,", "\"5\"", "5;x"}) {
    check_refused(post("Content-Length: " + std::string(value) + "\r\n", "hello"), 400);
  }
  check_answered(post("Content-Length: \t 5 \r\n", "hello"), {"/a body:hello;"});
}

TEST_CASE("H03 transfer encodings other than chunked") {
  for (const char* value : {"chunked, identity", "identity", "gzip, chunked", "xchunked",
                            "\"chunked\"", "chunked;x", "chunked chunked", "chunked,", ""}) {
    const std::string bytes =
        post("Transfer-Encoding: " + std::string(value) + "\r\n", "0\r\n\r\n");
    CAPTURE(value);
    Server server;
    Client client(server);
    client.send(bytes);
    const std::string answer = client.rest();
    CHECK_MESSAGE((status_of(answer) == 400 || status_of(answer) == 501), answer);
    CHECK(server.requests == 0);
  }
  check_refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  check_refused(post("Transfer-Encoding: \vchunked\r\n"), 400);
  check_refused("POST /a HTTP/1.0\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400);
}

TEST_CASE("H04 blanks around names and folded lines") {
  check_refused(post("Transfer-Encoding : chunked\r\n"), 400);
  check_refused("POST /a HTTP/1.1\r\n Transfer-Encoding: chunked\r\n" + kHost + "\r\n", 400);
  for (const char* fold : {" folded", "\tfolded", " ", "\t", " : x"}) {
    check_refused(get("/a", "X: y\r\n" + std::string(fold) + "\r\n"), 400);
    check_refused(get("/a", "X:\r\n" + std::string(fold) + "\r\n"), 400);
  }
  check_refused("GET /a HTTP/1.1\r\n" + kHost + "X\t: y\r\n\r\n", 400);
}

TEST_CASE("H05 line ends, control bytes and names that are no tokens") {
  check_refused("GET /a HTTP/1.1\nHost: localhost\n\n", 400);
  check_refused("GET /a HTTP/1.1\r\nHost: localhost\n\r\n", 400);
  check_refused(get("/a", "X: y\rContent-Length: 5\r\n"), 400);
  check_refused(get("/a", "X:\rContent-Length: 5\r\n"), 400);
  check_refused(get("/a", "X: y\r\r\n"), 400);
  check_refused("GET /a HTTP/1.1\r\r\n" + kHost + "\r\n", 400);
  for (const char byte : {'\0', '\x01', '\x0b', '\x1f', '\x7f'}) {
    check_refused(get("/a", "X: a" + std::string(1, byte) + "b\r\n"), 400);
    check_refused(get("/a", "X" + std::string(1, byte) + ": b\r\n"), 400);
    check_refused(get("/a" + std::string(1, byte)), 400);
  }
  check_refused(get("/a", "\x80X: b\r\n"), 400);
  check_refused(get("/a", ": b\r\n"), 400);
  check_refused(get("/a", "no colon\r\n"), 400);
  check_refused(get("/a", "a b: c\r\n"), 400);
  check_refused("\r\n\r\n" + get("/a"), 400);
}

TEST_CASE("a request is the same however it is cut") {
  check_answered(get("/a?x=1", "Authorization: Bearer t\r\nX-Empty:\r\n"),
                 {"/a x=1 auth:Bearer t body:;"});
  check_answered("\r\n" + get("/a"), {"/a body:;"});
}

TEST_CASE("H10 Host") {
  check_refused("GET /a HTTP/1.1\r\n\r\n", 400);
  check_refused("GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
  for (const char* host : {"", "a b", "a/b", "a@b", "a,b", "[::1", "a:b", "a:123456", ":80"}) {
    check_refused("GET /a HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", 400);
  }
  for (const char* host : {"a", "a:80", "[::1]:8002", "127.0.0.1:8002", "my_host.example"}) {
    check_answered("GET /a HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", {"/a body:;"});
  }
}

TEST_CASE("H31 hosts that are not ours") {
  const auto parsed = [](std::string_view text) { return *Authority::parse(text); };
  const Site site{{parsed("Docker-Control"), parsed("127.0.0.1:8002"), parsed("[::1]")}, {}};
  for (const char* host : {"docker-control", "docker-control:8002", "DOCKER-CONTROL:1",
                           "127.0.0.1:8002", "[::1]", "[::1]:8002"}) {
    CAPTURE(host);
    CHECK(site.serves(host));
    CHECK(Site{}.serves(host));
  }
  for (const char* host : {"", "evil.example", "docker-control.evil.example", "127.0.0.1",
                           "127.0.0.1:80", "[::2]", "docker-contro", "[::1"}) {
    CAPTURE(host);
    CHECK_FALSE(site.serves(host));
    CHECK(Site{}.serves(host));
  }
  for (const char* line :
       {"GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/a HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", "GET /a HTTP/1.0\r\n\r\n"}) {
    Server server(echo, patient_limits(), site);
    Client client(server);
    client.send(line);
    check_error(client.rest(), 421);
    CHECK(server.requests == 0);
  }
}

TEST_CASE("H30 whether a page of an origin may read the answer is decided with the request") {
  bool listed = false;
  Server server(
      [&](const std::shared_ptr<Exchange>& exchange) {
        listed = exchange->request().origin_listed;
        echo(exchange);
      },
      patient_limits(), Site{{}, {*Origin::parse("http://localhost:8000")}});
  Client client(server);
  const auto is_listed = [&](const std::string& line) {
    client.send(get("/a", line));
    client.until(";");
    return listed;
  };
  CHECK(is_listed("Origin: http://localhost:8000\r\n"));
  for (const char* origin :
       {"http://localhost:8000.evil", "http://localhost", "null", "*", "", "https://localhost:8000",
        "http://LOCALHOST:8000", "http://localhost:8000/", "http://localhost:8000, http://a"}) {
    CAPTURE(origin);
    CHECK_FALSE(is_listed("Origin: " + std::string(origin) + "\r\n"));
  }
  CHECK_FALSE(is_listed(""));
}

TEST_CASE("H11 forms of the target") {
  check_answered("GET http://localhost/a?b=c HTTP/1.1\r\nHost: LOCALHOST\r\n\r\n",
                 {"/a b=c body:;"});
  check_answered("GET http://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n", {" body:;"});
  check_refused("GET http://elsewhere/a HTTP/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET http://u@localhost/a HTTP/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET http:///a HTTP/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET ftp://localhost/a HTTP/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET localhost:80 HTTP/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET * HTTP/1.1\r\n" + kHost + "\r\n", 400);
  Server server;
  Client client(server);
  client.send("OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n" + get("/b"));
  const std::string answers = client.until("body:;");
  CHECK(status_of(answers) == 204);
  CHECK(answers.find("Content-Length") > answers.find("\r\n\r\n"));
  CHECK(server.requests == 1);
}

TEST_CASE("H12 methods that are not ours, and upgrades") {
  for (const char* method : {"CONNECT", "TRACE", "FOO", "get", "PURGE", "M-SEARCH", "GE", "GETT"}) {
    check_refused(std::string(method) + " /a HTTP/1.1\r\n" + kHost + "\r\n", 501);
  }
  check_refused("CONNECT localhost:80 HTTP/1.1\r\n" + kHost + "\r\n", 501);
  check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501);
  check_refused("\x16\x03\x01\x02\x01\r\n\r\n", 400);  // as TLS begins
  check_answered(get("/a", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n") + get("/b"),
                 {"/a body:;", "/b body:;"});
  check_answered(get("/a", "Connection: Upgrade\r\nUpgrade: websocket\r\n"), {"/a body:;"});
  check_answered(post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n", "hi"),
                 {"/a body:hi;"});
}

TEST_CASE("H13 versions") {
  check_refused("GET /a\r\n\r\n", 400);
  check_refused("GET  /a HTTP/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET /a HTTP/1.1 \r\n" + kHost + "\r\n", 400);
  check_refused("GET /a  HTTP/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET /a http/1.1\r\n" + kHost + "\r\n", 400);
  check_refused("GET /a HTTP/1.10\r\n" + kHost + "\r\n", 400);
  check_refused("GET /a HTTP/0.9\r\n" + kHost + "\r\n", 505);
  check_refused("GET /a HTTP/1.2\r\n" + kHost + "\r\n", 505);
  check_refused("GET /a HTTP/2.0\r\n" + kHost + "\r\n", 505);
  Server server;
  Client client(server);
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/b"));
  const std::string answer = client.rest();
  CHECK(status_of(answer) == 200);
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(server.requests == 1);
}

TEST_CASE("H14 headers that may stand once only") {
  for (const char* header : {"Authorization: Bearer a", "Content-Type: application/json",
                             "Host: localhost", "Content-Length: 0", "Origin: http://a",
                             "Expect: 100-continue", "Transfer-Encoding: chunked"}) {
    const std::string line = std::string(header) + "\r\n";
    check_refused("POST /a HTTP/1.1\r\nHost: localhost\r\n" + line + line + "\r\n", 400);
  }
}

TEST_CASE("H15 too many or too large headers") {
  check_refused(get("/a", "X: " + std::string(limits::kHeaderLine, 'x') + "\r\n"), 431);
  std::string many;
  for (std::size_t i = 0; i < limits::kHeaderCount; ++i) many += "X: y\r\n";
  check_refused(get("/a", many), 431);
  std::string large;
  for (int i = 0; i < 3; ++i) large += "X: " + std::string(7000, 'x') + "\r\n";
  check_refused(get("/a", large), 431);

  Server server;
  Client client(server);
  client.send(get("/a", many.substr(6)));  // with Host as many as there may be
  CHECK(status_of(client.until(";")) == 200);
  client.send("GET /a HTTP/1.1\r\n" + kHost + "X: " + std::string(limits::kHeaderLine, 'x'));
  check_error(client.rest(), 431);  // without waiting for the end of the line
}

TEST_CASE("H16 too long a target") {
  check_refused(get("/" + std::string(limits::kRequestLine, 'a')), 414);
  Server server;
  Client client(server);
  client.send("GET /" + std::string(limits::kRequestLine, 'a'));
  check_error(client.rest(), 414);
}

TEST_CASE("H19 paths are split first and decoded once") {
  // A slash at the end is an empty last segment, which no route has.
  check_answered("GET /a/ HTTP/1.1\r\n" + kHost + "\r\n", {"/a/ body:;"});
  for (const char* path :
       {"/api/v1/containers/%2e%2e/x", "/a/../b", "//api", "/./a", "/a//b", "/%00", "/a%0d%0ab",
        "/%zz", "/%4", "/%", "/%C0%AF", "/%ff", "/%ED%A0%80", "/a\\b", "/a%5cb", "/a#b", "/\x80",
        "/%7f", "/1/2/3/4/5/6/7/8/9/10/11/12/13"}) {
    check_refused(get(path), 400);
  }
  check_answered(get("/api/v1/containers/a%2Fb"), {"/api/v1/containers/a/b body:;"});
  check_answered(get("/a%252fb/%C3%A9;x+y"), {"/a%2fb/\xc3\xa9;x+y body:;"});
  std::vector<std::string> path;
  const Handler handler = [&](const std::shared_ptr<Exchange>& exchange) {
    path = exchange->request().path;
    echo(exchange);
  };
  Server server(handler);
  Client client(server);
  client.send(get("/a%2F..%2Fb/c"));
  client.until(";");
  CHECK(path == std::vector<std::string>{"a/../b", "c"});
}

TEST_CASE("H20 H21 queries") {
  check_answered(get("/a?name=ghcr.io/tenstorrent/x&n2=ghcr.io%2Ftenstorrent%2Fx&s=a+b%2Bc&e&f="),
                 {"/a name=ghcr.io/tenstorrent/x n2=ghcr.io/tenstorrent/x s=a b+c e= f= body:;"});
  check_answered(get("/a?x=a=b?c&&y=%5C"), {"/a x=a=b?c y=\\ body:;"});
  for (const char* query :
       {"a=%zz", "a=1&a=1", "a=1&%61=2", "a=%00", "a=%0a", "=1", "a=%ff", "a=%4"}) {
    check_refused(get("/a?" + std::string(query)), 400);
  }
  std::string many;
  for (std::size_t i = 0; i <= limits::kQueryParameters; ++i) many += "p" + std::to_string(i) + "&";
  check_refused(get("/a?" + many), 400);
}

TEST_CASE("H37 nothing of a request stays for the next on its connection") {
  check_answered(get("/a", "Authorization: Bearer one\r\n") + get("/b") +
                     get("/c", "Authorization: Bearer two\r\n"),
                 {"/a auth:Bearer one body:;", "/b body:;", "/c auth:Bearer two body:;"});
}

TEST_CASE("H38 the peer is the socket's") {
  std::string peer;
  Server server([&](const std::shared_ptr<Exchange>& exchange) {
    peer = exchange->request().peer;
    echo(exchange);
  });
  Client client(server);
  client.send(get("/a", "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n"));
  client.until(";");
  CHECK(peer == "127.0.0.1");
}

}  // namespace
}  // namespace dc::daemon::test
