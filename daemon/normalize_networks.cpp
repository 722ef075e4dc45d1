// SPDX-License-Identifier: Apache-2.0
// Commands about networks. Front; path, query and body are hostile.
#include "daemon/parameters.hpp"

namespace dc::daemon {

Result<Command> build_create_network(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_list_networks(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_remove_network(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_connect_network(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_disconnect_network(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

}  // namespace dc::daemon
