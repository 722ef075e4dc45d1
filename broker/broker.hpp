// SPDX-License-Identifier: Apache-2.0
// What the broker is started with, and its loop. Broker only; all but serve() before anything
// hostile is read.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "broker/audit.hpp"
#include "broker/identity.hpp"
#include "broker/ownership.hpp"
#include "broker/revocations.hpp"
#include "common/fd.hpp"
#include "common/token_keys.hpp"
#include "common/types.hpp"
#include "policy/profile.hpp"

namespace dc::broker {

// A [[key]], or a [[jwks]], whose keys bring algorithm and kid of their own.
struct KeyFile {
  std::string file;
  jwt::Algorithm algorithm = jwt::Algorithm::hs256;
  std::optional<std::string> kid;
  KeySettings settings;
};

struct Config {
  std::vector<std::string> listen = {"0.0.0.0:8002", "[::]:8002"};
  std::string docker_socket = "/var/run/docker.sock";
  std::string policy = "/etc/docker-control/policy.toml";
  std::string audit = "/var/log/docker-control/audit.jsonl";
  std::string state_dir = "/var/lib/docker-control";
  std::string
      front_executable;  // empty: docker-controld beside us, or in ../daemon of a build tree
  bool require_separation = false;
  bool front_policy_check = true;  // false in tests: the broker alone decides
  bool dev = false;
  std::uint32_t max_connections = limits::kConnections;
  std::uint32_t max_connections_per_address = limits::kConnectionsPerAddress;
  std::vector<Authority> hosts;
  // The pages of the users of the service that we replace.
  std::vector<Origin> cors_origins = {*Origin::parse("http://localhost:8000"),
                                      *Origin::parse("http://127.0.0.1:8000")};
  bool public_metrics = false;
  std::vector<KeyFile> keys;
  std::vector<KeyFile> key_sets;
  std::chrono::seconds leeway = limits::kTokenLeeway;
  std::string revocations;                  // a path; empty: none
  std::array<std::string, 3> service_logs;  // paths by ServiceLog; empty: not to be read
};

// What was said on the command line; empty where nothing was.
struct CommandLine {
  std::string config, docker_socket, policy, audit;
  std::vector<std::string> listen;
  bool dev = false;
};

inline constexpr const char* kDefaultConfig = "/etc/docker-control/config.toml";

// Applies the file's text to `config`. All problems, as "FILE:LINE:COLUMN: what to do", are in the
// error's detail.
Result<void> apply_config(std::string_view toml, const std::string& file, Config& config);

// Takes DOCKER_CONTROL_JWT_SECRET out of the environment: the bytes are moved to locked memory and
// overwritten where they were, so that /proc/PID/environ shows nothing. Empty when it is not set.
Secret take_secret_from_environment();

// DEV_MODE, DOCKER_HOST=unix://PATH and the paths of logs, as the seeds use them.
Result<void> apply_environment(Config& config);

// What decides over a caller. SIGHUP reads it again, all of it or nothing.
struct Rules {
  policy::Snapshot policy;
  TokenKeys keys;
  Revocations revocations;
};

// Everything that is taken while the process may still take it.
struct Startup {
  CommandLine options;
  Config config;
  TokenKeyPtr environment_key;  // of DOCKER_CONTROL_JWT_SECRET; may be absent
  Rules rules;
  Secret instance_key;
  AuditFiles audit;
  Fd front_executable;
  std::vector<Fd> listeners;  // passed by the service manager; else the keeper opens its own
  Identities identities;
};

// Reads and opens everything that the configuration names: file, then environment, then command
// line, the later winning. The error is one that the administrator can mend.
Result<Startup> prepare(const CommandLine& options, Secret environment_key);

// Reads the configuration and the files of the rules that it names, as SIGHUP wants it: policy,
// keys and revocations are taken, what else it says needs a restart. All problems are in the
// error's detail.
Result<Rules> reload_rules(const CommandLine& options, const TokenKeyPtr& environment_key);

// Says in the log which files of the rules this process, which has given up its privileges, will
// not be able to read again.
void warn_of_unreadable(const CommandLine& options, const Config& config);

// Forks the keeper, gives up every privilege and serves until told to stop. Returns the exit
// status.
int serve(Startup startup);

}  // namespace dc::broker
