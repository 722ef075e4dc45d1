// SPDX-License-Identifier: Apache-2.0
// The Engine's refusals in our words. Broker only: its own texts name host paths and echo hostile
// strings, so callers get constant sentences and the log gets the text.
#pragma once

#include <string>

#include "broker/engine.hpp"
#include "common/error.hpp"

namespace dc::broker {

enum class EngineStep : unsigned char { find, create, start, stop, restart, remove, pull, network };

// For a response whose status is not the success of `step`. Logs the Engine's text.
Error engine_error(EngineStep step, const EngineResponse& response);

}  // namespace dc::broker
