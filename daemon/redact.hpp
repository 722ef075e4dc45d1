// SPDX-License-Identifier: Apache-2.0
// Takes secrets out of the logs of services. Front only; the text is hostile. Best effort: what
// does not look like a token stays.
#pragma once

#include <string>
#include <string_view>

namespace dc::daemon {

// The text with "[redacted]" in the place of each JSON Web Token and of what follows "Bearer".
std::string redact_tokens(std::string_view text);

}  // namespace dc::daemon
