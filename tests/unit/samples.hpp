// SPDX-License-Identifier: Apache-2.0
// One sample of every message of the channel, with every member set. A command or message without
// a sample does not compile (invariants_test.cpp asks for each alternative).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include "common/messages.hpp"
#include "common/principal.hpp"
#include "policy/authorize.hpp"

namespace dc::test {

template <class T>
T parsed(std::string_view text) {
  auto value = T::parse(text);
  if (!value) throw std::string(text) + ": " + value.error().detail;
  return std::move(*value);
}

inline constexpr std::string_view kService = "tt_studio_backend";
inline const std::string kSomeId(64, 'a');

template <class Message>
struct Sample;  // no sample for this message: add one below

template <>
struct Sample<ListContainers> {
  static ListContainers make() {
    return {true,
            {parsed<Text<128>>("web")},
            {parsed<Text<256>>("app=web")},
            {ContainerState::running, ContainerState::dead}};
  }
};
template <>
struct Sample<InspectContainer> {
  static InspectContainer make() { return {parsed<ContainerRef>("web")}; }
};
template <>
struct Sample<RunContainer> {
  static RunContainer make() {
    RunContainer run{parsed<ImageRef>("alpine:3.20")};
    run.name = parsed<ContainerName>("web");
    run.command = {parsed<Argument>("httpd"), parsed<Argument>("-f")};
    run.entrypoint = {parsed<Argument>("/sbin/tini")};
    run.environment = {{parsed<VariableName>("A"), parsed<Text<limits::kVariableBytes>>("1")}};
    run.ports = {{8000, Protocol::tcp, 8010}, {53, Protocol::udp, 8053}};
    run.network = parsed<NetworkName>("bridge");
    run.hostname = parsed<HostName>("web-1");
    run.user = parsed<UserSpec>("1000:1000");
    run.working_dir = parsed<WorkingDir>("/srv");
    run.labels = {{parsed<LabelKey>("app"), parsed<Text<limits::kLabelValue>>("web")}};
    run.detach = true;
    run.init = true;
    run.read_only = true;
    run.restart = {Restart::on_failure, 3};
    run.memory = 1ULL << 30;
    run.nano_cpus = 1'500'000'000;
    run.pids = 100;
    run.shm = 64ULL << 20;
    run.memswap = 2ULL << 30;
    run.mounts = {{parsed<MountSource>("/srv/models"), parsed<MountTarget>("/models"), true},
                  {parsed<MountSource>("cache"), parsed<MountTarget>("/cache"), std::nullopt}};
    run.tmpfs = {{parsed<MountTarget>("/tmp"), 1ULL << 20, 01777U, 1000U, 1000U}};
    run.devices = {{parsed<DevicePath>("/dev/tenstorrent/0"), true, false}};
    run.gpus = {{parsed<DriverName>("nvidia"), 2}};
    run.cap_add = {Capability::ipc_lock};
    run.cap_drop = {Capability::kill};
    run.ulimits = {{UlimitName::nofile, 1024, 4096}};
    run.dns = {parsed<IpAddress>("10.0.0.53")};
    run.extra_hosts = {{parsed<HostName>("db"), parsed<HostAddress>("host-gateway")}};
    run.groups = {parsed<Group>("video")};
    run.healthcheck = Healthcheck{{parsed<Argument>("CMD"), parsed<Argument>("true")},
                                  10'000'000'000U,
                                  2'000'000'000U,
                                  1'000'000'000U,
                                  3U};
    run.stop_signal = parsed<StopSignal>("SIGINT");
    run.stop_timeout = 20;
    run.log = LogConfig{LogDriver::local, 1ULL << 20, 2U};
    run.pull = PullMode::always;
    run.tty = true;
    run.stdin_open = true;
    return run;
  }
};
template <>
struct Sample<StartContainer> {
  static StartContainer make() { return {parsed<ContainerRef>("web")}; }
};
template <>
struct Sample<StopContainer> {
  static StopContainer make() { return {parsed<ContainerRef>("web"), 30}; }
};
template <>
struct Sample<RestartContainer> {
  static RestartContainer make() { return {parsed<ContainerRef>("web"), 30}; }
};
template <>
struct Sample<RemoveContainer> {
  static RemoveContainer make() { return {parsed<ContainerRef>("web"), true, true}; }
};

template <>
struct Sample<RenameContainer> {
  static RenameContainer make() {
    return {parsed<ContainerRef>("web"), parsed<ContainerName>("shop")};
  }
};
template <>
struct Sample<WaitContainer> {
  static WaitContainer make() { return {parsed<ContainerRef>("web")}; }
};
template <>
struct Sample<ReadStats> {
  static ReadStats make() { return {parsed<ContainerRef>("web")}; }
};
template <>
struct Sample<ReadLogs> {
  static ReadLogs make() {
    return {parsed<ContainerRef>("web"), true, true, true, true, 100, 1'600'000'000'000'000'001,
            1'700'000'000'000'000'000};
  }
};
template <>
struct Sample<MeasureDirectory> {
  static MeasureDirectory make() {
    return {parsed<ContainerRef>("web"), parsed<DirectoryPath>("/var/lib/data"), 2500};
  }
};
template <>
struct Sample<PullImage> {
  static PullImage make() {
    return {parsed<ImageRef>("ghcr.io/tenstorrent/x:1"),
            RegistryLogin{parsed<Text<256>>("joe"), parsed<Password>("s3cret"),
                          parsed<Text<256>>("ghcr.io")},
            parsed<PullId>("pull-1")};
  }
};
template <>
struct Sample<ReadPull> {
  static ReadPull make() { return {parsed<PullId>("pull-1"), true}; }
};
template <>
struct Sample<ListImages> {
  static ListImages make() { return {parsed<ImageRef>("alpine:3.20"), true}; }
};
template <>
struct Sample<FindImage> {
  static FindImage make() { return {parsed<ImageRef>("alpine:3.20")}; }
};
template <>
struct Sample<RemoveImage> {
  static RemoveImage make() { return {parsed<ImageRef>("alpine:3.20"), true}; }
};
template <>
struct Sample<CreateNetwork> {
  static CreateNetwork make() { return {parsed<NetworkName>("tt_studio_network")}; }
};
template <>
struct Sample<ListNetworks> {
  static ListNetworks make() { return {{parsed<NetworkName>("tt_studio_network")}}; }
};
template <>
struct Sample<RemoveNetwork> {
  static RemoveNetwork make() { return {parsed<NetworkName>("tt_studio_network")}; }
};
template <>
struct Sample<ConnectNetwork> {
  static ConnectNetwork make() {
    return {parsed<NetworkName>("tt_studio_network"), parsed<ContainerRef>("web")};
  }
};
template <>
struct Sample<DisconnectNetwork> {
  static DisconnectNetwork make() {
    return {parsed<NetworkName>("tt_studio_network"), parsed<ContainerRef>("web"), true};
  }
};
template <>
struct Sample<ReadServiceLog> {
  static ReadServiceLog make() { return {ServiceLog::startup, 100}; }
};

inline Scopes all_scopes() {
  Scopes scopes;
  for (const char* family : {"containers:*", "images:*", "networks:*", "service:*"}) {
    scopes.bits |= parse_scope(family)->bits;
  }
  return scopes;
}

// A profile under which every sample command is allowed.
inline policy::Profile sample_profile() {
  policy::Profile profile{parsed<ServiceName>(kService),
                          all_scopes(),
                          {parsed<policy::ImagePattern>("alpine:"),
                           parsed<policy::ImagePattern>("ghcr.io/tenstorrent/")},
                          {parsed<NetworkName>("bridge"), parsed<NetworkName>("host"),
                           parsed<NetworkName>("none"), parsed<NetworkName>("tt_studio_network")},
                          {{8003, 8102}},
                          false,
                          parsed<IpAddress>("127.0.0.1"),
                          {Restart::on_failure}};
  profile.visible = policy::Visible::all;
  profile.manage_image_allowed = true;
  profile.mounts = {
      {parsed<HostPath>("/srv/models"), parsed<VolumeName>("models"), {}, false, false},
      {parsed<HostPath>("/srv/work"), {}, {}, true, true}};
  profile.volumes = {parsed<VolumeName>("cache")};
  profile.devices = {parsed<policy::DevicePattern>("/dev/tenstorrent/[0-9]+")};
  profile.gpus = {{parsed<DriverName>("nvidia")}, 4};
  profile.capabilities.allow = {Capability::ipc_lock, Capability::sys_nice};
  profile.capabilities.all_means = {Capability::ipc_lock};
  profile.ulimits = {{UlimitName::nofile, 4096, 4096}};
  profile.swap.max = 1ULL << 30;
  profile.logs.drivers = {LogDriver::json_file, LogDriver::local};
  profile.dns = {parsed<IpAddress>("10.0.0.53")};
  profile.extra_hosts = {{parsed<HostName>("db"), parsed<HostAddress>("host-gateway")}};
  profile.groups = {parsed<Group>("video")};
  profile.reserved_names = {parsed<policy::NamePattern>("reserved-*")};
  profile.adopt = {{parsed<policy::NamePattern>("adopted-*"), {}}};
  return profile;
}

template <class X>
Result<X> judged(X command, const policy::Profile& profile) {
  policy::Judge judge(profile);
  return policy::check(std::move(command), judge);
}

inline policy::Snapshot snapshot_of(policy::Profile profile) {
  policy::Policy made;
  made.profiles.emplace(profile.service.str(), std::move(profile));
  return std::make_shared<const policy::Policy>(std::move(made));
}

inline Principal sample_caller() { return {parsed<ServiceName>(kService), all_scopes()}; }

template <>
struct Sample<Hello> {
  static Hello make() { return {1234}; }
};
template <>
struct Sample<VerifyToken> {
  static VerifyToken make() {
    return {parsed<Text<limits::kToken>>("a.b.c"), parsed<Text<64>>("127.0.0.1:5")};
  }
};
template <>
struct Sample<Submit> {
  static Submit make() {
    return {{1, 2}, parsed<Text<64>>("[::1]:5"), Sample<RunContainer>::make()};
  }
};
template <>
struct Sample<Refused> {
  static Refused make() {
    return {{1, 2},
            parsed<Text<64>>("127.0.0.1"),
            2,
            Errc::image_not_allowed,
            Sample<RunContainer>::make()};
  }
};
template <>
struct Sample<Credit> {
  static Credit make() { return {4}; }
};
template <>
struct Sample<Cancel> {
  static Cancel make() { return {}; }
};
template <>
struct Sample<Welcome> {
  static Welcome make() {
    return {true, true, 2000, 100, {parsed<Authority>("a:8002")}, {parsed<Origin>("https://a")}};
  }
};
template <>
struct Sample<PolicyProfile> {
  static PolicyProfile make() { return {3, 1, sample_profile()}; }
};
template <>
struct Sample<EngineStatus> {
  static EngineStatus make() { return {EngineState::up, DiskState::low, true, 250, 3, 1, 2, 7}; }
};
template <>
struct Sample<Drain> {
  static Drain make() { return {}; }
};
template <>
struct Sample<TokenVerified> {
  static TokenVerified make() {
    return {{3, 4}, parsed<ServiceName>(kService), *parse_scope("images:*"), 60000};
  }
};
template <>
struct Sample<Failed> {
  static Failed make() {
    return Failed::of({Errc::image_not_allowed, "Image not in allowed list", "add it"});
  }
};
template <>
struct Sample<Done> {
  static Done make() { return {}; }
};
template <>
struct Sample<ContainerStarted> {
  static ContainerStarted make() {
    return {parsed<ContainerId>(kSomeId), parsed<Text<256>>("web"), {"{}"}, 0U, 12, true};
  }
};
template <>
struct Sample<ContainerDocument> {
  static ContainerDocument make() { return {{parsed<Text<1024>>("alpine:3.20")}, 2, {"{}"}}; }
};
template <>
struct Sample<StreamOpened> {
  static StreamOpened make() { return {true, parsed<Text<limits::kPath>>("/var/log/x.log")}; }
};
template <>
struct Sample<Chunk> {
  static Chunk make() { return {{"some bytes"}}; }
};

// Calls visit(sample) with the sample of every alternative of a variant.
template <class Variant, class Visit, std::size_t... I>
void for_each_sample(Visit visit, std::index_sequence<I...>) {
  (visit(Sample<std::variant_alternative_t<I, Variant>>::make()), ...);
}
template <class Variant, class Visit>
void for_each_sample(Visit visit) {
  for_each_sample<Variant>(visit, std::make_index_sequence<std::variant_size_v<Variant>>{});
}

template <class T>
std::string encoded(const T& value) {
  wire::Writer out;
  wire::encode(out, value);
  return out.take();
}

}  // namespace dc::test
