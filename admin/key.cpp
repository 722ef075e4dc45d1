// SPDX-License-Identifier: Apache-2.0
// Token keys in files, in the environment and from the kernel's random numbers. Command line only.
#include "admin/key.hpp"
#include <fcntl.h>
#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero is not in <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include "common/fd.hpp"
#include "common/jwt.hpp"
#include "common/limits.hpp"
#include "common/token_keys.hpp"

namespace dc::admin {
namespace {

auto refuse(const std::string& what) { return fail(Errc::invalid_request, what); }
auto refuse_errno(const std::string& what) { return refuse(what + ": " + ::strerror(errno)); }

Result<Secret> read_file(const std::string& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return refuse_errno("cannot open " + file);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return refuse_errno("cannot read " + file);
  if (S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0) {
    return refuse(file + " can be read by every user of this machine; chmod 0400 it");
  }
  Secret key(limits::kPublicKeyFile);  // a private key of RSA is not longer
  if (key.empty()) return refuse_errno("no memory for the key");
  std::size_t size = 0;
  while (size < key.capacity()) {
    const ssize_t got = ::read(fd.get(), key.data() + size, key.capacity() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse_errno("cannot read " + file);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  // As the broker does, or the two would not mean the same key.
  if (size > 0 && key.data()[size - 1] == '\n') --size;
  if (size > 0 && key.data()[size - 1] == '\r') --size;
  key.resize(size);
  return key;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

Result<SigningKey> read_key(const std::string& file) {
  if (!file.empty()) {
    auto read = read_file(file);
    if (!read) return fail(read.error());
    return SigningKey::from(std::move(*read));
  }
  const char* const value = std::getenv("DOCKER_CONTROL_JWT_SECRET");
  if (value == nullptr) return refuse("no key: give --key FILE or set DOCKER_CONTROL_JWT_SECRET");
  return SigningKey::from(Secret(std::string_view(value)));
}

Result<Secret> make_random(std::size_t size) {
  Secret bytes(size);
  if (bytes.empty() || ::getentropy(bytes.data(), size) != 0) {
    return refuse_errno("no random numbers");
  }
  std::string text = jwt::encode_base64url(bytes.view());
  Secret encoded{std::string_view(text)};
  ::explicit_bzero(text.data(), text.size());
  if (encoded.empty()) return refuse_errno("no memory for the key");
  return encoded;
}

Result<void> write_key(const std::string& file, std::string_view key, mode_t mode) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) return refuse_errno("cannot create " + file);
  const std::string_view end = key.ends_with('\n') ? "" : "\n";
  if (write_all(fd.get(), key) && write_all(fd.get(), end) && ::fsync(fd.get()) == 0) return {};
  auto failed = refuse_errno("cannot write " + file);
  ::unlink(file.c_str());
  return failed;
}

}  // namespace dc::admin
