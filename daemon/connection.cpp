// SPDX-License-Identifier: Apache-2.0
// The life of one client connection. Front only; the peer is hostile. The calls that an application
// makes on its Exchange are in exchange.cpp.
#include "daemon/connection.hpp"
#include <algorithm>
#include <utility>
#include "daemon/exchange.hpp"

namespace dc::daemon {
namespace {

constexpr HttpFailure kHeaderTimeout{408, "request_timeout", "The request took too long"};
constexpr HttpFailure kBodyTimeout{408, "request_timeout", "The body took too long"};
constexpr HttpFailure kMisdirected{421, "misdirected_request", "This host name is not served here"};
constexpr HttpFailure kBodyTooLarge{413, "body_too_large", "The body is too large"};

}  // namespace

ConnectionHost::ConnectionHost(uv_loop_t* event_loop, const HttpLimits& http_limits, Site names)
    : loop(event_loop),
      limits(http_limits),
      site(std::move(names)),
      scratch_(std::make_unique<char[]>(kScratch)) {}

Connection::Connection(ConnectionHost& host, std::string peer)
    : host_(host), stream_(host.loop, *this, host.scratch()), peer_(std::move(peer)) {}

Connection::~Connection() { detach(); }

bool Connection::open(Fd fd) {
  if (!stream_.open(std::move(fd))) return false;
  // A client that connects has something to ask; only after an answer may it stay idle for longer.
  deadline_in(host_.limits.header_time);
  progress_at_ = now();
  stream_.read(true);
  return true;
}

void Connection::turn_away(const HttpFailure& failure) { refuse(failure); }

// --- input -----------------------------------------------------------------------------------

void Connection::on_data(std::string_view bytes) noexcept {
  if (state_ == State::lingering || state_ == State::closed) return;
  if (input_.empty()) {
    run(bytes);
  } else {
    input_.append(bytes);
    run(input_);
  }
}

void Connection::resume() {
  if (state_ == State::closed) return;
  run(input_);
}

void Connection::run(std::string_view window) {
  window_ = window;
  running_ = true;
  while (step()) {
  }
  running_ = false;
  if (lost_) gone();
  keep_rest();
}

// False: nothing more can be done before something happens.
bool Connection::step() {
  if (lost_) return false;
  switch (state_) {
    case State::waiting: return next_request();
    case State::handling: return advance_request();
    case State::lingering:
    case State::closed: return false;
  }
  return false;
}

void Connection::keep_rest() {
  if (state_ == State::lingering || state_ == State::closed) window_ = {};
  if (window_.empty()) {
    std::string().swap(input_);  // an idle connection holds no buffer
  } else if (input_.empty()) {
    input_.assign(window_);
  } else {
    input_.erase(0, input_.size() - window_.size());
  }
  window_ = {};
  if (peer_finished_ || state_ == State::closed) return;
  // Until the answer is out nothing but a wanted body is needed; but to read on is the only way to
  // learn that the client is gone.
  const bool busy = (state_ == State::handling && !body_done_) ||
                    (state_ == State::waiting && stream_.queued() > 0);
  stream_.read(!(busy && input_.size() >= host_.limits.pipeline));
}

bool Connection::next_request() {
  if (window_.empty()) {
    if (peer_finished_) linger();
    return false;
  }
  // One answer at a time: a client that asks much and reads nothing must not fill the queue.
  if (stream_.queued() > 0) return false;
  if (!head_begun_) {
    head_begun_ = true;
    deadline_in(host_.limits.header_time);
  }
  switch (scanner_.scan(window_)) {
    case HeadScanner::State::more:
      if (peer_finished_) close();
      return false;
    case HeadScanner::State::failed: refuse(scanner_.failure()); return false;
    case HeadScanner::State::complete: break;
  }
  RequestHead head;
  auto failure = parser_.parse_head(scanner_.head(window_), head);
  if (!failure && !host_.site.serves(head.host)) failure = kMisdirected;
  window_.remove_prefix(scanner_.consumed());
  scanner_ = HeadScanner();
  head_begun_ = false;
  if (failure) {
    refuse(*failure);
    return false;
  }
  return begin_request(std::move(head));
}

bool Connection::begin_request(RequestHead head) {
  state_ = State::handling;
  answer_ = Answer::none;
  ++requests_;
  method_ = head.request.method;
  route_.reset();
  begun_ = uv_hrtime();
  head_only_ = head.request.method == Method::head;
  http11_ = head.http11;
  keep_alive_ = head.keep_alive && requests_ < host_.limits.requests_per_connection;
  expects_continue_ = head.expects_continue;
  body_read_ = !head.request.has_body;
  content_length_ = head.content_length;
  close_after_ = false;
  held_back_ = false;
  lasts_ = false;
  deadline_ = 0;
  head.request.peer = peer_;
  head.request.origin_listed = head.request.origin && host_.site.lists(*head.request.origin);
  if (head.asterisk) {  // asks about the server as a whole: no route, no secret
    respond(HttpResponse{.status = 204, .headers = {}, .content_type = {}, .body = {}});
    return true;
  }
  auto request = std::make_shared<Request>(*this, std::move(head.request));
  request_ = request.get();
  host_.handle(std::move(request));
  return true;
}

bool Connection::advance_request() {
  if (!stash_.empty()) send({std::exchange(stash_, {})});
  if (answer_ == Answer::streaming && head_only_ && !lost_) {
    const auto gone = std::exchange(gone_, nullptr);
    answered();
    if (gone) gone();
    return true;
  }
  if (lost_ || !body_done_) return false;
  if (!body_read_) {
    const MessageParser::Fed fed = parser_.feed_body(window_, body_max_, body_);
    window_.remove_prefix(fed.consumed);
    switch (fed.state) {
      case MessageParser::Body::complete: body_read_ = true; break;
      case MessageParser::Body::malformed:
        refuse(bad_request("The body is malformed"));
        return false;
      case MessageParser::Body::too_large: refuse(kBodyTooLarge); return false;
      case MessageParser::Body::more: {
        if (peer_finished_) refuse(bad_request("The body is incomplete"));
        const auto earned = std::chrono::seconds(body_.size() / 1024);
        deadline_ =
            body_since_ + ms(std::min<std::chrono::milliseconds>(
                              host_.limits.body_start_time + earned, host_.limits.body_time));
        return false;
      }
    }
  }
  deadline_ = 0;
  const auto done = std::exchange(body_done_, nullptr);
  done(std::exchange(body_, {}));
  return true;
}

// --- events ----------------------------------------------------------------------------------

void Connection::on_end() noexcept {
  peer_finished_ = true;
  switch (state_) {
    case State::waiting: run(input_); return;
    case State::handling:
      // The whole answer still goes out; what lasts gets a little time, see HttpLimits.
      if (lasts_) deadline_in(host_.limits.half_closed_stream);
      if (body_done_) run(input_);
      return;
    case State::lingering:
      if (stream_.queued() == 0) close();
      return;
    case State::closed: return;
  }
}

void Connection::on_lost() noexcept { gone(); }

void Connection::on_written() noexcept {
  if (state_ == State::lingering && stream_.queued() == 0) {
    linger();
  } else if (state_ == State::waiting && stream_.queued() == 0) {
    deadline_in(host_.limits.idle_time);
    run(input_);
  } else if (held_back_ && stream_.queued() <= host_.limits.write_queue / 2) {
    held_back_ = false;
    // A copy: the callback may end the answer, which drops the original.
    if (const auto drained = drained_) drained();
  }
}

void Connection::sweep(std::uint64_t now) {
  if (state_ == State::closed) return;
  if (stream_.queued() == 0 || stream_.sent() != progress_) {
    progress_ = stream_.sent();
    progress_at_ = now;
  } else if (now - progress_at_ >= ms(host_.limits.write_stall)) {
    cut();
    return;
  }
  // While an answer is on its way out, only its progress counts.
  if (deadline_ == 0 || now < deadline_ || stream_.queued() > 0) return;
  switch (state_) {
    case State::waiting:
      if (head_begun_ || requests_ == 0) {
        refuse(kHeaderTimeout);
      } else {
        close();
      }
      return;
    case State::handling:
      if (lasts_) {
        cut();
      } else {
        refuse(kBodyTimeout);
      }
      return;
    case State::lingering: close(); return;
    case State::closed: return;
  }
}

void Connection::drain() {
  if (state_ != State::waiting || head_begun_ || !input_.empty()) return;
  if (stream_.queued() > 0) {
    linger();
  } else {
    close();
  }
}

// --- ends ------------------------------------------------------------------------------------

bool Connection::must_close() const {
  return !keep_alive_ || !body_read_ || host_.draining || (stranger && host_.crowded());
}

void Connection::send(std::initializer_list<std::string_view> parts) {
  if (!lost_ && !stream_.write(parts)) {
    lost_ = true;
    poke();
  }
}

// One error answer, and the end: what follows in the input cannot be trusted to be a request.
void Connection::refuse(const HttpFailure& failure) {
  if (state_ == State::handling && answer_ == Answer::streaming) {
    cut();
    return;
  }
  const HttpResponse response =
      http_error(failure.status, failure.code, std::string(failure.detail));
  report(response);
  const std::string_view head = host_.writer.head(response, Framing::whole, true);
  const bool bare = state_ == State::handling && head_only_;
  send({head, bare ? std::string_view() : response.body});
  close_after_ = true;
  answered();
}

void Connection::report(const HttpResponse& head) {
  const bool asked = state_ == State::handling;
  host_.answered({asked ? std::optional(method_) : std::nullopt, asked ? route_ : std::nullopt,
                  head.status, head.error, asked ? uv_hrtime() - begun_ : 0});
}

void Connection::count(ConnectionCounts& counts) const {
  switch (state_) {
    case State::waiting: ++counts.idle; return;
    case State::handling:
      ++(answer_ == Answer::streaming ? counts.streaming : counts.active);
      return;
    case State::lingering: ++counts.closing; return;
    case State::closed: return;
  }
}

void Connection::answered() {
  deadline_ = 0;
  const bool last = close_after_ || host_.draining;
  state_ = State::waiting;
  detach();
  if (lost_) return;  // gone() follows from the loop
  if (last) {
    linger();
  } else {
    deadline_in(host_.limits.idle_time);
    if (!input_.empty() || peer_finished_) poke();
  }
  if (state_ != State::closed) host_.settled(*this);
}

// Says that nothing more comes and waits for the client to hang up.
void Connection::linger() {
  if (state_ == State::closed) return;
  state_ = State::lingering;
  std::string().swap(input_);
  window_ = {};
  deadline_in(host_.limits.linger_time);
  if (stream_.queued() > 0) return;  // on_written() comes back here
  stream_.end_output();
  if (peer_finished_) {
    close();
  } else {
    stream_.read(true);
  }
}

// The client is gone. From the loop only.
void Connection::gone() {
  const auto callback = std::exchange(gone_, nullptr);
  close();
  if (callback) callback();
}

// The end of an answer that is not complete: by a reset, since over HTTP/1.0 a plain close would
// look like its proper end. From the loop only.
void Connection::cut() {
  stream_.reset();
  gone();
}

void Connection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  detach();
  stream_.close();
  std::string().swap(input_);
  window_ = {};
  host_.closed(*this);
}

// Parts with the application: its Exchange becomes inert, its callbacks are dropped. They may own
// the Exchange and run any destructor, so they go last.
void Connection::detach() {
  if (request_ != nullptr) std::exchange(request_, nullptr)->detach();
  const auto done = std::exchange(body_done_, nullptr);
  const auto drained = std::exchange(drained_, nullptr);
  const auto gone = std::exchange(gone_, nullptr);
  answer_ = Answer::none;
  held_back_ = false;
  std::string().swap(body_);
  std::string().swap(stash_);
}

void Connection::poke() {
  if (!running_ && state_ != State::closed) host_.schedule(*this);
}

}  // namespace dc::daemon
