// SPDX-License-Identifier: Apache-2.0
// Opens the listening sockets. The keeper's side, at start: the front itself can open none, and the
// broker never has one that reaches the network.
#pragma once

#include <string>
#include <vector>
#include "common/error.hpp"
#include "common/fd.hpp"

namespace dc::daemon {

// `addresses` are ADDR:PORT or [ADDR]:PORT. An IPv6 address on a host without IPv6 is left out when
// another is there.
Result<std::vector<Fd>> open_listen_sockets(const std::vector<std::string>& addresses);

}  // namespace dc::daemon
