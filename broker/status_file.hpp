// SPDX-License-Identifier: Apache-2.0
// state_dir/status.json: what docker-control status shows. Broker only; no secrets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include "common/messages.hpp"

namespace dc::broker {

// Only what changes seldom: the file is written anew with each change.
struct ServiceStatus {
  std::string policy;          // file
  std::string policy_problem;  // why the newest one is not in force; empty: it is
  std::size_t profiles = 0;
  std::uint64_t generation = 1;
  std::time_t loaded = 0;
  EngineState engine = EngineState::unknown;
  DiskState disk = DiskState::unknown;
  std::string audit;  // file
  bool audit_writable = true;
  bool separate = false;  // broker and front run as two users
  bool draining = false;
};

class StatusFile {
 public:
  explicit StatusFile(const std::string& state_dir)
      : path_(state_dir + "/status.json"), started_(std::time(nullptr)) {}
  // Replaces the file, if there is anything new. A failure is logged once.
  void show(const ServiceStatus& status);

 private:
  std::string path_;
  std::time_t started_;
  std::string shown_;
  bool failing_ = false;
};

}  // namespace dc::broker
