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
#include "common/container_types.hpp"
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
  std::vector<Mount> mounts;
  std::vector<Tmpfs> tmpfs;
  std::vector<Device> devices;
  std::vector<DeviceRequest> gpus;
  std::vector<Capability> cap_add;   // authorize() leaves what is added to the profile's base
  std::vector<Capability> cap_drop;  // and what is taken from it
  std::vector<Ulimit> ulimits;
  std::optional<NetworkName> network;  // none: the Engine's default bridge
  std::vector<IpAddress> dns;
  std::vector<ExtraHost> extra_hosts;
  std::optional<HostName> hostname;
  std::optional<UserSpec> user;
  std::vector<Group> groups;  // besides the user's own
  std::optional<WorkingDir> working_dir;
  std::vector<Label> labels;
  std::optional<Healthcheck> healthcheck;
  std::optional<StopSignal> stop_signal;
  std::optional<std::uint32_t> stop_timeout;  // seconds
  std::optional<LogConfig> log;
  PullMode pull = PullMode::missing;
  bool tty = false;
  bool stdin_open = false;
  bool detach = true;
  bool auto_remove = false;
  bool init = false;
  bool read_only = false;
  RestartPolicy restart;
  // Limits the caller asks for; authorize() fills in the policy's default where absent.
  std::optional<std::uint64_t> memory;     // bytes
  std::optional<std::uint64_t> memswap;    // bytes of memory and swap together
  std::optional<std::uint64_t> nano_cpus;  // billionths of a processor
  std::optional<std::uint64_t> pids;
  std::optional<std::uint64_t> shm;  // bytes
  static constexpr auto kFields = std::to_array<std::string_view>({"image",
                                                                   "name",
                                                                   "command",
                                                                   "entrypoint",
                                                                   "environment",
                                                                   "ports",
                                                                   "volumes",
                                                                   "tmpfs",
                                                                   "devices",
                                                                   "device_requests",
                                                                   "cap_add",
                                                                   "cap_drop",
                                                                   "ulimits",
                                                                   "network",
                                                                   "dns",
                                                                   "extra_hosts",
                                                                   "hostname",
                                                                   "user",
                                                                   "group_add",
                                                                   "working_dir",
                                                                   "labels",
                                                                   "healthcheck",
                                                                   "stop_signal",
                                                                   "stop_timeout",
                                                                   "log_config",
                                                                   "pull",
                                                                   "tty",
                                                                   "stdin_open",
                                                                   "detach",
                                                                   "auto_remove",
                                                                   "init",
                                                                   "read_only",
                                                                   "restart_policy",
                                                                   "memory",
                                                                   "memswap",
                                                                   "nano_cpus",
                                                                   "pids",
                                                                   "shm"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.image, self.name, self.command, self.entrypoint, self.environment,
                    self.ports, self.mounts, self.tmpfs, self.devices, self.gpus, self.cap_add,
                    self.cap_drop, self.ulimits, self.network, self.dns, self.extra_hosts,
                    self.hostname, self.user, self.groups, self.working_dir, self.labels,
                    self.healthcheck, self.stop_signal, self.stop_timeout, self.log, self.pull,
                    self.tty, self.stdin_open, self.detach, self.auto_remove, self.init,
                    self.read_only, self.restart, self.memory, self.memswap, self.nano_cpus,
                    self.pids, self.shm);
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

struct RenameContainer final {
  static constexpr std::string_view kName = "containers.rename";
  static constexpr Scope kScope = Scope::containers_manage;
  static constexpr bool kMutates = true;

  ContainerRef container;
  ContainerName name;
  static constexpr auto kFields = std::to_array<std::string_view>({"container", "new_name"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.container, self.name); };
};

// Waits for the container's end; one that has ended answers at once.
struct WaitContainer final {
  static constexpr std::string_view kName = "containers.wait";
  static constexpr Scope kScope = Scope::containers_read;
  static constexpr bool kMutates = false;

  ContainerRef container;
  static constexpr auto kFields = std::to_array<std::string_view>({"container"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.container); };
};

// One snapshot of its use of processor, memory, network and disk.
struct ReadStats final {
  static constexpr std::string_view kName = "containers.stats";
  static constexpr Scope kScope = Scope::containers_read;
  static constexpr bool kMutates = false;

  ContainerRef container;
  static constexpr auto kFields = std::to_array<std::string_view>({"container"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.container); };
};

struct ReadLogs final {
  static constexpr std::string_view kName = "containers.logs";
  static constexpr Scope kScope = Scope::containers_logs;
  static constexpr bool kMutates = false;

  ContainerRef container;
  bool follow = false;
  bool out = true;
  bool err = true;
  bool timestamps = false;
  std::optional<std::uint32_t> tail;   // lines from the end; none: all
  std::optional<std::uint64_t> since;  // nanoseconds since the epoch
  std::optional<std::uint64_t> until;
  static constexpr auto kFields = std::to_array<std::string_view>(
      {"container", "follow", "stdout", "stderr", "timestamps", "tail", "since", "until"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.container, self.follow, self.out, self.err, self.timestamps, self.tail,
                    self.since, self.until);
  };
};

// Runs a fixed `du` in the container, which is why it counts as a change.
struct MeasureDirectory final {
  static constexpr std::string_view kName = "containers.dir-size";
  static constexpr Scope kScope = Scope::containers_manage;
  static constexpr bool kMutates = true;

  ContainerRef container;
  DirectoryPath path;
  std::uint32_t timeout = 4000;  // milliseconds
  static constexpr auto kFields =
      std::to_array<std::string_view>({"container", "path", "timeout_ms"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.container, self.path, self.timeout);
  };
};

// Without an id the answer comes when the pull has ended; with one it comes at once, the pull goes
// on by itself, and a live pull of that id is joined.
struct PullImage final {
  static constexpr std::string_view kName = "images.pull";
  static constexpr Scope kScope = Scope::images_pull;
  static constexpr bool kMutates = true;

  ImageRef image;
  std::optional<RegistryLogin> login;
  std::optional<PullId> id;
  static constexpr auto kFields = std::to_array<std::string_view>({"image", "login", "pull_id"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.image, self.login, self.id);
  };
};

// The caller's own pull of this id; with follow, each change until its end.
struct ReadPull final {
  static constexpr std::string_view kName = "images.progress";
  static constexpr Scope kScope = Scope::images_pull;
  static constexpr bool kMutates = false;

  PullId id;
  bool follow = false;
  static constexpr auto kFields = std::to_array<std::string_view>({"pull_id", "follow"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.id, self.follow); };
};

// Those that the policy allows.
struct ListImages final {
  static constexpr std::string_view kName = "images.list";
  static constexpr Scope kScope = Scope::images_read;
  static constexpr bool kMutates = false;

  std::optional<ImageRef> image;
  bool any_tag = false;  // `image` stands for its whole repository
  static constexpr auto kFields = std::to_array<std::string_view>({"name", "any_tag"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.image, self.any_tag); };
};

struct FindImage final {
  static constexpr std::string_view kName = "images.exists";
  static constexpr Scope kScope = Scope::images_read;
  static constexpr bool kMutates = false;

  ImageRef image;
  static constexpr auto kFields = std::to_array<std::string_view>({"image"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.image); };
};

struct RemoveImage final {
  static constexpr std::string_view kName = "images.remove";
  static constexpr Scope kScope = Scope::images_remove;
  static constexpr bool kMutates = true;

  ImageRef image;
  bool force = false;  // the name even if a stopped container uses it
  static constexpr auto kFields = std::to_array<std::string_view>({"image", "force"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.image, self.force); };
};

// Always a local bridge without options.
struct CreateNetwork final {
  static constexpr std::string_view kName = "networks.create";
  static constexpr Scope kScope = Scope::networks_manage;
  static constexpr bool kMutates = true;

  NetworkName network;
  static constexpr auto kFields = std::to_array<std::string_view>({"network"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.network); };
};

struct ListNetworks final {
  static constexpr std::string_view kName = "networks.list";
  static constexpr Scope kScope = Scope::networks_read;
  static constexpr bool kMutates = false;

  std::vector<NetworkName> names;  // empty: all that the caller may see
  static constexpr auto kFields = std::to_array<std::string_view>({"names"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.names); };
};

struct RemoveNetwork final {
  static constexpr std::string_view kName = "networks.remove";
  static constexpr Scope kScope = Scope::networks_manage;
  static constexpr bool kMutates = true;

  NetworkName network;
  static constexpr auto kFields = std::to_array<std::string_view>({"network"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.network); };
};

struct ConnectNetwork final {
  static constexpr std::string_view kName = "networks.connect";
  static constexpr Scope kScope = Scope::networks_manage;
  static constexpr bool kMutates = true;

  NetworkName network;
  ContainerRef container;
  static constexpr auto kFields = std::to_array<std::string_view>({"network", "container"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.network, self.container); };
};

struct DisconnectNetwork final {
  static constexpr std::string_view kName = "networks.disconnect";
  static constexpr Scope kScope = Scope::networks_manage;
  static constexpr bool kMutates = true;

  NetworkName network;
  ContainerRef container;
  bool force = false;
  static constexpr auto kFields =
      std::to_array<std::string_view>({"network", "container", "force"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.network, self.container, self.force);
  };
};

// The end of a log file of the host that the configuration names.
struct ReadServiceLog final {
  static constexpr std::string_view kName = "service.logs";
  static constexpr Scope kScope = Scope::service_logs;
  static constexpr bool kMutates = false;

  ServiceLog log = ServiceLog::service;
  std::uint32_t tail = 500;  // lines
  static constexpr auto kFields = std::to_array<std::string_view>({"log", "tail"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.log, self.tail); };
};

using Command =
    std::variant<ListContainers, InspectContainer, RunContainer, StartContainer, StopContainer,
                 RestartContainer, RemoveContainer, RenameContainer, WaitContainer, ReadStats,
                 ReadLogs, MeasureDirectory, PullImage, ReadPull, ListImages, FindImage,
                 RemoveImage, CreateNetwork, ListNetworks, RemoveNetwork, ConnectNetwork,
                 DisconnectNetwork, ReadServiceLog>;

// Names of the operations, in the variant's order.
inline constexpr auto kOperations = []<class... X>(const std::variant<X...>*) {
  return std::to_array<std::string_view>({X::kName...});
}(static_cast<const Command*>(nullptr));

}  // namespace dc
