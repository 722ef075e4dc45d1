// SPDX-License-Identifier: Apache-2.0
// The field `ports` of containers/run: {"8000/tcp": 7001}. Front; the value is hostile.
#pragma once

#include <string_view>
#include <vector>
#include "common/types.hpp"
#include "daemon/json_body.hpp"

namespace dc::daemon {

// Keys without a protocol are tcp; null and 0 leave the host port to the Engine. A list
// publishes one container port on several host ports. The host address is the policy's, not the
// caller's.
Result<void> read_ports(Json value, std::string_view name, std::vector<Port>& ports);

}  // namespace dc::daemon
