// SPDX-License-Identifier: Apache-2.0
// Takes a container's output out of the Engine's stream framing (8 bytes of header, then data), in
// any split. Both sides; the header is the Engine's, the data is hostile and never parsed. A
// frame's length may be anything, nothing is kept of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace dc {

class LogFrames {
 public:
  // `data` gets each piece of output as it comes, in order, and whether it is of stderr. False: not
  // a stream of frames.
  bool take(std::string_view bytes, const std::function<void(bool err, std::string_view)>& data);

 private:
  bool read_header();
  std::array<char, 8> header_{};
  std::size_t header_size_ = 0;
  bool err_ = false;
  std::uint32_t left_ = 0;  // bytes of the frame under way
};

}  // namespace dc
