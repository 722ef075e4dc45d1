// SPDX-License-Identifier: Apache-2.0
// Process attributes. Front only.
#include "daemon/process.hpp"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <climits>
#include <csignal>

namespace dc::daemon {

bool prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return false;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return false;
  // The parent may have ended before the line above: then init has adopted us and no signal comes.
  return ::getppid() != 1;
}

std::size_t allow_descriptors(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

void close_from(int first) { ::close_range(static_cast<unsigned>(first), UINT_MAX, 0); }

}  // namespace dc::daemon
