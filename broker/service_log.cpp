// SPDX-License-Identifier: Apache-2.0
// The end of a log file of the host. Broker only. The path is the administrator's; who writes the
// log may own its directory, so what stands there is hostile, and no link is followed anywhere in
// the path: it could lead to a file that only the broker may read.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include "broker/execute.hpp"
#include "common/fd.hpp"

namespace dc::broker {
namespace {

const Error kUnreadable{Errc::not_configured, "The log file cannot be read",
                        "it must be a plain file that the user docker-control-broker may read, "
                        "with no symbolic link in its path"};

// The last limits::kServiceLog bytes of a plain file, from the begin of a line where there is one.
Result<std::string> read_end(const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;  // a FIFO must not stop us
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const Fd file(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (!file && errno == ENOENT) return fail(Errc::not_found, "Log file not found");
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return fail(kUnreadable);
  const auto size = static_cast<std::size_t>(info.st_size);
  std::string text(std::min(size, limits::kServiceLog), '\0');
  const auto begin = static_cast<off_t>(size - text.size());
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), begin);
  if (got < 0) return fail(kUnreadable);
  // Less, where the file has shrunk meanwhile.
  text.resize(static_cast<std::size_t>(got));
  if (begin > 0) text.erase(0, text.find('\n') + 1);
  return text;
}

std::string last_lines(std::string text, std::uint32_t lines) {
  if (lines == 0) return {};
  std::size_t begin = text.size();
  if (text.ends_with('\n')) --begin;
  for (; lines > 0; --lines) {
    if (begin == 0 || (begin = text.rfind('\n', begin - 1)) == std::string::npos) return text;
  }
  return text.substr(begin + 1);
}

}  // namespace

void execute(const policy::Allowed<ReadServiceLog>& allowed, const ReplyPtr& reply,
             Context& context) {
  const ReadServiceLog& read = allowed.command();
  const std::string& path = context.service_logs.at(static_cast<std::size_t>(read.log));
  if (path.empty()) {
    return reply->fail({Errc::not_configured, "This log is not configured",
                        "service_log, startup_log and fastapi_log of the configuration name them"});
  }
  auto text = read_end(path);
  if (!text) return reply->fail(text.error());
  reply->data(StreamOpened{false, Text<limits::kPath>::clip(path)});
  send_bytes(reply, last_lines(std::move(*text), read.tail));
}

}  // namespace dc::broker
