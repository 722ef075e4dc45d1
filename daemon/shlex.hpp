// SPDX-License-Identifier: Apache-2.0
// Splits a command line into words exactly as Python's shlex.split() does, which is what docker-py
// does with a command given as one string. Front only; the text is hostile.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include "common/error.hpp"

namespace dc::daemon {

// Errc::invalid_request: "No closing quotation" or "No escaped character", as Python words them.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace dc::daemon
