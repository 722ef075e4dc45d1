// SPDX-License-Identifier: Apache-2.0
// The two neighbours of the front's application, under the test's control: the HTTP layer and the
// broker's end of the channel.
#pragma once

#include <doctest/doctest.h>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include "common/channel.hpp"
#include "common/jwt.hpp"
#include "common/messages.hpp"
#include "common/uv.hpp"
#include "daemon/http.hpp"
#include "samples.hpp"

namespace dc::test {

// A loop of its own; handles that the test drops are closed at the end.
struct Loop {
  Loop() { uv_loop_init(&loop); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  void turn() {
    for (int i = 0; i < 3; ++i) uv_run(&loop, UV_RUN_NOWAIT);
  }
  uv_loop_t loop{};
};

// What came of one exchange; outlives it.
struct Answer {
  bool vouched = false, responded = false, begun = false, ended = false, aborted = false;
  daemon::HttpResponse response;  // or the head, when begun
  std::string written;
  std::size_t writes = 0;
  bool stall = false;  // write() says: hold back
  bool lasts = false;
  std::function<void()> drained, gone;
  std::size_t body_max = 0;
  std::optional<std::size_t> route;
};

class FakeExchange final : public daemon::Exchange {
 public:
  FakeExchange(daemon::HttpRequest request, std::string body, std::shared_ptr<Answer> answer)
      : request_(std::move(request)), body_(std::move(body)), answer_(std::move(answer)) {
    request_.has_body = !body_.empty();
  }
  [[nodiscard]] const daemon::HttpRequest& request() const override { return request_; }
  void vouch() override { answer_->vouched = true; }
  void routed(std::size_t route) override { answer_->route = route; }
  void read_body(std::size_t max, std::function<void(std::string)> done) override {
    answer_->body_max = max;
    done(body_);
  }
  void respond(daemon::HttpResponse response) override {
    CHECK_FALSE((answer_->responded || answer_->begun));
    answer_->responded = true;
    answer_->response = std::move(response);
  }
  void begin(daemon::HttpResponse head) override {
    CHECK_FALSE((answer_->responded || answer_->begun));
    answer_->begun = true;
    answer_->response = std::move(head);
  }
  bool write(std::string_view data) override {
    CHECK(answer_->begun);
    ++answer_->writes;
    answer_->written += data;
    return !answer_->stall;
  }
  void on_drained(std::function<void()> drained) override { answer_->drained = std::move(drained); }
  void end() override { answer_->ended = true; }
  void abort() override { answer_->aborted = true; }
  void may_last() override { answer_->lasts = true; }
  void on_gone(std::function<void()> gone) override { answer_->gone = std::move(gone); }

 private:
  daemon::HttpRequest request_;
  std::string body_;
  std::shared_ptr<Answer> answer_;
};

// The broker's end of the channel: reads and writes frames by hand.
class FakeBroker {
 public:
  explicit FakeBroker(Fd fd) : channel_(std::move(fd)) {}

  std::optional<wire::Frame<ToBroker>> receive() {
    std::string_view bytes;
    if (channel_.receive(bytes) != Channel::Received::frame) return std::nullopt;
    auto frame = wire::decode_frame<ToBroker>(bytes);
    REQUIRE(frame);
    CHECK_FALSE(frame->last);
    return frame;
  }
  template <class Message>
  std::pair<std::uint64_t, Message> expect() {
    auto frame = receive();
    REQUIRE(frame);
    REQUIRE(std::holds_alternative<Message>(frame->message));
    return {frame->id, std::get<Message>(std::move(frame->message))};
  }
  bool silent() { return !receive(); }
  void send(std::uint64_t id, bool last, const ToFront& message) {
    send_raw(wire::encode_frame(id, last, message));
  }
  void send_raw(std::string_view frame) { REQUIRE(channel_.send(frame) == Channel::Sent::all); }

 private:
  Channel channel_;
};

// Of the right shape; only the broker would know that the signature is none.
inline std::string token(std::string_view payload = R"({"service":"tt_studio_backend"})") {
  return jwt::encode_base64url(R"({"alg":"HS256","typ":"JWT"})") + "." +
         jwt::encode_base64url(payload) + "." + jwt::encode_base64url(std::string(32, 's'));
}

// An inspect document whose one large member is `filling`.
inline std::string inspect_json(std::string_view name, std::size_t filling = 0) {
  return R"({"Id":")" + kSomeId + R"(","Name":"/)" + std::string(name) + R"(","Config":{},"x":")" +
         std::string(filling, 'x') + R"("})";
}

inline ContainerDocument document(std::string_view json) {
  return ContainerDocument{{Text<1024>::clip("alpine:3")},
                           static_cast<std::uint32_t>(json.size()),
                           wire::Blob{std::string(json.substr(0, limits::kChunk))}};
}

}  // namespace dc::test
