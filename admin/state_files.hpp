// SPDX-License-Identifier: Apache-2.0
// What the broker keeps in its state directory for us to read. Command line only.
#pragma once

#include <string>
#include "common/audit_link.hpp"
#include "common/error.hpp"

namespace dc::admin {

inline constexpr const char* kStateDir = "/var/lib/docker-control";

// The whole of a small file.
Result<std::string> read_small_file(const std::string& file);

// An audit.head. An empty one, of a broker that has written nothing yet, is of line 0.
Result<AuditHead> read_head_file(const std::string& file);

// Whether a broker lives: it holds a lock on its audit.head.
Result<bool> broker_lives(const std::string& state_dir);

}  // namespace dc::admin
