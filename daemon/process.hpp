// SPDX-License-Identifier: Apache-2.0
// What front and keeper make of their own process before they look at input. Front only.
#pragma once

#include <cstddef>

namespace dc::daemon {

// No core dump, no new privileges, no SIGPIPE, an end together with the parent. False: the parent
// is gone already, or the kernel refused.
[[nodiscard]] bool prepare_process();

// Raises the limit on open descriptors to `wanted` if it is lower and may be raised so far. Returns
// what it is then.
std::size_t allow_descriptors(std::size_t wanted);

// Closes every descriptor from `first` on.
void close_from(int first);

}  // namespace dc::daemon
