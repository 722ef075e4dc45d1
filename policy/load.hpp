// SPDX-License-Identifier: Apache-2.0
// Reads the policy file (TOML). Broker and command line only; the file is the administrator's, the
// bytes are still checked in full: an unknown key or a bad value refuses the whole file.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include "policy/profile.hpp"

namespace dc::policy {

// One thing wrong with the file, or worth a second thought. Lines and columns count from 1; 0 when
// none applies.
struct Problem {
  unsigned line = 0;
  unsigned column = 0;
  std::string message;  // what is wrong and what to write instead
};

// "FILE:LINE:COLUMN: message" for logs and the command line.
std::string to_string(const Problem& problem, std::string_view file);

struct Loaded {
  Policy policy;                  // empty when there are problems
  std::vector<Problem> problems;  // all that were found, in the file's order
  std::vector<Problem> warnings;  // settings that are allowed and dangerous: what can happen
};

Loaded load(std::string_view toml);

// What a service has of which the file says nothing but its name: finite limits, no rights.
Profile blank_profile(ServiceName service);

}  // namespace dc::policy
