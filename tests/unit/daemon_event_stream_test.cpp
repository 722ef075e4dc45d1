// SPDX-License-Identifier: Apache-2.0
// daemon/event_stream: one stream between a fake HTTP exchange and frames made by hand.
#include <doctest/doctest.h>
#include <chrono>
#include <memory>
#include <string>
#include <vector>
#include "daemon/event_stream.hpp"
#include "daemon_fakes.hpp"
#include "daemon_fixture.hpp"

using namespace dc;
using namespace dc::daemon;
using dc::test::header;

namespace {

constexpr std::string_view kPreamble = "retry: 1000\n\n";

ToFront chunk(std::string bytes) { return Chunk{wire::Blob{std::move(bytes)}}; }

// One byte becomes a whole batch of text, as short lines do.
class Swelling final : public EventEncoder {
 public:
  Result<std::size_t> encode(std::string_view bytes, std::string& out) override {
    if (bytes.front() == '!') return dc::fail(Errc::engine_failure, "not fit");
    out.append(kEventBatch, bytes.front());
    return 1;
  }
  void finish(std::string& out) override { out += "rest"; }
};

struct Streaming {
  explicit Streaming(std::unique_ptr<EventEncoder> encoder = std::make_unique<JsonEvents>(),
                     std::chrono::milliseconds heartbeat = limits::kHeartbeat)
      : streams(&loop.loop, heartbeat), stream(make(std::move(encoder))) {}

  std::shared_ptr<EventStream> make(std::unique_ptr<EventEncoder> encoder) {
    const Route& route =
        *match_route(Method::get, {"api", "v1", "images", "pull", "events", "a"}).route;
    return std::make_shared<EventStream>(
        AnswerParts{std::make_shared<test::FakeExchange>(HttpRequest{}, "", answer),
                    route,
                    "",
                    {{"Vary", "Origin"}},
                    [this](std::uint32_t frames) { credit += frames; },
                    [this] { cancelled = true; }},
        std::move(encoder), streams);
  }
  void drained() {
    answer->stall = false;
    const auto copy = answer->drained;
    copy();
  }

  test::Loop loop;
  std::shared_ptr<test::Answer> answer = std::make_shared<test::Answer>();
  std::uint32_t credit = 0;
  bool cancelled = false;
  EventStreams streams;
  std::shared_ptr<EventStream> stream;
};

}  // namespace

TEST_CASE("a failure before the first frame is an ordinary error") {
  Streaming s;
  s.stream->last(Failed::of({Errc::not_found, "Container not found", ""}));
  CHECK(s.answer->responded);
  CHECK(s.answer->response.status == 404);
  CHECK(header(*s.answer, "Vary") == "Origin");
  CHECK_FALSE(s.cancelled);
}

TEST_CASE("frames become events, and their credit goes back in halves") {
  Streaming s;
  s.stream->part(StreamOpened{});
  CHECK(s.answer->begun);
  CHECK(s.answer->response.content_type == "text/event-stream; charset=utf-8");
  CHECK(header(*s.answer, "Cache-Control") == "no-cache, no-transform");
  CHECK(header(*s.answer, "X-Accel-Buffering") == "no");
  CHECK(header(*s.answer, "Vary") == "Origin");
  CHECK(s.answer->written == kPreamble);
  std::string expected(kPreamble);
  for (const char* json : {"1", "2", "3"}) {
    CHECK(s.credit == 0);
    s.stream->part(chunk(json));
    expected += std::string("data: ") + json + "\n\n";
    CHECK(s.answer->written == expected);
  }
  CHECK(s.credit == 4);
  s.stream->last(chunk("4"));
  CHECK(s.answer->written == expected + "data: 4\n\n");
  CHECK(s.answer->ended);
  CHECK_FALSE(s.cancelled);
}

TEST_CASE("an end without anything before it is an empty stream") {
  Streaming s;
  s.stream->last(Done{});
  CHECK(s.answer->written == kPreamble);
  CHECK(s.answer->ended);
}

TEST_CASE("a slow client: frames wait as they came, without credit, and nothing is lost") {
  Streaming s(std::make_unique<Swelling>());
  s.answer->stall = true;
  s.stream->part(chunk("ab"));
  CHECK(s.answer->writes == 1);  // the first batch, with the preamble
  for (const char* bytes : {"cd", "e", "f", "g", "h", "i", "j"}) s.stream->part(chunk(bytes));
  CHECK(s.answer->writes == 1);
  CHECK(s.credit == 0);
  s.stream->last(Done{});
  CHECK_FALSE(s.answer->ended);

  // Nobody but the connection holds it now; it takes one batch each time.
  s.stream.reset();
  s.answer->stall = true;
  const auto drained = s.answer->drained;
  while (!s.answer->ended) drained();
  CHECK(s.answer->writes >= 10);
  std::string expected(kPreamble);
  for (const char c : std::string_view("abcdefghij")) expected.append(kEventBatch, c);
  CHECK(s.answer->written == expected + "rest");
}

TEST_CASE("credit that a slow client held back goes back when it reads") {
  Streaming s;
  s.answer->stall = true;
  for (int i = 0; i < 8; ++i) s.stream->part(chunk("1"));
  CHECK(s.credit == 0);
  s.drained();
  CHECK(s.credit == 8);
}

TEST_CASE("more frames than credit allows are not kept") {
  Streaming s;
  s.answer->stall = true;
  for (std::uint32_t i = 0; i <= limits::kCredits + 1; ++i) s.stream->part(chunk("1"));
  CHECK(s.cancelled);
  CHECK(s.answer->ended);
}

TEST_CASE("a failure after the first frame is an event, after what came before it") {
  Streaming s;
  s.stream->part(StreamOpened{});
  s.answer->stall = true;
  s.stream->part(chunk("1"));
  s.stream->part(chunk("2"));
  s.stream->last(Failed::of({Errc::not_found, "Container \"x\" is gone", ""}));
  CHECK_FALSE(s.answer->ended);
  s.drained();
  const std::string text = s.answer->written;
  const std::size_t error =
      text.find(R"(data: {"type":"error","message":"Container \"x\" is gone","timestamp":")");
  REQUIRE(error != std::string::npos);
  CHECK(text.find("data: 2\n\n") < error);
  CHECK(text.ends_with("\"}\n\n"));
  CHECK(s.answer->ended);
  CHECK_FALSE(s.cancelled);
}

TEST_CASE("what cannot be encoded ends the stream, and the broker is told") {
  Streaming s(std::make_unique<Swelling>());
  s.stream->part(chunk("a!"));
  CHECK(s.answer->written.find("\"message\":\"not fit\"") != std::string::npos);
  CHECK(s.answer->ended);
  CHECK(s.cancelled);
  s.stream->part(chunk("b"));  // was under way
  CHECK(s.credit == 1);
}

TEST_CASE("a frame of another kind ends the stream") {
  Streaming s;
  s.stream->part(ContainerDocument{});
  CHECK(s.answer->response.status == 502);
  CHECK(s.cancelled);
}

TEST_CASE("a drain ends streams with an event, cuts those that nobody reads, refuses later ones") {
  Streaming s;
  s.stream->part(chunk("1"));
  s.streams.drain();
  CHECK(s.answer->written.find(R"("type":"error")") != std::string::npos);
  CHECK(s.answer->ended);
  CHECK(s.cancelled);

  Streaming slow;
  slow.answer->stall = true;
  slow.stream->part(chunk("1"));
  slow.streams.drain();
  CHECK(slow.answer->aborted);
  CHECK(slow.cancelled);

  Streaming early;
  early.streams.drain();
  CHECK(early.answer->response.status == 503);
  CHECK(early.cancelled);

  Streaming late;
  late.stream->discard();
  late.streams.drain();
  late.answer = std::make_shared<test::Answer>();
  late.stream = late.make(std::make_unique<JsonEvents>());
  late.stream->part(chunk("1"));
  CHECK(late.answer->response.status == 503);
}

TEST_CASE("a quiet stream says that it lives, one that speaks or is stalled does not") {
  using namespace std::chrono_literals;
  Streaming s(std::make_unique<JsonEvents>(), 30ms);
  s.stream->part(StreamOpened{});
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (s.answer->writes < 3 && std::chrono::steady_clock::now() < deadline) {
    uv_run(&s.loop.loop, UV_RUN_ONCE);
  }
  CHECK(s.answer->written == std::string(kPreamble) + ": still here\n\n: still here\n\n");

  s.answer->stall = true;
  s.stream->part(chunk("1"));
  const std::size_t writes = s.answer->writes;
  const auto until = std::chrono::steady_clock::now() + 100ms;
  while (std::chrono::steady_clock::now() < until) uv_run(&s.loop.loop, UV_RUN_ONCE);
  CHECK(s.answer->writes == writes);
  s.stream->discard();
}
