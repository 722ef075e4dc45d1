// SPDX-License-Identifier: Apache-2.0
// The rules of what a new container may be given. Both sides; pure functions of untrusted text.
#include "common/container_types.hpp"
#include <arpa/inet.h>
#include <algorithm>
#include <charconv>
#include "common/text_rules.hpp"

namespace dc {
namespace {

using namespace rules;

constexpr auto kCapabilities = std::to_array<std::string_view>({"CHOWN",
                                                                "DAC_OVERRIDE",
                                                                "DAC_READ_SEARCH",
                                                                "FOWNER",
                                                                "FSETID",
                                                                "KILL",
                                                                "SETGID",
                                                                "SETUID",
                                                                "SETPCAP",
                                                                "LINUX_IMMUTABLE",
                                                                "NET_BIND_SERVICE",
                                                                "NET_BROADCAST",
                                                                "NET_ADMIN",
                                                                "NET_RAW",
                                                                "IPC_LOCK",
                                                                "IPC_OWNER",
                                                                "SYS_MODULE",
                                                                "SYS_RAWIO",
                                                                "SYS_CHROOT",
                                                                "SYS_PTRACE",
                                                                "SYS_PACCT",
                                                                "SYS_ADMIN",
                                                                "SYS_BOOT",
                                                                "SYS_NICE",
                                                                "SYS_RESOURCE",
                                                                "SYS_TIME",
                                                                "SYS_TTY_CONFIG",
                                                                "MKNOD",
                                                                "LEASE",
                                                                "AUDIT_WRITE",
                                                                "AUDIT_CONTROL",
                                                                "SETFCAP",
                                                                "MAC_OVERRIDE",
                                                                "MAC_ADMIN",
                                                                "SYSLOG",
                                                                "WAKE_ALARM",
                                                                "BLOCK_SUSPEND",
                                                                "AUDIT_READ",
                                                                "PERFMON",
                                                                "BPF",
                                                                "CHECKPOINT_RESTORE",
                                                                "ALL"});
constexpr auto kUlimits = std::to_array<std::string_view>(
    {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc",
     "rss", "rtprio", "rttime", "sigpending", "stack"});
constexpr auto kLogDrivers =
    std::to_array<std::string_view>({"json-file", "local", "journald", "none"});
constexpr auto kPullModes = std::to_array<std::string_view>({"missing", "always", "never"});
// signal(7), without SIG.
constexpr auto kSignals = std::to_array<std::string_view>(
    {"ABRT", "ALRM", "BUS",  "CHLD", "CONT", "FPE",  "HUP",    "ILL",   "INT",  "IO",
     "KILL", "PIPE", "PROF", "PWR",  "QUIT", "SEGV", "STOP",   "SYS",   "TERM", "TRAP",
     "TSTP", "TTIN", "TTOU", "URG",  "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ"});

// In its one spelling already.
bool is_clean_path(std::string_view text) {
  return text.size() <= limits::kPath && text.find(':') == std::string_view::npos &&
         text.find_first_of("\\\"") == std::string_view::npos &&
         all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; }) && clean_path(text) == text;
}

bool is_number(std::string_view text, unsigned first, unsigned last) {
  unsigned number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size() && number >= first &&
         number <= last;
}

}  // namespace

std::optional<std::string> clean_path(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  std::string clean;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part == "..") return std::nullopt;
    if (part.empty() || part == ".") continue;
    clean.append("/").append(part);
  }
  return clean.empty() ? "/" : clean;
}

bool HostPathRule::accepts(std::string_view text) { return is_clean_path(text); }

bool VolumeNameRule::accepts(std::string_view text) {
  return text.size() >= 2 && is_name(text, 128) && !(text.size() == 64 && all_of(text, is_hex));
}

bool MountSourceRule::accepts(std::string_view text) {
  return HostPathRule::accepts(text) || VolumeNameRule::accepts(text);
}

bool MountTargetRule::accepts(std::string_view text) {
  if (!is_clean_path(text) || text == "/") return false;
  if (text.starts_with("/dev/hugepages")) return true;
  return !is_under(text, "/proc") && !is_under(text, "/sys") && !is_under(text, "/dev") &&
         !text.starts_with("/etc/ld.so");
}

bool DevicePathRule::accepts(std::string_view text) {
  return text.starts_with("/dev/") && is_clean_path(text) &&
         all_of(text, [](char c) { return is_name_char(c) || c == '/' || c == '+'; });
}

std::string_view enum_name(Capability capability) {
  return kCapabilities.at(static_cast<std::size_t>(capability));
}

std::optional<Capability> parse_capability(std::string_view name) {
  std::string upper(name.substr(0, 64));
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (upper.starts_with("CAP_")) upper.erase(0, 4);
  return find_enum<Capability>(kCapabilities, upper);
}

std::string_view enum_name(UlimitName name) { return kUlimits.at(static_cast<std::size_t>(name)); }
std::optional<UlimitName> parse_ulimit(std::string_view name) {
  return find_enum<UlimitName>(kUlimits, name);
}

bool StopSignalRule::accepts(std::string_view text) {
  if (is_number(text, 1, 64)) return true;
  if (text.starts_with("SIG")) text.remove_prefix(3);
  if (std::find(kSignals.begin(), kSignals.end(), text) != kSignals.end()) return true;
  if (!text.starts_with("RTM")) return false;
  text.remove_prefix(3);
  const bool from_min = text.starts_with("IN");
  if (!from_min && !text.starts_with("AX")) return false;
  text.remove_prefix(2);
  if (text.empty()) return true;
  return text.front() == (from_min ? '+' : '-') && is_number(text.substr(1), 1, 15);
}

bool IpAddressRule::accepts(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return false;
  const std::string terminated(text);
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1;
}

bool HostAddressRule::accepts(std::string_view text) {
  return text == "host-gateway" || IpAddressRule::accepts(text);
}

bool GroupRule::accepts(std::string_view text) { return is_user_part(text); }

bool DriverNameRule::accepts(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         all_of(text, [](char c) { return is_name_char(c) && !(c >= 'A' && c <= 'Z'); });
}

std::string_view enum_name(LogDriver driver) {
  return kLogDrivers.at(static_cast<std::size_t>(driver));
}
std::optional<LogDriver> parse_log_driver(std::string_view name) {
  return find_enum<LogDriver>(kLogDrivers, name);
}

std::string_view enum_name(PullMode mode) { return kPullModes.at(static_cast<std::size_t>(mode)); }
std::optional<PullMode> parse_pull_mode(std::string_view name) {
  return find_enum<PullMode>(kPullModes, name);
}

}  // namespace dc
