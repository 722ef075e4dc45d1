// SPDX-License-Identifier: Apache-2.0
// From the Engine's log stream to events. Front only; see the head of log_stream.hpp.
#include "daemon/log_stream.hpp"
#include "common/json_text.hpp"

namespace dc::daemon {
namespace {

// Input between two looks at how much text there is: an empty-looking line of two bytes becomes an
// event of a hundred.
constexpr std::size_t kSlice = 512;

}  // namespace

Result<std::size_t> LogEvents::encode(std::string_view bytes, std::string& out) {
  const auto line = [&](std::string_view text) { append_event(text, out); };
  std::size_t taken = 0;
  while (taken < bytes.size() && out.size() < kEventBatch) {
    const std::string_view slice = bytes.substr(taken, kSlice);
    taken += slice.size();
    if (tty_) {
      lines_[0].take(slice, line);
      continue;
    }
    const bool valid = frames_.take(
        slice, [&](bool err, std::string_view output) { lines_[err ? 1 : 0].take(output, line); });
    if (!valid) return dc::fail(Errc::engine_failure, "The Docker Engine's log cannot be read");
  }
  return taken;
}

void LogEvents::finish(std::string& out) {
  for (LineCutter& lines : lines_) {
    lines.finish([&](std::string_view text) { append_event(text, out); });
  }
}

void LogEvents::append_event(std::string_view line, std::string& out) const {
  // With timestamps the Engine's stands before what the container printed.
  const std::size_t printed = timestamps_ ? line.find(' ') + 1 : 0;
  if (follow_ && is_access_line(line.substr(printed))) return;
  out.append(R"(data: {"type":")").append(line_type(line)).append(R"(","message":)");
  append_json_string(out, line);
  out.append(R"(,"timestamp":")").append(local_time()).append("\",\"raw\":true}\n\n");
}

}  // namespace dc::daemon
