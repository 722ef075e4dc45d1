// SPDX-License-Identifier: Apache-2.0
// One stream of a container's output as lines, and what a line looks like. Front only; the bytes
// are hostile: of any value, with or without an end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include "common/limits.hpp"

namespace dc::daemon {

// Cuts a stream into lines, whatever pieces it comes in. Lines come without the line feed and the
// carriage returns before it; empty ones are left out. One that is longer than limits::kLogLine
// comes in pieces of about that size, of which none ends within a UTF-8 sequence.
class LineCutter {
 public:
  // Calls line(std::string_view) for each line that `bytes` ends; it may view into `bytes`.
  template <class Line>
  void take(std::string_view bytes, const Line& line) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      std::string_view text = bytes.substr(0, end);
      const bool whole = end != std::string_view::npos;
      bytes.remove_prefix(whole ? end + 1 : text.size());
      if (whole && begun_.empty() && text.size() <= limits::kLogLine) {
        give(text, line);
        continue;
      }
      while (begun_.size() + text.size() > limits::kLogLine) {
        fill(text);
        const std::size_t size = piece_size(text.front());
        line(std::string_view(begun_).substr(0, size));
        begun_.erase(0, size);
      }
      begun_ += text;
      if (whole) finish(line);
    }
  }
  // The stream has ended, perhaps within a line.
  template <class Line>
  void finish(const Line& line) {
    give(begun_, line);
    begun_.clear();
  }

 private:
  template <class Line>
  static void give(std::string_view text, const Line& line) {
    while (text.ends_with('\r')) text.remove_suffix(1);
    if (!text.empty()) line(text);
  }
  void fill(std::string_view& text);
  [[nodiscard]] std::size_t piece_size(char next) const;

  std::string begun_;  // the front of a line, limits::kLogLine bytes at most
};

// "error", "warning", "event" or "log", by the words that a line holds in either case.
std::string_view line_type(std::string_view line);

// Whether it is a line of uvicorn's access log: `INFO:     192.0.2.1:80 - "GET /x HTTP/1.1" 200
// OK`.
bool is_access_line(std::string_view line);

}  // namespace dc::daemon
