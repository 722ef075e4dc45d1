// SPDX-License-Identifier: Apache-2.0
// Checks by descriptor, so that what was checked is what is read. Broker only.
#include "broker/trusted_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/fd.hpp"

namespace dc::broker {

Result<std::size_t> read_trusted_file(const std::string& path, mode_t forbidden, char* data,
                                      std::size_t max) {
  // O_NONBLOCK: a FIFO in its place must not stop us.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) {
    return fail(Errc::invalid_request, "cannot read " + path + ": " + std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) return fail(Errc::invalid_request, path + " is not a plain file");
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return fail(Errc::invalid_request, path + " belongs to another user", "chown root " + path);
  }
  if ((info.st_mode & forbidden) != 0) {
    return fail(Errc::invalid_request, path + " is open to other users",
                "chmod " + std::string(forbidden == kWritableByOthers ? "go-w " : "o= ") + path);
  }
  std::size_t size = 0;
  while (true) {
    // At the cap one byte more is asked for, to tell the end from the rest of a larger file.
    char extra = 0;
    const bool full = size == max;
    const ssize_t got = ::read(file.get(), full ? &extra : data + size, full ? 1 : max - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::invalid_request, "cannot read " + path);
    if (got == 0) return size;
    if (full) {
      return fail(Errc::invalid_request,
                  path + " is larger than " + std::to_string(max) + " bytes");
    }
    size += static_cast<std::size_t>(got);
  }
}

Result<std::string> read_trusted_text(const std::string& path, std::size_t max) {
  std::string text(max, '\0');
  const auto size = read_trusted_file(path, kWritableByOthers, text.data(), text.size());
  if (!size) return fail(size.error());
  text.resize(*size);
  return text;
}

}  // namespace dc::broker
