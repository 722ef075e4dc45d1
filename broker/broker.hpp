// SPDX-License-Identifier: Apache-2.0
// The broker put together: what it is started with, and its loop. Broker only.
#pragma once

#include <string>
#include <vector>

#include "broker/audit.hpp"
#include "broker/config.hpp"
#include "broker/identity.hpp"
#include "broker/ownership.hpp"
#include "common/fd.hpp"
#include "common/token_keys.hpp"
#include "policy/profile.hpp"

namespace dc::broker {

// Everything that is taken while the process may still take it.
struct Startup {
  Config config;
  TokenKeys keys;
  policy::Snapshot policy;
  Secret instance_key;
  Fd audit;
  Fd front_executable;
  std::vector<Fd> listeners;  // passed by the service manager; else the keeper opens its own
  Identities identities;
};

// Reads and opens everything that `config` names. The error is one that the administrator can mend.
Result<Startup> prepare(Config config, Secret environment_key);

// Reads and compiles the policy file. All problems are in the error's detail.
Result<policy::Snapshot> load_policy(const std::string& path);

// Forks the keeper, gives up every privilege and serves until told to stop. Returns the exit
// status.
int serve(Startup startup);

}  // namespace dc::broker
