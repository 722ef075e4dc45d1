// SPDX-License-Identifier: Apache-2.0
// Command of containers/ID/logs. Front; path, query and body are hostile.
#include "daemon/parameters.hpp"

namespace dc::daemon {

Result<Command> build_logs(const RequestParts&) { return fail(Errc::internal, "not there yet"); }

}  // namespace dc::daemon
