// SPDX-License-Identifier: Apache-2.0
// The demultiplexer. Both sides.
#include "common/log_frames.hpp"
#include <algorithm>

namespace dc {

bool LogFrames::take(std::string_view bytes,
                     const std::function<void(bool, std::string_view)>& data) {
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::size_t size = std::min<std::size_t>(left_, bytes.size());
      data(err_, bytes.substr(0, size));
      bytes.remove_prefix(size);
      left_ -= static_cast<std::uint32_t>(size);
      continue;
    }
    const std::size_t size = std::min(header_.size() - header_size_, bytes.size());
    std::copy_n(bytes.begin(), size, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += size;
    bytes.remove_prefix(size);
    if (header_size_ == header_.size() && !read_header()) return false;
  }
  return true;
}

// Stream type 0 to 2, three zero bytes, length in network order.
bool LogFrames::read_header() {
  header_size_ = 0;
  err_ = header_[0] == 2;
  if (header_[0] < 0 || header_[0] > 2) return false;
  if (header_[1] != 0 || header_[2] != 0 || header_[3] != 0) return false;
  for (std::size_t i = 4; i < header_.size(); ++i) {
    left_ = (left_ << 8) | static_cast<unsigned char>(header_[i]);
  }
  return true;
}

}  // namespace dc
