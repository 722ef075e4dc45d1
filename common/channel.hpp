// SPDX-License-Identifier: Apache-2.0
// One end of the SEQPACKET socketpair between front and broker: one datagram, one frame. Both
// sides. Receives without a control buffer, so that descriptors a hostile peer passes are dropped
// by the kernel; that and a truncated datagram are a breach, an empty one reads like the end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "common/fd.hpp"

namespace dc {

class Channel {
 public:
  enum class Received : unsigned char { frame, nothing, closed, breach };
  enum class Sent : unsigned char { all, would_block, closed };

  explicit Channel(Fd fd);

  // Reads one datagram without blocking. On `frame`, `bytes` views it until forget() or the next
  // receive().
  Received receive(std::string_view& bytes);
  // Overwrites what was received last: tokens and passwords travel here.
  void forget();
  Sent send(std::string_view frame);
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Two connected ends, close-on-exec, non-blocking. Empty on failure (errno is set).
  static std::optional<std::pair<Fd, Fd>> make_pair();

 private:
  Fd fd_;
  std::vector<char> buffer_;
  std::size_t received_ = 0;
};

}  // namespace dc
