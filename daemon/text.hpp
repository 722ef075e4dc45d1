// SPDX-License-Identifier: Apache-2.0
// Outside bytes made fit for a log line or an error sentence. Front only; every input may be
// hostile.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dc::daemon {

// Printable ASCII as it is, every other byte and the backslash as \xNN; at most `max` bytes of
// input, then "...".
std::string escape(std::string_view bytes, std::size_t max = 200);

// escape() in double quotes, short: names a caller's own word in an error sentence.
std::string quote(std::string_view bytes);

}  // namespace dc::daemon
