// SPDX-License-Identifier: Apache-2.0
// What an application does with its Exchange. Front only. Nothing here calls the application back:
// what has to be told is told from the loop.
#include "daemon/exchange.hpp"
#include <spdlog/spdlog.h>
#include <array>
#include <charconv>

namespace dc::daemon {

Connection::Request::~Request() {
  if (connection_ != nullptr) connection_->abandoned();
}

void Connection::Request::vouch() {
  if (connection_ != nullptr) connection_->host_.vouched(*connection_);
}
void Connection::Request::routed(std::size_t route) {
  if (connection_ != nullptr) connection_->route_ = route;
}
void Connection::Request::read_body(std::size_t max, std::function<void(std::string body)> done) {
  if (connection_ != nullptr) connection_->read_body(max, std::move(done));
}
void Connection::Request::respond(HttpResponse response) {
  if (connection_ != nullptr) connection_->respond(response);
}
void Connection::Request::begin(HttpResponse head) {
  if (connection_ != nullptr) connection_->begin(head);
}
bool Connection::Request::write(std::string_view data) {
  return connection_ == nullptr || connection_->write(data);
}
void Connection::Request::on_drained(std::function<void()> drained) {
  if (connection_ != nullptr) connection_->drained_ = std::move(drained);
}
void Connection::Request::end() {
  if (connection_ != nullptr) connection_->end();
}
void Connection::Request::abort() {
  if (connection_ != nullptr) connection_->abort();
}
void Connection::Request::may_last() {
  if (connection_ != nullptr) connection_->may_last();
}
void Connection::Request::on_gone(std::function<void()> gone) {
  if (connection_ != nullptr) connection_->gone_ = std::move(gone);
}

void Connection::read_body(std::size_t max, std::function<void(std::string)> done) {
  if (answer_ != Answer::none || body_done_) return;
  if (content_length_ > max) {
    refuse({413, "body_too_large", "The body is too large"});
    return;
  }
  body_done_ = std::move(done);
  body_max_ = max;
  if (!body_read_) {
    body_since_ = now();
    deadline_in(host_.limits.body_start_time);
    // RFC 9110 section 10.1.1: not when the body is under way already.
    if (expects_continue_ && input_.empty() && window_.empty()) {
      send({"HTTP/1.1 100 Continue\r\n\r\n"});
    }
    expects_continue_ = false;
  }
  poke();
}

void Connection::respond(const HttpResponse& response) {
  if (state_ != State::handling || answer_ != Answer::none) return;
  close_after_ = must_close();
  report(response);
  const std::string_view head = host_.writer.head(response, Framing::whole, close_after_);
  const bool bare = head_only_ || bodiless(response.status);
  send({head, bare ? std::string_view() : response.body});
  answered();
}

void Connection::begin(const HttpResponse& head) {
  if (state_ != State::handling || answer_ != Answer::none) return;
  const auto unwanted = std::exchange(body_done_, nullptr);
  answer_ = Answer::streaming;
  deadline_ = 0;
  may_last();
  close_after_ = must_close() || !http11_;
  report(head);
  stash_ = host_.writer.head(head, http11_ ? Framing::chunked : Framing::until_close, close_after_);
  head_only_ = head_only_ || bodiless(head.status);
  poke();  // should nothing be written in this turn of the loop, the head goes out alone
}

bool Connection::write(std::string_view data) {
  if (answer_ != Answer::streaming || lost_) return true;
  if (head_only_ || data.empty()) return true;
  if (http11_) {
    std::array<char, 18> size{};
    char* end = std::to_chars(size.data(), size.data() + 16, data.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    send({stash_, std::string_view(size.data(), end), data, "\r\n"});
  } else {
    send({stash_, data});
  }
  stash_.clear();
  if (peer_finished_) deadline_in(host_.limits.half_closed_stream);
  // Once held back, until on_drained() has been told: a later write must not forget that.
  held_back_ = held_back_ || stream_.queued() > host_.limits.write_queue;
  return !held_back_;
}

void Connection::end() {
  if (answer_ != Answer::streaming) return;
  const bool terminator = http11_ && !head_only_;
  send({stash_, terminator ? std::string_view("0\r\n\r\n") : std::string_view()});
  answered();
}

void Connection::abort() {
  if (state_ != State::handling) return;
  if (!stash_.empty()) send({stash_});
  stream_.reset();
  close();
}

void Connection::may_last() {
  if (state_ != State::handling) return;
  lasts_ = true;
  if (peer_finished_) deadline_in(host_.limits.half_closed_stream);
}

// The application let go of an unanswered request: a defect of ours, and the client is told so.
void Connection::abandoned() {
  request_ = nullptr;
  if (answer_ == Answer::streaming) {
    spdlog::error("event=stream_abandoned peer={}", peer_);
    abort();
    return;
  }
  spdlog::error("event=request_abandoned peer={}", peer_);
  respond(http_error(500, "internal", "The request could not be answered"));
}

}  // namespace dc::daemon
