// SPDX-License-Identifier: Apache-2.0
// The vocabulary of the HTTP layer: a request as it was parsed, an answer as it is to be written,
// and the Exchange that joins one to the other. Front only; everything in a request is hostile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/error.hpp"

namespace dc::daemon {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options };

struct QueryParameter {
  std::string name;
  std::string value;
};

// One parsed request head. Segments and parameters are percent-decoded exactly once, after the
// split.
struct HttpRequest {
  Method method = Method::get;
  std::vector<std::string> path;      // {"api", "v1", "health"}; no empty or dot segments
  std::vector<QueryParameter> query;  // in order; no name twice
  std::optional<std::string> authorization;
  std::optional<std::string> accept;
  std::optional<std::string> content_type;
  std::optional<std::string> content_encoding;
  std::optional<std::string> origin;
  bool origin_listed = false;  // pages from there may read the answer, see daemon/site.hpp
  std::optional<std::string> access_control_request_method;
  bool has_body = false;  // a Content-Length over 0 or chunks follow
  std::string peer;       // "192.0.2.1" or "2001:db8::1"; IPv4-mapped addresses as IPv4
};

struct Header {
  std::string_view name;  // a literal
  std::string value;      // never from a client
};

// One whole answer. Content-Length, Connection, Date and the constant security headers are added.
struct HttpResponse {
  int status = 200;
  std::vector<Header> headers;
  std::string_view content_type = "application/json";
  std::string body;
  std::optional<Errc> error;  // what it refuses for, where that is an Errc; for the metrics
};

// One answer as it is about to be sent, for the metrics.
struct Answered {
  std::optional<Method> method;      // none: no request could be read
  std::optional<std::size_t> route;  // as Exchange::routed() said
  int status;
  std::optional<Errc> error;
  std::uint64_t nanoseconds;  // from the request's head to the answer's; 0: no request
};
using Observer = std::function<void(const Answered&)>;

// Connections by what they are at.
struct ConnectionCounts {
  std::size_t idle = 0;       // between requests, or in a request's head
  std::size_t active = 0;     // a request is worked on
  std::size_t streaming = 0;  // an answer goes out in parts
  std::size_t closing = 0;    // the last answer is out
};

// One request and its one answer. Owned by shared_ptr: when the last owner lets go of an unanswered
// one, it answers 500 and logs. All callbacks run on the loop, never from inside a call into here.
class Exchange {
 public:
  virtual ~Exchange() = default;
  [[nodiscard]] virtual const HttpRequest& request() const = 0;
  // Which row of the route table the request has found, for the metrics.
  virtual void routed(std::size_t route) = 0;

  // The token was good: the connection is no stranger's any more, see daemon/listener.hpp.
  virtual void vouch() = 0;

  // Reads the body, at most `max` bytes, and then calls `done` once with it (empty if there is
  // none). Sends 100 Continue where the client waits for it. Too large, too slow or malformed
  // bodies are answered here and `done` never runs.
  virtual void read_body(std::size_t max, std::function<void(std::string body)> done) = 0;

  // The whole answer. An unread body makes the connection close after it.
  virtual void respond(HttpResponse response) = 0;

  // An answer in parts: begin(), then write() any number of times, then end(). Chunked, or closed
  // by end() for HTTP/1.0. abort() after begin() cuts the connection so that the client sees a
  // failure.
  virtual void begin(HttpResponse head) = 0;
  // False: more than limits::kWriteQueue bytes wait; hold back until `drained` runs.
  virtual bool write(std::string_view data) = 0;
  virtual void on_drained(std::function<void()> drained) = 0;
  virtual void end() = 0;
  virtual void abort() = 0;

  // The answer may take hours. A client that sends no more is then taken for gone, though it might
  // still read: nothing else would tell that nobody waits.
  virtual void may_last() = 0;

  // Runs once if the client goes away before the answer was written out, and when an answer in
  // parts needs no parts, which is so for HEAD: what makes them can stop.
  virtual void on_gone(std::function<void()> gone) = 0;
};

// What the HTTP layer calls with every request whose head is well-formed.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

// {"detail": ..., "code": ..., "hint": ...} with the status of the code (daemon/http_status.cpp).
HttpResponse error_response(const Error& error);
// The same for failures of HTTP itself, which have no Errc: 405, 406, 408, 413, 414, 415, ...
HttpResponse http_error(int status, std::string_view code, std::string detail);

}  // namespace dc::daemon
