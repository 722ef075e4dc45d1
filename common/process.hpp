// SPDX-License-Identifier: Apache-2.0
// The tie between parent and child. Both sides.
#pragma once
#include <sys/prctl.h>
#include <unistd.h>
#include <csignal>

namespace dc {

// The kernel kills this process when `parent` ends; a change of user undoes it. False: it has
// ended.
inline bool die_with_parent(pid_t parent) {
  return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == parent;
}

}  // namespace dc
