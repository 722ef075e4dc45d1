// SPDX-License-Identifier: Apache-2.0
// Commands about images. Front; path, query and body are hostile.
#include "daemon/parameters.hpp"

namespace dc::daemon {

Result<Command> build_pull(const RequestParts&) { return fail(Errc::internal, "not there yet"); }

Result<Command> build_pull_start(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_pull_progress(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_pull_events(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_list_images(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_find_image(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

Result<Command> build_remove_image(const RequestParts&) {
  return fail(Errc::internal, "not there yet");
}

}  // namespace dc::daemon
