// SPDX-License-Identifier: Apache-2.0
// A caller whose token the broker has verified. Both sides; the broker's copy is the one that
// counts.
#pragma once

#include "common/scopes.hpp"
#include "common/types.hpp"

namespace dc {

struct Principal {
  ServiceName service;
  Scopes scopes;  // of the profile, narrowed by the token's own claim
};

}  // namespace dc
