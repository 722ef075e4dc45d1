// SPDX-License-Identifier: Apache-2.0
// docker-control status. Command line only; reads the state directory and asks no process.
#pragma once

#include <string>

namespace dc::admin {

// Prints what the service is doing. The exit status is that of LSB: 0 well, 1 running and not well,
// 3 not running, 4 unknown.
int print_status(const std::string& state_dir, bool json);

}  // namespace dc::admin
