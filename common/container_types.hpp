// SPDX-License-Identifier: Apache-2.0
// Validated types of what a new container may be given: mounts, devices, capabilities and the like.
// Both sides. Each has one parse(), as in common/types.hpp; trusts nothing. Whether it is allowed
// is for policy/ to say, whether it exists for the broker.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>
#include "common/types.hpp"

namespace dc {

struct HostPathRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be an absolute path of at most 1024 printable ASCII characters, without empty, . and "
      ".. "
      "parts, without : \" and backslash, and not ending in /";
};
// A path of the host in its one spelling. clean_path() makes it from a caller's.
using HostPath = Checked<HostPathRule>;

struct VolumeNameRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be a volume name: 2 to 128 of A-Z a-z 0-9 _ . -, beginning with a letter or digit, and "
      "not 64 hexadecimal digits";
};
using VolumeName = Checked<VolumeNameRule>;

struct MountSourceRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be an absolute path of the host without .. parts, or the name of a volume or of a "
      "mount "
      "of the policy";
};
// What `volumes` may name: a HostPath, or a VolumeName (which the policy may turn into a path).
using MountSource = Checked<MountSourceRule>;

struct MountTargetRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be an absolute path in the container, not / and not under /proc, /sys, /dev (but "
      "/dev/hugepages*) or /etc/ld.so*";
};
// Where in a container something is mounted, in its one spelling.
using MountTarget = Checked<MountTargetRule>;

// Removes empty and . parts and the / at the end. nullopt for what is not absolute or has .. parts:
// those are refused and never resolved.
std::optional<std::string> clean_path(std::string_view path);

struct Mount final {
  MountSource source;
  MountTarget target;
  std::optional<bool> read_only;  // absent: as the policy says
  static constexpr auto kFields =
      std::to_array<std::string_view>({"source", "target", "read_only"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.source, self.target, self.read_only);
  };
  [[nodiscard]] bool is_bind() const { return source.view().starts_with('/'); }
};

struct DevicePathRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be a path under /dev of A-Z a-z 0-9 _ . + - without empty, . and .. parts";
};
using DevicePath = Checked<DevicePathRule>;

// A device node, or a directory of them that the broker expands. It has the same path inside;
// making further nodes (m) is never allowed.
struct Device final {
  DevicePath path;
  bool read = true;
  bool write = true;
  static constexpr auto kFields = std::to_array<std::string_view>({"path", "read", "write"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.path, self.read, self.write);
  };
};

// capabilities(7), in the kernel's order; `all` is what callers may write and the Engine never
// gets.
enum class Capability : std::uint8_t {
  chown,
  dac_override,
  dac_read_search,
  fowner,
  fsetid,
  kill,
  setgid,
  setuid,
  setpcap,
  linux_immutable,
  net_bind_service,
  net_broadcast,
  net_admin,
  net_raw,
  ipc_lock,
  ipc_owner,
  sys_module,
  sys_rawio,
  sys_chroot,
  sys_ptrace,
  sys_pacct,
  sys_admin,
  sys_boot,
  sys_nice,
  sys_resource,
  sys_time,
  sys_tty_config,
  mknod,
  lease,
  audit_write,
  audit_control,
  setfcap,
  mac_override,
  mac_admin,
  syslog,
  wake_alarm,
  block_suspend,
  audit_read,
  perfmon,
  bpf,
  checkpoint_restore,
  all
};
constexpr Capability enum_last(Capability) { return Capability::all; }
std::string_view enum_name(Capability capability);  // "SYS_NICE", without CAP_
// In any case, with or without one CAP_.
std::optional<Capability> parse_capability(std::string_view name);

// A file system in memory; noexec, nosuid and nodev go without saying.
struct Tmpfs final {
  MountTarget target;
  std::optional<std::uint64_t> size;  // bytes
  std::optional<std::uint32_t> mode;  // permission bits, at most 01777
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  static constexpr auto kFields =
      std::to_array<std::string_view>({"target", "size", "mode", "uid", "gid"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.target, self.size, self.mode, self.uid, self.gid);
  };
};

// setrlimit(2)
enum class UlimitName : std::uint8_t {
  core,
  cpu,
  data,
  fsize,
  locks,
  memlock,
  msgqueue,
  nice,
  nofile,
  nproc,
  rss,
  rtprio,
  rttime,
  sigpending,
  stack
};
constexpr UlimitName enum_last(UlimitName) { return UlimitName::stack; }
std::string_view enum_name(UlimitName name);
std::optional<UlimitName> parse_ulimit(std::string_view name);

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

struct Ulimit final {
  UlimitName name = UlimitName::nofile;
  std::uint64_t soft = 0;  // kUnlimited: Docker's -1
  std::uint64_t hard = 0;
  static constexpr auto kFields = std::to_array<std::string_view>({"name", "soft", "hard"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.name, self.soft, self.hard);
  };
};

// Times in nanoseconds; absent: the image's, else Docker's own (30 s, 30 s, 0 s, 3).
struct Healthcheck final {
  std::vector<Argument>
      test;  // NONE, CMD and arguments, or CMD-SHELL and a line; empty: the image's
  std::optional<std::uint64_t> interval;
  std::optional<std::uint64_t> timeout;
  std::optional<std::uint64_t> start_period;
  std::optional<std::uint32_t> retries;
  static constexpr auto kFields =
      std::to_array<std::string_view>({"test", "interval", "timeout", "start_period", "retries"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.test, self.interval, self.timeout, self.start_period, self.retries);
  };
};

struct StopSignalRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be a signal such as SIGTERM, SIGRTMIN+3 or a number from 1 to 64";
};
using StopSignal = Checked<StopSignalRule>;

struct IpAddressRule {
  static bool accepts(std::string_view text);  // literal IPv4 or IPv6
  static constexpr std::string_view kExpected = "must be an IPv4 or IPv6 address";
};
using IpAddress = Checked<IpAddressRule>;

struct HostAddressRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected = "must be an IPv4 or IPv6 address or host-gateway";
};
using HostAddress = Checked<HostAddressRule>;

// A line of /etc/hosts.
struct ExtraHost final {
  HostName name;
  HostAddress address;
  static constexpr auto kFields = std::to_array<std::string_view>({"name", "address"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.name, self.address); };
  friend bool operator==(const ExtraHost&, const ExtraHost&) = default;
};

struct GroupRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be a group: a number or a name of A-Z a-z 0-9 _ . -";
};
using Group = Checked<GroupRule>;  // a name is looked up in the image

struct DriverNameRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected = "must be 1 to 32 of a-z 0-9 _ . -";
};
using DriverName = Checked<DriverNameRule>;

inline constexpr std::uint32_t kAllGpus = std::numeric_limits<std::uint32_t>::max();

// GPUs by driver and number; which ones is the Engine's choice.
struct DeviceRequest final {
  DriverName driver;
  std::uint32_t count = 1;  // kAllGpus: Docker's -1
  static constexpr auto kFields = std::to_array<std::string_view>({"driver", "count"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.driver, self.count); };
};

enum class LogDriver : std::uint8_t { json_file, local, journald, none };
constexpr LogDriver enum_last(LogDriver) { return LogDriver::none; }
std::string_view enum_name(LogDriver driver);  // Docker's spelling
std::optional<LogDriver> parse_log_driver(std::string_view name);

struct LogConfig final {
  LogDriver driver = LogDriver::json_file;
  std::optional<std::uint64_t> max_size;   // bytes of one file; json-file and local only
  std::optional<std::uint32_t> max_files;  // kept; json-file and local only
  static constexpr auto kFields =
      std::to_array<std::string_view>({"driver", "max_size", "max_file"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.driver, self.max_size, self.max_files);
  };
};

enum class PullMode : std::uint8_t { missing, always, never };
constexpr PullMode enum_last(PullMode) { return PullMode::never; }
std::string_view enum_name(PullMode mode);
std::optional<PullMode> parse_pull_mode(std::string_view name);

}  // namespace dc
