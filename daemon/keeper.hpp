// SPDX-License-Identifier: Apache-2.0
// The keeper: the parent of the fronts. Has the front's identity, holds the listening sockets,
// starts fronts and nothing else; reads no byte from the network. Trusts the broker's control
// socket.
#pragma once

namespace dc::daemon {

// `arguments`: PASSED [ADDR:PORT...], see common/keeper_protocol.hpp. Returns the exit status.
int run_keeper(int count, char** arguments);

}  // namespace dc::daemon
