// SPDX-License-Identifier: Apache-2.0
// Commands about directories of containers and log files of the host. Front; path, query and body
// are hostile.
#include "daemon/parameters.hpp"

namespace dc::daemon {

Result<Command> build_dir_size(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

template <ServiceLog Log>
Result<Command> build_service_log(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}
template Result<Command> build_service_log<ServiceLog::service>(const RequestParts&);
template Result<Command> build_service_log<ServiceLog::startup>(const RequestParts&);
template Result<Command> build_service_log<ServiceLog::fastapi>(const RequestParts&);

}  // namespace dc::daemon
