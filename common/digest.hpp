// SPDX-License-Identifier: Apache-2.0
// SHA-256. Broker and command line.
#pragma once

#include <string>
#include <string_view>

namespace dc {

// 64 lower-case hexadecimal digits. Empty when the library fails, which equals no digest.
std::string sha256_hex(std::string_view bytes);

}  // namespace dc
