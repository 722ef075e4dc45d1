// SPDX-License-Identifier: Apache-2.0
// Reads lines, with a bound on their size. Command line only.
#include "admin/audit_reader.hpp"
#include <sys/stat.h>
#include <cerrno>
#include <cstring>

namespace dc::admin {
namespace {

// Longer than any line of the broker's, which stay under 512 KiB; what is over it is dropped, and
// the line then is none of ours.
constexpr std::size_t kLongestLine = 1024 * 1024;

}  // namespace

Result<LineReader> LineReader::open(const std::string& file) {
  if (file == "-") return LineReader("-", stdin);
  std::FILE* const opened = std::fopen(file.c_str(), "re");
  if (opened == nullptr) {
    return fail(Errc::invalid_request, "cannot open " + file + ": " + std::strerror(errno));
  }
  struct stat info {};
  if (::fstat(::fileno(opened), &info) == 0 && S_ISDIR(info.st_mode)) {
    (void)std::fclose(opened);
    return fail(Errc::invalid_request, file + " is a directory");
  }
  return LineReader(file, opened);
}

bool LineReader::next() {
  if (complete_) text_.clear();
  complete_ = false;
  std::clearerr(file_.get());
  for (int c = 0; (c = ::getc_unlocked(file_.get())) != EOF;) {
    if (c == '\n') {
      ++number_;
      complete_ = true;
      return true;
    }
    if (text_.size() < kLongestLine) text_ += static_cast<char>(c);
  }
  return false;
}

bool LineReader::replaced() const {
  struct stat open {
  }, now{};
  if (::fstat(::fileno(file_.get()), &open) != 0 || ::stat(name_.c_str(), &now) != 0) return false;
  return open.st_ino != now.st_ino || open.st_dev != now.st_dev ||
         now.st_size < std::ftell(file_.get());
}

}  // namespace dc::admin
