// SPDX-License-Identifier: Apache-2.0
// common/log_frames, daemon/log_lines and daemon/log_stream: from the Engine's bytes to events.
#include <doctest/doctest.h>
#include <simdjson.h>
#include <random>
#include <string>
#include <utility>
#include <vector>
#include "common/json_text.hpp"
#include "common/log_frames.hpp"
#include "daemon/log_lines.hpp"
#include "daemon/log_stream.hpp"

using namespace dc;
using namespace dc::daemon;
using namespace std::string_literals;

namespace {

std::string frame(char stream, std::string_view data) {
  std::string out(1, stream);
  out.append(3, '\0');
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    out += static_cast<char>((data.size() >> shift) & 0xff);
  }
  return out.append(data);
}

// The events of a stream that comes in pieces of `step` bytes; with the text as it is sent.
std::string events_of(std::string_view stream, std::size_t step, bool tty = false,
                      bool follow = true) {
  LogEvents events(follow);
  events.open(StreamOpened{tty, {}});
  std::string all, out;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, step);
    stream.remove_prefix(piece.size());
    for (std::size_t taken = 0; taken < piece.size();) {
      const auto more = events.encode(piece.substr(taken), out);
      REQUIRE(more);
      REQUIRE(*more > 0);
      taken += *more;
      all += std::exchange(out, {});
    }
  }
  events.finish(out);
  return all + out;
}

struct Event {
  std::string type, message;
  friend bool operator==(const Event&, const Event&) = default;
};

// Reads the events as a client does.
std::vector<Event> parsed_events(std::string_view text) {
  std::vector<Event> out;
  simdjson::dom::parser parser;
  while (!text.empty()) {
    REQUIRE(text.starts_with("data: "));
    const std::size_t end = text.find("\n\n");
    REQUIRE(end != std::string_view::npos);
    const simdjson::padded_string json(text.substr(6, end - 6));
    text.remove_prefix(end + 2);
    simdjson::dom::element event;
    REQUIRE(parser.parse(json).get(event) == simdjson::SUCCESS);
    std::string_view type, message, timestamp;
    bool raw = false;
    REQUIRE(event["type"].get(type) == simdjson::SUCCESS);
    REQUIRE(event["message"].get(message) == simdjson::SUCCESS);
    REQUIRE(event["timestamp"].get(timestamp) == simdjson::SUCCESS);
    REQUIRE(event["raw"].get(raw) == simdjson::SUCCESS);
    CHECK(raw);
    CHECK(timestamp.size() == 19);
    out.push_back({std::string(type), std::string(message)});
  }
  return out;
}

std::vector<std::string> lines_of(std::string_view stream, std::size_t step) {
  LineCutter cutter;
  std::vector<std::string> out;
  const auto line = [&](std::string_view text) { out.emplace_back(text); };
  for (; !stream.empty(); stream.remove_prefix(std::min(step, stream.size()))) {
    cutter.take(stream.substr(0, step), line);
  }
  cutter.finish(line);
  return out;
}

// What JSON makes of bytes: invalid ones replaced.
std::string replaced(std::string_view bytes) {
  std::string out;
  append_json_string(out, bytes);
  return out.substr(1, out.size() - 2);
}

}  // namespace

TEST_CASE("log frames come out whole in any split, stdout and stderr apart") {
  const std::string stream = frame(1, "hello") + frame(2, "") + frame(2, "er") + frame(0, "abc");
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    LogFrames frames;
    std::string out, err;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      CHECK(frames.take(std::string_view(stream).substr(at, step),
                        [&](bool is_err, std::string_view data) { (is_err ? err : out) += data; }));
    }
    CHECK(out == "helloabc");
    CHECK(err == "er");
  }
}

TEST_CASE("a header that is none is noticed, whichever byte it is and however it comes") {
  for (const std::size_t at : {0U, 1U, 2U, 3U}) {
    for (std::size_t step = 1; step <= 9; ++step) {
      std::string stream = frame(1, "x");
      stream[at] = 3;
      LogFrames frames;
      bool valid = true;
      for (std::size_t from = 0; from < stream.size() && valid; from += step) {
        valid = frames.take(std::string_view(stream).substr(from, step),
                            [](bool, std::string_view) { FAIL("not of a frame"); });
      }
      CHECK_FALSE(valid);
    }
  }
  LogEvents events(true);
  std::string out;
  const auto taken = events.encode(frame(1, "a line\n") + "text, not a frame"s, out);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Errc::engine_failure);
  CHECK(parsed_events(out) == std::vector<Event>{{"log", "a line"}});
}

TEST_CASE("a frame may be as long as its header can say") {
  LogFrames frames;
  std::size_t size = 0;
  const auto count = [&](bool, std::string_view data) { size += data.size(); };
  CHECK(frames.take("\1\0\0\0\xff\xff\xff\xff"s, count));
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 4096; ++i) CHECK(frames.take(piece, count));
  CHECK(size == 0xffffffffU);  // the last byte is of the next header
}

TEST_CASE("lines: what ends them, what is left out") {
  using Lines = std::vector<std::string>;
  const std::vector<std::pair<std::string, Lines>> corpus = {
      {"", {}},
      {"\n\r\n\r\r\n\n", {}},
      {"a", {"a"}},
      {"a\n", {"a"}},
      {"a\r\n", {"a"}},
      {"a\r\r\n", {"a"}},
      {"a\r", {"a"}},
      {"a\rb\n", {"a\rb"}},
      {"\ra\n", {"\ra"}},
      {"a\n\nb\n", {"a", "b"}},
      {"\n\na", {"a"}},
      {" \n\t\n", {" ", "\t"}},
      {"a\0b\n\0"s, {"a\0b"s, "\0"s}},
      {"\xff\n\xc3\xa9\n", {"\xff", "\xc3\xa9"}},
  };
  for (const auto& [stream, lines] : corpus) {
    for (std::size_t step = 1; step <= stream.size() + 1; ++step) {
      CAPTURE(stream);
      CAPTURE(step);
      CHECK(lines_of(stream, step) == lines);
    }
  }
}

TEST_CASE("long lines come in pieces that lose nothing and cut no character") {
  for (const char* unit : {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x80", "\xf0",
                           "\xe2\x82", "\r", "a\xf0\x9f\x98\x80\x80\x80"}) {
    std::string line;
    while (line.size() < 3 * limits::kLogLine + 5) line += unit;
    line += 'e';
    for (const std::size_t step : {1UL, 7UL, 512UL, 16383UL, 16384UL, 16385UL, 1UL << 20}) {
      CAPTURE(unit);
      CAPTURE(step);
      const auto pieces = lines_of(line + "\n", step);
      CHECK(pieces.size() == 4);
      std::string joined, shown;
      for (const std::string& piece : pieces) {
        CHECK(piece.size() <= limits::kLogLine);
        joined += piece;
        shown += replaced(piece);
      }
      CHECK(joined == line);
      CHECK(shown == replaced(line));
    }
  }
}

TEST_CASE("lines at the very limit") {
  for (const int more : {-1, 0, 1}) {
    const std::string line(limits::kLogLine + static_cast<std::size_t>(more), 'x');
    for (const std::size_t step : {512UL, 1UL << 20}) {
      const auto pieces = lines_of(line + "\r\n", step);
      CHECK(pieces.size() == (more > 0 ? 2 : 1));
      CHECK(pieces.front() == line.substr(0, limits::kLogLine));
    }
  }
}

TEST_CASE("the type of a line goes by its words, the gravest first") {
  const std::vector<std::pair<std::string_view, std::string_view>> corpus = {
      {"hello", "log"},
      {"an ERROR", "error"},
      {"error", "error"},
      {"NoErrorsHere", "error"},
      {"java.lang.Exception: x", "error"},
      {"it failed", "error"},
      {"Fatal", "error"},
      {"warning: x", "warning"},
      {"warn", "warning"},
      {"info: warned", "warning"},
      {"INFO: ready, then an error", "error"},
      {"error, then info", "error"},
      {"INFO:     x", "event"},
      {"Server started", "event"},
      {"is listening", "event"},
      {"already", "event"},  // holds READY
      {"readiness", "log"},
      {"err or", "log"},
      {"inf", "log"},
      {"warnin", "warning"},
      {"erro", "log"},
      {"eerror", "error"},
      {"exceptio exceptioN", "error"},
      {"\xc3\xa9rror", "log"},
      {"", "log"},
  };
  for (const auto& [line, type] : corpus) {
    CAPTURE(line);
    CHECK(line_type(line) == type);
  }
}

TEST_CASE("lines of uvicorn's access log are told from all others") {
  for (const char* line : {R"(INFO:     127.0.0.1:54321 - "GET /health HTTP/1.1" 200 OK)",
                           R"(INFO:     127.0.0.1:54321 - "GET /health HTTP/1.1" 200)",
                           R"(INFO: 10.0.0.1:1 - "POST /v1/x?a=b%20c HTTP/2" 404 Not Found)",
                           R"(INFO:     ::1:80 - "HEAD / HTTP/1.0" 500 Internal Server Error)"}) {
    CAPTURE(line);
    CHECK(is_access_line(line));
    for (std::size_t size = 0; size < std::string_view(line).find("\" ") + 5; ++size) {
      CHECK_FALSE(is_access_line(std::string_view(line).substr(0, size)));
    }
  }
  for (const char* line :
       {"", "INFO:", "INFO:     Application startup complete.",
        R"(INFO:127.0.0.1:1 - "GET / HTTP/1.1" 200)",
        R"( INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 200)",
        R"(ERROR:    127.0.0.1:1 - "GET / HTTP/1.1" 200)",
        R"(INFO:     127.0.0.1 - "GET / HTTP/1.1" 200)", R"(INFO:     :80 - "GET / HTTP/1.1" 200)",
        R"(INFO:     127.0.0.1:1x - "GET / HTTP/1.1" 200)",
        R"(INFO:     127.0.0.1:1 - "get / HTTP/1.1" 200)",
        R"(INFO:     127.0.0.1:1 - "GET HTTP/1.1" 200)",
        R"(INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 2000)",
        R"(INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 20x)",
        R"(INFO:     127.0.0.1:1 - "GET / HTTP/" 200)",
        R"(INFO:     127.0.0.1:1 - "WebSocket /ws" [accepted])"}) {
    CAPTURE(line);
    CHECK_FALSE(is_access_line(line));
  }
}

TEST_CASE("events are the same in every split") {
  const std::string access = R"(INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 200 OK)";
  const std::string stream = frame(1, "out one\r\n" + access + "\nbegun ") +
                             frame(2, "an error\n\xe2\x82") + frame(1, "and ended\n\n") +
                             frame(2, "\xac \"quoted\\\" \x1b[0m\x01\n") +
                             frame(1, "warn\nnot ended") + frame(2, "\xff\xfe");
  const std::vector<Event> expected = {{"log", "out one"},
                                       {"error", "an error"},
                                       {"log", "begun and ended"},
                                       {"log", "\xe2\x82\xac \"quoted\\\" \x1b[0m\x01"},
                                       {"warning", "warn"},
                                       {"log", "not ended"},
                                       {"log", "\xef\xbf\xbd\xef\xbf\xbd"}};
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    CAPTURE(step);
    CHECK(parsed_events(events_of(stream, step)) == expected);
  }
  CHECK(parsed_events(events_of(stream, 7, false, false)).size() == expected.size() + 1);
  const auto tty = parsed_events(events_of("one\r\ntwo\r\n" + access, 3, true));
  CHECK(tty == std::vector<Event>{{"log", "one"}, {"log", "two"}});
}

TEST_CASE("random output in random frames: every line arrives, once and in order") {
  std::mt19937 random(1);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  const std::vector<std::string> parts = {"\n",           "\r",       "\r\n", "a",   "error",
                                          "\xe2\x82\xac", "\xf0\x9f", "\0"s,  "\"\\"};
  for (int round = 0; round < 300; ++round) {
    std::string stream, text[2];
    const bool tty = round % 3 == 0;
    for (std::size_t frames = below(30); frames > 0; --frames) {
      std::string data;
      for (std::size_t count = below(20); count > 0; --count) data += parts[below(parts.size())];
      if (below(20) == 0) data.append(below(3 * limits::kLogLine), 'z');
      const std::size_t side = tty ? 0 : below(2);
      text[side] += data;
      stream += tty ? data : frame(static_cast<char>(side == 0 ? below(2) : 2), data);
    }
    std::string expected, shown;
    for (const std::string& side : text) {
      for (const std::string& line : lines_of(side, side.size() + 1)) expected += replaced(line);
    }
    std::string got[2];
    const auto events = parsed_events(events_of(stream, 1 + below(3000), tty));
    for (const Event& event : events) shown += replaced(event.message);
    CAPTURE(round);
    // Both sides are mixed by line, so that only the sum of what they show is compared.
    std::sort(expected.begin(), expected.end());
    std::sort(shown.begin(), shown.end());
    CHECK(shown == expected);
  }
}

TEST_CASE("whatever comes, one step makes little text") {
  const std::vector<std::string> inputs = {std::string(limits::kLogChunk, '\0'),
                                           std::string(limits::kLogChunk, '\xff')};
  std::string short_lines;
  while (short_lines.size() < limits::kLogChunk) short_lines += "a\n";
  for (const std::string& input : {inputs[0], inputs[1], short_lines}) {
    LogEvents events(true);
    events.open(StreamOpened{true, {}});
    std::string out;
    for (std::size_t taken = 0; taken < input.size();) {
      const auto more = events.encode(std::string_view(input).substr(taken), out);
      REQUIRE(more);
      taken += *more;
      CHECK(out.size() < 8 * limits::kLogLine);
      out.clear();
    }
  }
}

TEST_CASE("the time is that of this host's zone") {
  const std::time_t before = std::time(nullptr);
  const std::string shown(local_time());
  std::tm parts{};
  REQUIRE(::strptime(shown.c_str(), "%Y-%m-%d %H:%M:%S", &parts) != nullptr);
  parts.tm_isdst = -1;
  const std::time_t time = ::mktime(&parts);
  CHECK(time >= before);
  CHECK(time <= std::time(nullptr));
}
