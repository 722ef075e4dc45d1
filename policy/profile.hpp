// SPDX-License-Identifier: Apache-2.0
// The policy's data: what one service may do. Both sides; made by policy/load.cpp in the broker and
// copied to the front over the channel, where the types are parsed again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>
#include "common/container_types.hpp"
#include "common/image_ref.hpp"
#include "common/scopes.hpp"
#include "common/types.hpp"

namespace dc::policy {

// One entry of `images`, in the spelling of the file, compiled to parts:
//   "ghcr.io/tenstorrent/"  host and path prefix on a part boundary
//   "tenstorrent/"          docker.io/tenstorrent/...
//   "alpine:"               exactly docker.io/library/alpine, any tag or digest
//   "alpine:3.20", "ghcr.io/a/b@sha256:..."   exactly that reference
class ImagePattern {
 public:
  // Errc::invalid_request says what is wrong and how the entry is to be written.
  static Result<ImagePattern> parse(std::string_view text);
  [[nodiscard]] bool matches(const ImageRef& image) const;
  [[nodiscard]] std::string_view view() const& { return text_; }  // as written
  std::string_view view() && = delete;
  friend bool operator==(const ImagePattern&, const ImagePattern&) = default;

 private:
  enum class Kind : std::uint8_t { prefix, repository, reference };
  ImagePattern() = default;
  std::string text_;
  Kind kind_ = Kind::reference;
  std::string domain_;
  std::string repository_;  // for prefix: ends in '/'
  std::string version_;     // for reference: tag or digest
};

struct PortRange final {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.first, self.last); };
};

// What a container gets where the caller asks for nothing, and the most that it may ask for.
struct Limit final {
  std::uint64_t standard = 0;
  std::uint64_t max = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.standard, self.max); };
};

// A place of the host that containers may be given.
struct MountRule final {
  HostPath source;
  std::optional<VolumeName> name;     // by which requests may name it
  std::optional<MountTarget> target;  // absent: anywhere
  bool writable = false;
  bool subdirs = false;  // the directories directly in it, and not itself
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.source, self.name, self.target, self.writable, self.subdirs);
  };
};

// One entry of `devices`: a path under /dev in which "[0-9]+" stands for a number without leading
// zeroes, as in "/dev/tenstorrent/[0-9]+".
class DevicePattern {
 public:
  // Errc::invalid_request says what is wrong with the entry.
  static Result<DevicePattern> parse(std::string_view text);
  [[nodiscard]] bool matches(std::string_view path) const;
  // Whether `path` is the directory of what the pattern stands for.
  [[nodiscard]] bool is_in(std::string_view path) const;
  [[nodiscard]] std::string_view view() const& { return text_; }
  std::string_view view() && = delete;
  friend bool operator==(const DevicePattern&, const DevicePattern&) = default;

 private:
  explicit DevicePattern(std::string_view text) : text_(text) {}
  std::string text_;
};

struct NamePatternRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be a name of 1 to 63 of A-Z a-z 0-9 _ . -, or the beginning of names with a * at its "
      "end";
};
using NamePattern = Checked<NamePatternRule>;
[[nodiscard]] bool matches(const NamePattern& pattern, std::string_view name);

// Containers that were made by others and may be managed as if they were the service's own: those
// that satisfy all that is given.
struct AdoptRule final {
  std::optional<NamePattern> name;
  std::optional<ImagePattern> image;
  static constexpr auto fields = [](auto& self) { return std::tie(self.name, self.image); };
};

// An entry of `extra_hosts`; absent: any.
struct ExtraHostRule final {
  std::optional<HostName> name;
  std::optional<HostAddress> address;
  static constexpr auto fields = [](auto& self) { return std::tie(self.name, self.address); };
};

struct CapabilityRules final {
  // What every container keeps: Docker's own without MKNOD, NET_RAW, AUDIT_WRITE and SETFCAP.
  std::vector<Capability> base = {
      Capability::chown,  Capability::dac_override,     Capability::fowner, Capability::fsetid,
      Capability::kill,   Capability::net_bind_service, Capability::setgid, Capability::setpcap,
      Capability::setuid, Capability::sys_chroot};
  std::vector<Capability> allow;      // may be added
  std::vector<Capability> all_means;  // are added for "ALL"; empty: "ALL" is refused
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.base, self.allow, self.all_means);
  };
};

struct GpuRules final {
  std::vector<DriverName> drivers;
  std::uint32_t count = 0;  // of one container; kAllGpus
  static constexpr auto fields = [](auto& self) { return std::tie(self.drivers, self.count); };
};

struct LogRules final {
  std::vector<LogDriver> drivers = {LogDriver::json_file};
  Limit size{10ULL << 20, 10ULL << 20};  // bytes of one file
  Limit files{3, 3};
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.drivers, self.size, self.files);
  };
};

// What a service may have at a time, all its containers together.
struct Quota final {
  std::uint32_t containers = 64;
  std::uint64_t memory = 1ULL << 40;           // bytes
  std::uint64_t nano_cpus = 1024'000'000'000;  // billionths of a processor
  std::uint32_t ports = 256;                   // published
  std::uint32_t networks = 8;
  std::uint32_t pulls = limits::kPullsPerService;
  std::uint32_t follows = limits::kStreamsPerService;
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.containers, self.memory, self.nano_cpus, self.ports, self.networks,
                    self.pulls, self.follows);
  };
};

enum class Visible : std::uint8_t { owned, all };
constexpr Visible enum_last(Visible) { return Visible::all; }

// warn and audit record what a key of the policy could allow and let it pass; warn tells the
// caller. What no policy can allow, parts of the host, scopes, ownership and quotas hold in every
// mode.
enum class Mode : std::uint8_t { enforce, warn, audit };
constexpr Mode enum_last(Mode) { return Mode::audit; }

// The built-in values are the policy where the file says nothing: finite limits, no rights.
struct Profile final {
  ServiceName service;
  Scopes scopes;
  std::vector<ImagePattern> images;
  std::vector<NetworkName> networks;
  std::vector<PortRange> host_ports;
  bool ephemeral_ports = false;  // the Engine may choose the host port
  IpAddress port_address;        // host address that published ports bind to
  std::vector<Restart> restart;  // allowed restart policies
  Visible visible = Visible::owned;
  bool manage_image_allowed = false;      // also foreign containers whose image is in `images`
  Limit memory{4ULL << 30, 16ULL << 30};  // bytes
  Limit nano_cpus{2'000'000'000, 8'000'000'000};
  Limit pids{4096, 16384};
  Limit shm{64ULL << 20, 16ULL << 30};  // bytes
  std::uint32_t rate = limits::kRate;   // requests a second; twice that many at once
  Mode mode = Mode::enforce;
  std::vector<MountRule> mounts{};
  std::vector<VolumeName> volumes{};
  std::vector<DevicePattern> devices{};
  bool exclusive_devices = false;  // one running container at a time
  GpuRules gpus{};
  CapabilityRules capabilities{};
  std::vector<Ulimit> ulimits{};                  // most that may be asked for, by name
  Limit tmpfs{64ULL << 20, 1ULL << 30};           // bytes of one
  Limit swap{0, 0};                               // bytes on top of memory
  std::uint64_t health_interval = 5'000'000'000;  // nanoseconds, at least
  LogRules logs{};
  std::vector<IpAddress> dns{};
  std::vector<ExtraHostRule> extra_hosts{};
  std::vector<Group> groups{};
  std::vector<NamePattern> reserved_names{};  // of containers and hosts
  bool require_non_root = false;
  bool require_read_only = false;
  std::vector<AdoptRule> adopt{};
  Quota quota{};
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.service, self.scopes, self.images, self.networks, self.host_ports,
                    self.ephemeral_ports, self.port_address, self.restart, self.visible,
                    self.manage_image_allowed, self.memory, self.nano_cpus, self.pids, self.shm,
                    self.rate, self.mode, self.mounts, self.volumes, self.devices,
                    self.exclusive_devices, self.gpus, self.capabilities, self.ulimits, self.tmpfs,
                    self.swap, self.health_interval, self.logs, self.dns, self.extra_hosts,
                    self.groups, self.reserved_names, self.require_non_root, self.require_read_only,
                    self.adopt, self.quota);
  };
};

// One immutable snapshot of the policy; every command is judged by exactly one.
struct Policy {
  std::map<std::string, Profile, std::less<>> profiles;  // by service

  // nullptr: the service has no profile, so no rights.
  [[nodiscard]] const Profile* find(std::string_view service) const {
    const auto found = profiles.find(service);
    return found == profiles.end() ? nullptr : &found->second;
  }
};
using Snapshot = std::shared_ptr<const Policy>;
using ProfilePtr = std::shared_ptr<const Profile>;  // keeps its snapshot

}  // namespace dc::policy
