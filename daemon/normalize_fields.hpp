// SPDX-License-Identifier: Apache-2.0
// Readers of what containers/run may hold, by theme: each takes one field's value as docker-py and
// the Docker API spell it, and fills a member of the command. Front only; every value is hostile.
// A failure is Errc::invalid_request with a sentence that names the field and what to write.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>
#include "common/commands.hpp"
#include "daemon/json_body.hpp"

namespace dc::daemon {

using Read = Result<void>;

// --- normalize_process.cpp ---------------------------------------------------------------------
// A list of words, or one string that is split as POSIX shlex does.
Read read_arguments(Json value, std::string_view name, std::vector<Argument>& arguments);
// {"K": "V"} or ["K=V"].
Read read_environment(Json value, std::string_view name, std::vector<Variable>& variables);
Read read_labels(Json value, std::string_view name, std::vector<Label>& labels);
// "user", "user:group" or a number.
Read read_user(Json value, std::string_view name, std::optional<UserSpec>& user);
Read read_groups(Json value, std::string_view name, std::vector<Group>& groups);
// {"Test": [...] or a line for the shell, "Interval": nanoseconds, ...}.
Read read_healthcheck(Json value, std::string_view name, std::optional<Healthcheck>& check);
// "SIGINT" or a number.
Read read_stop_signal(Json value, std::string_view name, std::optional<StopSignal>& signal);

// --- normalize_mounts.cpp ----------------------------------------------------------------------
// {source: target}, {source: {"bind": target, "mode": "ro"}} or ["source:target:ro"].
Read read_volumes(Json value, std::string_view name, std::vector<Mount>& mounts);
// {target: "size=64m,mode=1777"} or ["target:size=64m"].
Read read_tmpfs(Json value, std::string_view name, std::vector<Tmpfs>& list);

// --- normalize_devices.cpp ---------------------------------------------------------------------
// ["/dev/x", "/dev/x:/dev/x:rwm"].
Read read_devices(Json value, std::string_view name, std::vector<Device>& devices);
// [{"Driver": "nvidia", "Count": 1, "Capabilities": [["gpu"]]}].
Read read_device_requests(Json value, std::string_view name, std::vector<DeviceRequest>& gpus);
Read read_capabilities(Json value, std::string_view name, std::vector<Capability>& list);

// --- normalize_limits.cpp ----------------------------------------------------------------------
// "512m" or a number of bytes; none of 0.
Read read_size(Json value, std::string_view name, std::optional<std::uint64_t>& bytes);
// The same; Docker's -1 (no limit) is refused with a reason.
Read read_memswap(Json value, std::string_view name, std::optional<std::uint64_t>& bytes);
// Processors such as 1.5, in billionths.
Read read_cpus(Json value, std::string_view name, std::optional<std::uint64_t>& nano_cpus);
// [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]; -1: unlimited.
Read read_ulimits(Json value, std::string_view name, std::vector<Ulimit>& ulimits);
// {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}.
Read read_log_config(Json value, std::string_view name, std::optional<LogConfig>& log);

// --- normalize_hosts.cpp -----------------------------------------------------------------------
// {"name": "address"} or ["name:address"].
Read read_extra_hosts(Json value, std::string_view name, std::vector<ExtraHost>& hosts);
Read read_dns(Json value, std::string_view name, std::vector<IpAddress>& addresses);

// --- what several of them need -----------------------------------------------------------------

// One member of an object that has a spelling of the Docker API and one of docker-py.
template <class Target>
struct Spelling {
  std::string_view engine, python;
  Read (*read)(Json value, std::string_view name, Target& target);
};

// Gives the members of an object to their readers. null is absence; an unknown member and one that
// is given in both spellings are refused.
template <class Target, std::size_t N>
Read read_spellings(Json value, std::string_view name,
                    const std::array<Spelling<Target>, N>& declared, Target& target) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return field_error(name, "must be an object");
  std::array<bool, N> seen{};
  for (const auto member : object) {
    std::size_t at = 0;
    while (at < N && declared[at].engine != member.key && declared[at].python != member.key) ++at;
    if (at == N) return field_error(name, "has an unknown member " + quote(member.key));
    if (std::exchange(seen[at], true)) {
      return field_error(name, "gives " + quote(declared[at].engine) + " in two spellings");
    }
    if (is_null(member.value)) continue;
    const std::string path = std::string(name) + "." + std::string(member.key);
    if (auto read = declared[at].read(member.value, path, target); !read) return read;
  }
  return {};
}

// Gives the elements of a list to `read`; `expected` completes the error sentence of what is none.
template <class Reader>
Read read_list(Json value, std::string_view name, std::string_view expected, const Reader& read) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return field_error(name, expected);
  for (const Json element : array) {
    if (auto done = read(element); !done) return done;
  }
  return {};
}

// The same of a list of strings.
template <class Reader>
Read read_strings(Json value, std::string_view name, std::string_view expected,
                  const Reader& read) {
  return read_list(value, name, expected, [&](Json element) -> Read {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return field_error(name, expected);
    return read(text);
  });
}

}  // namespace dc::daemon
