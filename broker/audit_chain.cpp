// SPDX-License-Identifier: Apache-2.0
// Reads the chain's end, appends to it, changes the file. Broker only.
#include "broker/audit_chain.hpp"
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include "common/digest.hpp"
#include "common/limits.hpp"

namespace dc::broker {

// What the file ends with.
struct AuditChain::End {
  bool empty = true;              // or a device: it has no end to go on from
  std::optional<AuditHead> last;  // its last whole line
  std::string prev;               // of that
  std::string torn;               // what follows it, without the last newline
};

AuditChain::AuditChain(AuditFiles files) : files_(std::move(files)) {
  std::array<char, kHeadSize + 1> text{};
  const ssize_t size = ::pread(files_.head.get(), text.data(), text.size(), 0);
  const auto head =
      dc::read_head({text.data(), static_cast<std::size_t>(std::max<ssize_t>(0, size))});
  const End end = read_end();
  torn_ = end.torn;
  resume(end, head);
  if (size > 0 && !head) {
    found_ = Found::broken;
    breakage_ = "audit.head is not of our making";
  }
}

AuditChain::End AuditChain::read_end() {
  struct stat info {};
  if (::fstat(files_.file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) {
    return {};
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  std::string text(std::min(size, limits::kAuditEnd), '\0');
  const ssize_t got =
      ::pread(files_.file.get(), text.data(), text.size(), static_cast<off_t>(size - text.size()));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  newline_owed_ = !text.ends_with('\n');
  if (!newline_owed_) text.pop_back();
  End end{false, {}, {}, {}};
  for (std::size_t stop = text.size();;) {
    const std::size_t newline = stop == 0 ? std::string::npos : text.rfind('\n', stop - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    const std::string_view line = std::string_view(text).substr(begin, stop - begin);
    if (auto link = read_link(line)) {
      end.last = AuditHead{link->seq, sha256_hex(line)};
      end.prev = std::move(link->prev);
      if (stop < text.size()) end.torn = text.substr(stop + 1);
      return end;
    }
    if (begin == 0) break;
    stop = begin - 1;
  }
  // No line was ever whole.
  if (size == text.size() + (newline_owed_ ? 0 : 1)) end.torn = std::move(text);
  return end;
}

void AuditChain::resume(const End& end, const std::optional<AuditHead>& head) {
  if (!end.last) {
    if (head) last_ = *head;
    found_ = head ? Found::new_file : Found::nothing;
    // More than a line can be is not the rest of one.
    if (!end.empty && end.torn.empty()) {
      found_ = Found::broken;
      breakage_ = "the file ends with no line of ours";
    }
    return;
  }
  found_ = Found::whole;
  last_ = *end.last;
  if (!head) {
    found_ = Found::broken;
    breakage_ = "audit.head is missing; the file ends with line " + std::to_string(last_.seq);
    return;
  }
  const bool same = last_.seq == head->seq && last_.hash == head->hash;
  // The head is written after the line, and the process may end in between.
  const bool one_behind = last_.seq == head->seq + 1 && end.prev == head->hash;
  if (same || one_behind) return;
  found_ = Found::broken;
  breakage_ = fmt::format("the file ends with line {} of hash {}, audit.head says {} of hash {}",
                          last_.seq, last_.hash, head->seq, head->hash);
  // No number is given twice, so that the gap shows how many lines were cut off.
  last_.seq = std::max(last_.seq, head->seq);
}

bool AuditChain::append(std::string_view members) {
  const std::string line =
      begin_line({last_.seq + 1, last_.hash}) + ',' + std::string(members) + '}';
  const std::string bytes = (newline_owed_ ? "\n" : "") + line + '\n';
  ssize_t written = 0;
  do {
    written = ::write(files_.file.get(), bytes.data(), bytes.size());
  } while (written < 0 && errno == EINTR);
  if (written <= 0) return false;
  const std::size_t missing = bytes.size() - static_cast<std::size_t>(written);
  if (missing <= 1) {  // but for the newline, it is whole
    torn_.clear();
    commit(line);
  } else if (missing <= line.size()) {
    if (newline_owed_ && !torn_.empty()) torn_ += '\n';
    torn_ += line.substr(0, line.size() + 1 - missing);
  }  // else the newline that was owed, and no more
  newline_owed_ = missing > 0 && missing <= line.size();
  if (missing > 0) errno = 0;
  return missing == 0;
}

void AuditChain::commit(std::string_view line) {
  last_ = {last_.seq + 1, sha256_hex(line)};
  const std::string head = dc::write_head(last_);
  const bool done =
      ::pwrite(files_.head.get(), head.data(), head.size(), 0) == static_cast<ssize_t>(head.size());
  if (!done && !head_failing_) {
    spdlog::error("audit.head cannot be written ({}): the next start will call the chain broken",
                  std::strerror(errno));
  }
  head_failing_ = !done;
}

Result<void> AuditChain::reopen() {
  const auto refuse = [this](const std::string& why) {
    return fail(Errc::invalid_request, files_.path + " " + why);
  };
  constexpr int kFlags =
      O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  Fd file(::open(files_.path.c_str(), kFlags, 0640));
  struct stat now {
  }, before{};
  if (!file || ::fstat(file.get(), &now) != 0 || ::fstat(files_.file.get(), &before) != 0) {
    return refuse(std::string("cannot be opened: ") + std::strerror(errno));
  }
  if (now.st_dev == before.st_dev && now.st_ino == before.st_ino) {
    return refuse("is still the same file");
  }
  if (!S_ISREG(now.st_mode) || now.st_uid != ::geteuid() || (now.st_mode & 027) != 0) {
    return refuse("is not a plain file of our own that others cannot write or read");
  }
  if (now.st_size != 0) return refuse("holds something already");
  files_.file = std::move(file);
  newline_owed_ = false;
  return {};
}

}  // namespace dc::broker
