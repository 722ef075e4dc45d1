// SPDX-License-Identifier: Apache-2.0
// Reading the administrator's files: opened once, checked by descriptor, size capped. Broker only.
// A file that is not plain, or not root's or ours, is refused.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "common/error.hpp"

namespace dc::broker {

// Permission bits that a file must not have.
inline constexpr mode_t kWritableByOthers = 022;  // configuration and policy
inline constexpr mode_t kReadableByOthers = 027;  // keys; a group may read them

// Reads at most `max` bytes to `data`; how many there were. A larger file is an error.
Result<std::size_t> read_trusted_file(const std::string& path, mode_t forbidden, char* data,
                                      std::size_t max);
// Configuration and policy.
Result<std::string> read_trusted_text(const std::string& path, std::size_t max);

}  // namespace dc::broker
