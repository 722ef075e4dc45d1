// SPDX-License-Identifier: Apache-2.0
// Text of unknown origin on a terminal. Command line only.
#pragma once

#include <string>
#include <string_view>

namespace dc::admin {

// Printable ASCII as it is, every other byte as \xNN, a backslash doubled: nothing moves the
// cursor, and nothing looks like what it is not.
std::string printable(std::string_view text);

// A JSON line that stays JSON: control characters, marks of writing direction and bytes that are
// not UTF-8 become escapes, which in a line of the broker's they are already.
std::string printable_json(std::string_view line);

}  // namespace dc::admin
