// SPDX-License-Identifier: Apache-2.0
// What no policy can hand out: places of the host, devices and capabilities with which a container
// could take the host over. The loader refuses a file that lists one, the checks refuse it again.
// Both sides; pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include "common/container_types.hpp"

namespace dc::policy {

// Why the path, in its one spelling, can never be mounted, as the end of a sentence ("it would give
// away /etc"); empty: it can. Knows paths alone; what is behind them is for the broker to look at.
std::string never_mounted(std::string_view path);

// The places that never_mounted() goes by, for the broker to know them by what they are.
std::span<const std::string_view> secret_places();

// Whether the node, or directory of nodes, can never be given.
bool is_never_given(const DevicePath& path);

// Whether the capability can never be had; `all` is not one.
bool is_never_had(Capability capability);

// Whether the capability is about the network, which on `host` is the host's own.
bool is_network_capability(Capability capability);

}  // namespace dc::policy
