// SPDX-License-Identifier: Apache-2.0
// What the check_*.cpp share. Both sides.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/commands.hpp"
#include "policy/judge.hpp"

namespace dc::policy {

inline tl::unexpected<Error> invalid(std::string detail) {
  return fail(Errc::invalid_request, std::move(detail));
}

inline tl::unexpected<Error> too_many(std::string_view field, std::size_t max,
                                      std::string_view unit) {
  return invalid(std::string(field) + " must be at most " + std::to_string(max) +
                 std::string(unit));
}

inline std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// --- check.cpp ---------------------------------------------------------------------------------

Result<void> check_image(const ImageRef& image, Judge& judge);
// A network by which a container may be reached; `host` and `none` too.
Result<void> check_listed(const NetworkName& network, Judge& judge);
// A name that a container is found by: its own or its host name.
Result<void> check_name(std::string_view name, Judge& judge);

// --- check_limits.cpp --------------------------------------------------------------------------

// One limit: its names in requests and in the policy file, and its least value.
struct LimitRule {
  std::string_view field, key;
  std::uint64_t min;
  std::string (*text)(std::uint64_t);
  std::string (*wanted)(std::uint64_t);  // in TOML
};
std::string count_text(std::uint64_t count);
std::string quoted_size(std::uint64_t bytes);

// Fills in the default. Zero, which the Engine takes for "no limit", is under every minimum.
Result<void> check_limit(std::optional<std::uint64_t>& asked, const Limit& limit,
                         const LimitRule& rule, Judge& judge);
// memory, memswap, cpus, pids, shm
Result<void> check_limits(RunContainer& run, Judge& judge);
Result<void> check_ulimits(const RunContainer& run, Judge& judge);

// --- check_mounts.cpp --------------------------------------------------------------------------

// Names of the policy become their paths, modes are filled in.
Result<void> check_mounts(RunContainer& run, Judge& judge);
Result<void> check_tmpfs(RunContainer& run, Judge& judge);

// --- check_devices.cpp -------------------------------------------------------------------------

Result<void> check_devices(const RunContainer& run, Judge& judge);
Result<void> check_gpus(const RunContainer& run, Judge& judge);
// "ALL" becomes what the policy takes it for; both lists come out in the kernel's order.
Result<void> check_capabilities(RunContainer& run, Judge& judge);

// --- check_settings.cpp ------------------------------------------------------------------------

Result<void> check_user(const RunContainer& run, Judge& judge);
Result<void> check_groups(const RunContainer& run, Judge& judge);
Result<void> check_dns(const RunContainer& run, Judge& judge);
Result<void> check_extra_hosts(const RunContainer& run, Judge& judge);
Result<void> check_healthcheck(RunContainer& run, Judge& judge);
// Always leaves a driver and, where it writes files, their size and number.
Result<void> check_log(RunContainer& run, Judge& judge);

}  // namespace dc::policy
