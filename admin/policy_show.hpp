// SPDX-License-Identifier: Apache-2.0
// A policy as it is in force, each value with the place it comes from. Command line only.
#pragma once

#include <string>
#include <string_view>
#include "policy/profile.hpp"

namespace dc::admin {

// TOML that loads to the same profiles; `toml` is the file that `policy` was loaded from. Of one
// service, or of all where `service` is empty.
std::string show_policy(const policy::Policy& policy, std::string_view toml,
                        std::string_view service);

}  // namespace dc::admin
