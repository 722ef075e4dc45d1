// SPDX-License-Identifier: Apache-2.0
// Who the processes are: looking up the users, becoming them, and giving up every privilege for
// good. Broker and keeper, at start only.
#pragma once

#include <sys/types.h>
#include <string>
#include <vector>
#include "common/error.hpp"

namespace dc::broker {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
};

struct Identities {
  bool separate = false;  // false: an ordinary user started us, and everything runs as that user
  Identity broker;
  Identity front;
};

// Who to become, given who we are. As root or with CAP_SETUID and CAP_SETGID: the two system users,
// the broker with the group of `docker_socket`. Errors name the command that mends them.
Result<Identities> find_identities(const std::string& docker_socket, bool require_separation);

// Takes on the identity, clears every capability set, sets no_new_privs, makes the process
// undumpable and proves that root cannot be regained. Errors are fatal to the caller.
Result<void> become(const Identity& identity, bool separate);

}  // namespace dc::broker
