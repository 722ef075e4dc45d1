// SPDX-License-Identifier: Apache-2.0
// What no policy can allow and what every value must reach: shared by the loader, which refuses a
// file that says otherwise, and by the checks, which refuse it again. Both sides.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dc::policy {

inline constexpr std::uint64_t kMinMemory = 6ULL << 20;    // the Engine's own floor
inline constexpr std::uint64_t kMinNanoCpus = 10'000'000;  // the Engine's own floor
inline constexpr std::uint64_t kMaxPids = 4ULL << 20;      // the kernel's pid_max
inline constexpr std::uint64_t kNanosPerCpu = 1'000'000'000;
inline constexpr std::uint64_t kMaxCpus = 4096;
inline constexpr std::uint64_t kMaxRate = 1'000'000;  // more than one process can answer

inline constexpr std::uint64_t kMaxQuota = 100'000;             // more than an Engine keeps
inline constexpr std::uint64_t kMinHealthTime = 1'000'000'000;  // nanoseconds; a check is a process

// Privileged ports, docker-control's own and the Engine's.
constexpr bool is_reserved_port(std::uint32_t port) {
  return port < 1024 || port == 8002 || port == 2375 || port == 2376;
}

// Names with which the Engine means something other than a network of that name.
constexpr bool is_reserved_network(std::string_view name) {
  constexpr std::array<std::string_view, 3> kReserved = {"default", "ingress", "docker_gwbridge"};
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

// The Engine's own three: constants that nobody can replace.
constexpr bool is_builtin_network(std::string_view name) {
  return name == "bridge" || name == "host" || name == "none";
}

// "[service.NAME]", quoted where TOML asks for it.
inline std::string section_name(std::string_view service) {
  const bool bare = service.find_first_of(".:@") == std::string_view::npos;
  const std::string name(service);
  return bare ? "[service." + name + "]" : "[service.\"" + name + "\"]";
}

// 17179869184 -> "16g"; the spelling of the policy file.
inline std::string size_text(std::uint64_t bytes) {
  constexpr std::string_view kUnits = "kmgt";
  std::size_t unit = 0;
  while (unit < kUnits.size() && bytes != 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  std::string text = std::to_string(bytes);
  if (unit > 0) text += kUnits[unit - 1];
  return text;
}

// 5000000000 -> "5s", 1500000000 -> "1500ms"; the spelling of the policy file.
inline std::string duration_text(std::uint64_t nanoseconds) {
  constexpr std::uint64_t kSecond = 1'000'000'000, kMillisecond = 1'000'000;
  if (nanoseconds % kSecond == 0) return std::to_string(nanoseconds / kSecond) + "s";
  return std::to_string(nanoseconds / kMillisecond) + "ms";
}

// 1500000000 -> "1.5".
inline std::string cpus_text(std::uint64_t nano_cpus) {
  std::string text = std::to_string(nano_cpus / kNanosPerCpu);
  if (nano_cpus % kNanosPerCpu == 0) return text;
  std::string fraction = std::to_string(kNanosPerCpu + nano_cpus % kNanosPerCpu).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return text + "." + fraction;
}

}  // namespace dc::policy
