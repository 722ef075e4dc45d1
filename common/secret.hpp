// SPDX-License-Identifier: Apache-2.0
// Bytes that must not leak: key material. Broker and command line; never in the front.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace dc {

// A fixed-capacity buffer in its own locked pages that a core dump leaves out and a forked child
// sees as zeroes; wiped when destroyed. Move-only, with no formatter.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t capacity);  // zeroed; empty() when the kernel gives no page
  explicit Secret(std::string_view bytes);
  Secret(Secret&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  [[nodiscard]] std::string_view view() const& { return {data_, size_}; }
  std::string_view view() && = delete;
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] char* data() { return data_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  void resize(std::size_t size) { size_ = size < capacity_ ? size : capacity_; }
  void wipe();

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace dc
