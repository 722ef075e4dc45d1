// SPDX-License-Identifier: Apache-2.0
// What the broker is started with: the configuration file, then the command line over it, then what
// the environment may say as in the service that we replace. Broker only, before anything hostile
// is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "common/secret.hpp"

namespace dc::broker {

struct KeyFile {
  std::string file;
  std::optional<std::string> kid;
  bool require_exp = true;
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
  std::vector<KeyFile> keys;
};

inline constexpr const char* kDefaultConfig = "/etc/docker-control/config.toml";

// Applies the file's text to `config`. All problems, as "FILE:LINE:COLUMN: what to do", are in the
// error's detail.
Result<void> apply_config(std::string_view toml, const std::string& file, Config& config);

// Takes DOCKER_CONTROL_JWT_SECRET out of the environment: the bytes are moved to locked memory and
// overwritten where they were, so that /proc/PID/environ shows nothing. Empty when it is not set.
Secret take_secret_from_environment();

// DEV_MODE and DOCKER_HOST=unix://PATH, as the seeds use them.
Result<void> apply_environment(Config& config);

}  // namespace dc::broker
