// SPDX-License-Identifier: Apache-2.0
// Pages for key material. Broker and command line; a library of its own, so that the front does not
// link it.
#include "common/secret.hpp"
#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero is not in <cstring>
#include <sys/mman.h>
#include <algorithm>

namespace dc {

Secret::Secret(std::size_t capacity) {
  if (capacity == 0) return;
  void* pages =
      ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return;
  // Best effort: the limit on locked memory may be 0, and an unlocked key beats no service.
  ::mlock(pages, capacity);
  ::madvise(pages, capacity, MADV_DONTDUMP);
  ::madvise(pages, capacity, MADV_WIPEONFORK);
  data_ = static_cast<char*>(pages);
  size_ = capacity_ = capacity;
}

Secret::Secret(std::string_view bytes) : Secret(bytes.size()) {
  if (data_ != nullptr) std::copy(bytes.begin(), bytes.end(), data_);
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void Secret::wipe() {
  if (data_ == nullptr) return;
  ::explicit_bzero(data_, capacity_);
  ::munmap(data_, capacity_);
  data_ = nullptr;
  size_ = capacity_ = 0;
}

}  // namespace dc
