// SPDX-License-Identifier: Apache-2.0
// Every request that can reach the Engine, one function each. Broker only. Paths are made of
// literals and of validated values; no client byte gets here in any other way.
#pragma once

#include <string>
#include <string_view>
#include "broker/engine.hpp"
#include "broker/ownership.hpp"
#include "broker/reply.hpp"
#include "common/commands.hpp"
#include "common/json_reader.hpp"

namespace dc::broker::request {

// `owner`: only containers that carry this owner label, to save inspecting others.
EngineRequest list_containers(const ListContainers& command, const ServiceName* owner);
// With our nonce label; `idle_only`: those that are created, exited or dead; `owner`: with that
// label.
EngineRequest list_own(bool idle_only, const ServiceName* owner);
EngineRequest inspect_container(const ContainerRef& container);
EngineRequest inspect_container(const ContainerId& container);
EngineRequest create_container(const std::optional<ContainerName>& name, std::string body);
EngineRequest start_container(const ContainerId& container);
EngineRequest act(const StartContainer&, const ContainerId& container);
EngineRequest act(const StopContainer& stop, const ContainerId& container);
EngineRequest act(const RestartContainer& restart, const ContainerId& container);
EngineRequest act(const RemoveContainer& remove, const ContainerId& container);
EngineRequest act(const RenameContainer& rename, const ContainerId& container);
EngineRequest discard(const ContainerId& container, bool running_too);
EngineRequest wait_container(const ContainerId& container);
EngineRequest read_stats(const ContainerId& container);
EngineRequest read_logs(const ReadLogs& command, const ContainerId& container);

EngineRequest inspect_image(const ImageRef& image);
EngineRequest pull_image(const PullImage& command);
EngineRequest remove_image(const RemoveImage& command);
EngineRequest list_images();
EngineRequest image_events(std::int64_t since);  // seconds since the epoch; then without end

// A `du` of a path in a running container: its making, its run, how it is. `unit`: "-sb" or "-sk".
EngineRequest create_du(const ContainerId& container, std::string_view unit,
                        const DirectoryPath& path);
EngineRequest start_exec(const ExecId& exec);
EngineRequest inspect_exec(const ExecId& exec);

EngineRequest list_networks();
EngineRequest inspect_network(const NetworkName& network);
EngineRequest inspect_network(const NetworkId& network);
EngineRequest create_network(const NetworkName& network, const OwnerLabels& labels);
EngineRequest remove_network(const NetworkId& network);
EngineRequest act(const ConnectNetwork&, const NetworkId& network, const ContainerId& container);
EngineRequest act(const DisconnectNetwork& disconnect, const NetworkId& network,
                  const ContainerId& container);
EngineRequest inspect_volume(const VolumeName& volume);
EngineRequest info();
EngineRequest ping(std::chrono::milliseconds deadline);

}  // namespace dc::broker::request

namespace dc::broker {

// --- and what is made of its refusals (engine_error.cpp) ---
// The Engine's own texts name host paths and echo hostile strings, so callers get constant
// sentences and the log gets the text.

enum class EngineStep : unsigned char {
  find,
  create,
  start,
  stop,
  restart,
  remove,
  rename,
  pull,
  image,
  network,
  connect,
  volume
};

// For a response whose status is not the success of `step`. Logs the Engine's text.
Error engine_error(EngineStep step, const EngineResponse& response);

// The document of a response with that status; else the failure of `step`.
Result<JsonText> read_document(Result<EngineResponse> response, EngineStep step, int success = 200);

// The volume in the answer to an inspect is one of the Engine's plain local ones, or is not there
// yet where that is allowed. Others lead where their maker wanted: a local one with options may be
// any directory or device of the host. Errc::mount_not_allowed.
Result<void> check_volume(const EngineResponse& response, const VolumeName& name, bool may_lack);

// Answers with the outcome of a change that has nothing to tell. A 304 is success: it is so
// already.
void finish_act(const ReplyPtr& reply, EngineStep step, const Result<EngineResponse>& response);

}  // namespace dc::broker
