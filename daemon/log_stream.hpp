// SPDX-License-Identifier: Apache-2.0
// A container's log as server-sent events, one for each line. Front only; the output is hostile,
// the Engine's framing around it is checked.
#pragma once

#include <array>
#include "common/log_frames.hpp"
#include "daemon/event_stream.hpp"
#include "daemon/log_lines.hpp"

namespace dc::daemon {

// {"type","message","timestamp","raw":true} for each line; the time is that at which it came by.
class LogEvents final : public EventEncoder {
 public:
  // `follow`: access-log lines, which health checks make many of, are left out.
  // `timestamps`: the Engine's stands before each line.
  explicit LogEvents(bool follow, bool timestamps = false)
      : follow_(follow), timestamps_(timestamps) {}

  void open(const StreamOpened& opened) override { tty_ = opened.tty; }
  Result<std::size_t> encode(std::string_view bytes, std::string& out) override;
  void finish(std::string& out) override;

 private:
  void append_event(std::string_view line, std::string& out) const;

  const bool follow_, timestamps_;
  bool tty_ = false;  // one plain stream, not frames of two
  LogFrames frames_;
  std::array<LineCutter, 2> lines_;  // of stdout and of stderr
};

}  // namespace dc::daemon
