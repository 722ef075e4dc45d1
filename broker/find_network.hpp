// SPDX-License-Identifier: Apache-2.0
// The network that a caller names. Broker only. Names and labels in the Engine's answer are
// hostile.
#pragma once

#include "broker/engine.hpp"
#include "broker/ownership.hpp"

namespace dc::broker {

// What the Engine says of a network.
struct Network {
  NetworkId id;
  NetworkName name;
  OwnerLabels labels;
  bool local_bridge;
  bool plain;  // of no mode, and with no option but the host's defaults
};

// The network in the answer to an inspect of `name`. Errors: not_found, also when the Engine took
// the name for the prefix of an id; network_not_allowed when it is no local bridge.
Result<Network> read_bridge(Result<EngineResponse> response, const NetworkName& name);

}  // namespace dc::broker
