// SPDX-License-Identifier: Apache-2.0
// THE list of operations: what the front can ask of the broker, and nothing else. Read this first.
//
// One final aggregate of validated types per operation. fields() names every member once and gives
// encoder and decoder (common/wire.hpp), kFields its members' names for the audit; a member that
// either forgets fails the build. A new operation
// is a struct here, a row in daemon/routes.cpp, check() in policy/check.cpp, execute() in
// broker/execute.hpp and a sample in tests/unit/samples.hpp; each one forgotten fails the build.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>
#include "common/image_ref.hpp"
#include "common/scopes.hpp"
#include "common/types.hpp"

namespace dc {

struct ListContainers final {
  static constexpr std::string_view kName = "containers.list";
  static constexpr Scope kScope = Scope::containers_read;
  static constexpr bool kMutates = false;

  bool all = false;  // stopped ones too
  std::vector<Text<128>> names;
  std::vector<Text<256>> labels;  // "key" or "key=value"
  std::vector<ContainerState> states;
  static constexpr auto kFields =
      std::to_array<std::string_view>({"all", "name", "label", "status"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.all, self.names, self.labels, self.states);
  };
};

struct InspectContainer final {
  static constexpr std::string_view kName = "containers.get";
  static constexpr Scope kScope = Scope::containers_read;
  static constexpr bool kMutates = false;

  ContainerRef container;
  static constexpr auto kFields = std::to_array<std::string_view>({"container"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.container); };
};

struct RunContainer final {
  static constexpr std::string_view kName = "containers.run";
  static constexpr Scope kScope = Scope::containers_run;
  static constexpr bool kMutates = true;

  ImageRef image;
  std::optional<ContainerName> name;
  std::vector<Argument> command;     // empty: the image's
  std::vector<Argument> entrypoint;  // empty: the image's
  std::vector<Variable> environment;
  std::vector<Port> ports;
  std::optional<NetworkName> network;  // none: the Engine's default bridge
  std::optional<HostName> hostname;
  std::optional<UserSpec> user;
  std::optional<WorkingDir> working_dir;
  std::vector<Label> labels;
  bool detach = true;
  bool auto_remove = false;
  bool init = false;
  bool read_only = false;
  RestartPolicy restart;
  // Limits the caller asks for; authorize() fills in the policy's default where absent.
  std::optional<std::uint64_t> memory;     // bytes
  std::optional<std::uint64_t> nano_cpus;  // billionths of a processor
  std::optional<std::uint64_t> pids;
  std::optional<std::uint64_t> shm;  // bytes
  static constexpr auto kFields = std::to_array<std::string_view>(
      {"image",          "name",    "command",     "entrypoint", "environment",
       "ports",          "network", "hostname",    "user",       "working_dir",
       "labels",         "detach",  "auto_remove", "init",       "read_only",
       "restart_policy", "memory",  "nano_cpus",   "pids",       "shm"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.image, self.name, self.command, self.entrypoint, self.environment,
                    self.ports, self.network, self.hostname, self.user, self.working_dir,
                    self.labels, self.detach, self.auto_remove, self.init, self.read_only,
                    self.restart, self.memory, self.nano_cpus, self.pids, self.shm);
  };
};

struct StartContainer final {
  static constexpr std::string_view kName = "containers.start";
  static constexpr Scope kScope = Scope::containers_manage;
  static constexpr bool kMutates = true;

  ContainerRef container;
  static constexpr auto kFields = std::to_array<std::string_view>({"container"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.container); };
};

struct StopContainer final {
  static constexpr std::string_view kName = "containers.stop";
  static constexpr Scope kScope = Scope::containers_manage;
  static constexpr bool kMutates = true;

  ContainerRef container;
  std::uint32_t timeout = 10;  // seconds until SIGKILL
  static constexpr auto kFields = std::to_array<std::string_view>({"container", "timeout"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.container, self.timeout); };
};

struct RestartContainer final {
  static constexpr std::string_view kName = "containers.restart";
  static constexpr Scope kScope = Scope::containers_manage;
  static constexpr bool kMutates = true;

  ContainerRef container;
  std::uint32_t timeout = 10;  // seconds until SIGKILL
  static constexpr auto kFields = std::to_array<std::string_view>({"container", "timeout"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.container, self.timeout); };
};

struct RemoveContainer final {
  static constexpr std::string_view kName = "containers.remove";
  static constexpr Scope kScope = Scope::containers_manage;
  static constexpr bool kMutates = true;

  ContainerRef container;
  bool force = false;    // a running one too
  bool volumes = false;  // its anonymous volumes too
  static constexpr auto kFields = std::to_array<std::string_view>({"container", "force", "v"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.container, self.force, self.volumes);
  };
};

using Command = std::variant<ListContainers, InspectContainer, RunContainer, StartContainer,
                             StopContainer, RestartContainer, RemoveContainer>;

// Names of the operations, in the variant's order.
inline constexpr auto kOperations = []<class... X>(const std::variant<X...>*) {
  return std::to_array<std::string_view>({X::kName...});
}(static_cast<const Command*>(nullptr));

}  // namespace dc
