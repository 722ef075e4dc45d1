// SPDX-License-Identifier: Apache-2.0
// Where the front's log lines go: standard error, which the broker's service manager reads. Every
// outside byte in a line goes through escape() of daemon/text.hpp first. Front only.
#pragma once

namespace dc::daemon {

// Readable lines on a terminal; else each line begins with the journal's "<level>".
void set_up_log(bool verbose);

}  // namespace dc::daemon
