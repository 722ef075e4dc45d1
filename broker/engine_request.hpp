// SPDX-License-Identifier: Apache-2.0
// Every request that can reach the Engine, one function each. Broker only. Paths are made of
// literals and of validated values; no client byte gets here in any other way.
#pragma once

#include <string>
#include <string_view>

#include "broker/engine.hpp"
#include "common/commands.hpp"

namespace dc::broker::request {

// `owner`: only containers that carry this owner label, to save inspecting others.
EngineRequest list_containers(const ListContainers& command, const ServiceName* owner);
EngineRequest list_left_over();  // ours that are created, exited or dead
EngineRequest list_by_nonce(std::string_view nonce);
EngineRequest inspect_container(const ContainerRef& container);
EngineRequest inspect_container(const ContainerId& container);
EngineRequest create_container(const std::optional<ContainerName>& name, std::string body);
EngineRequest start_container(const ContainerId& container);
EngineRequest stop_container(const ContainerId& container, std::uint32_t timeout);
EngineRequest restart_container(const ContainerId& container, std::uint32_t timeout);
EngineRequest remove_container(const ContainerId& container, bool force, bool volumes);
EngineRequest wait_container(const ContainerId& container);
EngineRequest read_logs(const ContainerId& container);  // stdout and stderr so far

EngineRequest inspect_image(const ImageRef& image);
EngineRequest inspect_image(const ImageId& image);
EngineRequest pull_image(const ImageRef& image);
EngineRequest list_images();
EngineRequest image_events(std::int64_t since);  // seconds since the epoch; then without end

EngineRequest inspect_network(const NetworkName& network);
EngineRequest info();

}  // namespace dc::broker::request
