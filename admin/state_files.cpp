// SPDX-License-Identifier: Apache-2.0
// Reads the state directory, which the broker's user owns. Command line only.
#include "admin/state_files.hpp"
#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include "common/fd.hpp"

namespace dc::admin {
namespace {

constexpr std::size_t kSmallFile = 64 * 1024;

tl::unexpected<Error> refuse(const std::string& what) {
  const bool forbidden = errno == EACCES;
  return fail(Errc::invalid_request, "cannot " + what + ": " + std::strerror(errno) +
                                         (forbidden ? "; be root or docker-control-broker" : ""));
}

}  // namespace

Result<std::string> read_small_file(const std::string& file) {
  // O_NONBLOCK: a FIFO in its place must not stop us.
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  std::string text(kSmallFile, '\0');
  const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (size < 0) return refuse("read " + file);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<AuditHead> read_head_file(const std::string& file) {
  const auto text = read_small_file(file);
  if (!text) return fail(text.error());
  if (text->empty()) return AuditHead{0, std::string(kNoLine)};
  auto head = read_head(*text);
  if (!head) return fail(Errc::invalid_request, file + " is not the head of an audit");
  return *head;
}

Result<bool> broker_lives(const std::string& state_dir) {
  const std::string file = state_dir + "/audit.head";
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;  // would it have to wait?
  if (!fd || ::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0) return refuse("read " + file);
  return lock.l_type != F_UNLCK;
}

}  // namespace dc::admin
