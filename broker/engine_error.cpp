// SPDX-License-Identifier: Apache-2.0
// Maps the Engine's status and text to an error. Broker only.
#include "broker/engine_error.hpp"

#include <spdlog/spdlog.h>

#include "common/json_reader.hpp"
#include "common/types.hpp"

namespace dc::broker {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Error start_error(const std::string& message) {
  if (has(message, "port is already allocated") || has(message, "address already in use")) {
    return {Errc::conflict, "A published host port is already in use", {}};
  }
  if (has(message, "executable file not found") || has(message, "no such file or directory")) {
    return {Errc::invalid_request, "The command does not exist in the image", {}};
  }
  if (has(message, "permission denied")) {
    return {Errc::invalid_request, "The command cannot be executed in the image", {}};
  }
  if (has(message, "unable to find user") || has(message, "unable to find group")) {
    return {Errc::invalid_request, "The user does not exist in the image", {}};
  }
  return {Errc::engine_failure, "The Docker Engine could not start the container",
          "see the broker's log for the Engine's reason"};
}

Error conflict(EngineStep step) {
  switch (step) {
    case EngineStep::create: return {Errc::conflict, "Container already exists", {}};
    case EngineStep::remove:
      return {Errc::conflict, "The container is running or being removed",
              "stop it first, or use force"};
    default: return {Errc::conflict, "The container is not in a state that allows this", {}};
  }
}

Error not_found(EngineStep step) {
  switch (step) {
    case EngineStep::create:
    case EngineStep::pull: return {Errc::not_found, "Image not found", {}};
    case EngineStep::network: return {Errc::not_found, "Network not found", {}};
    default: return {Errc::not_found, "Container not found", {}};
  }
}

}  // namespace

Error engine_error(EngineStep step, const EngineResponse& response) {
  const JsonText body(response.body);
  const std::string message = json_string(json_member(body.view(), "message")).value_or("");
  if (response.status != 404) {
    const auto shown = Text<512>::clip(message);
    spdlog::warn("the Engine answered {}: {}", response.status, shown.view());
  }
  if (step == EngineStep::start && response.status >= 400 && response.status != 409) {
    if (response.status == 404 && has(message, "No such container")) return not_found(step);
    return start_error(message);
  }
  if (step == EngineStep::find && has(message, "ultiple IDs found")) {
    return {Errc::invalid_request, "The id prefix fits more than one container", "give more of it"};
  }
  switch (response.status) {
    case 400:
      return {Errc::invalid_request, "The Docker Engine does not accept this request",
              "see the broker's log for the Engine's reason"};
    case 404: return not_found(step);
    case 409: return conflict(step);
    default:
      return {Errc::engine_failure, "The Docker Engine failed",
              "see the broker's log for the Engine's reason"};
  }
}

}  // namespace dc::broker
