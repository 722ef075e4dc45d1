// SPDX-License-Identifier: Apache-2.0
// Maps the Engine's status and text to an error. Broker only.
#include <spdlog/spdlog.h>
#include <array>
#include <optional>
#include <span>
#include "broker/engine_request.hpp"
#include "common/types.hpp"

namespace dc::broker {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// What the Engine's texts mean, as far as the caller can do something about it.
struct KnownFailure {
  std::string_view part;
  Errc code;
  const char* detail;
};
// The first that fits: what a device or source is missing for also says "no such file".
constexpr auto kStartFailures = std::to_array<KnownFailure>({
    {"could not select device driver", Errc::conflict,
     "The Docker Engine has no driver for the GPUs that are asked for"},
    {"nvidia-container-cli", Errc::conflict, "The host's GPU driver could not give the GPUs"},
    {"bind source path does not exist", Errc::conflict,
     "The source of a volume is missing on the host"},
    {"error gathering device information", Errc::conflict, "A device is missing on the host"},
    {"error setting rlimit", Errc::conflict, "A ulimit is over what the host grants"},
    {"port is already allocated", Errc::conflict, "A published host port is already in use"},
    {"address already in use", Errc::conflict, "A published host port is already in use"},
    {"executable file not found", Errc::invalid_request, "The command does not exist in the image"},
    {"no such file or directory", Errc::invalid_request, "The command does not exist in the image"},
    {"permission denied", Errc::invalid_request, "The command cannot be executed in the image"},
    {"unable to find user", Errc::invalid_request, "The user does not exist in the image"},
    {"nable to find group", Errc::invalid_request, "The group does not exist in the image"},
});
// Their statuses are 400, 403, 404 and 500, and differ between Engines.
constexpr auto kNetworkFailures = std::to_array<KnownFailure>({
    {"No such container", Errc::not_found, "Container not found"},
    {"already exists in network", Errc::conflict, "The container is on the network already"},
    {"is not connected to", Errc::conflict, "The container is not on the network"},
    {"cannot be connected", Errc::conflict, "The container's network mode allows no other network"},
    {"active endpoints", Errc::conflict, "The network is in use; disconnect its containers first"},
    {"address pool", Errc::conflict, "The Docker Engine has no addresses for another network"},
});

std::optional<Error> known_error(std::span<const KnownFailure> failures,
                                 const std::string& message) {
  for (const KnownFailure& failure : failures) {
    if (has(message, failure.part)) return Error{failure.code, failure.detail, {}};
  }
  return std::nullopt;
}

const char* missing(EngineStep step) {
  switch (step) {
    case EngineStep::create:
    case EngineStep::pull:
    case EngineStep::image: return "Image not found";
    case EngineStep::network:
    case EngineStep::connect: return "Network not found";
    case EngineStep::volume: return "Volume not found";
    default: return "Container not found";
  }
}

Error conflict(EngineStep step) {
  if (step == EngineStep::create || step == EngineStep::rename) {
    return {Errc::conflict, "Container already exists", {}};
  }
  if (step == EngineStep::network) return {Errc::conflict, "Network already exists", {}};
  if (step == EngineStep::image) {
    return {Errc::conflict, "The image is in use by a container or by another image",
            "remove what uses it first, or use force"};
  }
  if (step != EngineStep::remove) {
    return {Errc::conflict, "The container is not in a state that allows this", {}};
  }
  return {Errc::conflict, "The container is running or being removed",
          "stop it first, or use force"};
}

}  // namespace

Error engine_error(EngineStep step, const EngineResponse& response) {
  const JsonText body(response.body);
  const std::string message = json_text(body.view(), "message");
  if (response.status != 404) {
    const auto shown = Text<512>::clip(message);
    spdlog::warn("the Engine answered {}: {}", response.status, shown.view());
  }
  const bool no_container = has(message, "No such container");
  if (step == EngineStep::start && response.status != 409 && !no_container) {
    return known_error(kStartFailures, message)
        .value_or(Error{Errc::engine_failure, "The Docker Engine could not start the container",
                        "see the broker's log for the Engine's reason"});
  }
  if (step == EngineStep::network || step == EngineStep::connect) {
    if (auto known = known_error(kNetworkFailures, message)) return *known;
  }
  if (step == EngineStep::find && has(message, "ultiple IDs found")) {
    return {Errc::invalid_request, "The id prefix fits more than one container", "give more of it"};
  }
  if (response.status == 404) return {Errc::not_found, missing(step), {}};
  if (response.status == 409) return conflict(step);
  const bool ours = response.status == 400;
  return {ours ? Errc::invalid_request : Errc::engine_failure,
          ours ? "The Docker Engine does not accept this request" : "The Docker Engine failed",
          "see the broker's log for the Engine's reason"};
}

Result<JsonText> read_document(Result<EngineResponse> response, EngineStep step, int success) {
  if (!response) return fail(response.error());
  if (response->status != success) return fail(engine_error(step, *response));
  return JsonText(std::move(response->body));
}

void finish_act(const ReplyPtr& reply, EngineStep step, const Result<EngineResponse>& response) {
  if (!response) return reply->fail(response.error());
  const int status = response->status;
  if (status == 200 || status == 201 || status == 204 || status == 304) return reply->done();
  reply->fail(engine_error(step, *response));
}

}  // namespace dc::broker
