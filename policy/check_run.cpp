// SPDX-License-Identifier: Apache-2.0
// What a new container may be: the rules of run, field by field, and the defaults that it gets.
// Both sides; pure functions of a validated command and the administrator's profile.
#include <algorithm>
#include <set>
#include "common/wire.hpp"
#include "policy/authorize.hpp"
#include "policy/check_common.hpp"
#include "policy/rules.hpp"

namespace dc::policy {
namespace {

// Room in a frame for what travels around a command.
constexpr std::size_t kFrameEnvelope = 1024;

// Fills in the bridge, so that the Engine is never left to choose.
Result<void> check_network(RunContainer& run, Judge& judge) {
  if (!run.network) run.network = *NetworkName::parse("bridge");
  if (auto listed = check_listed(*run.network, judge); !listed) return listed;
  const std::string& name = run.network->str();
  if (!run.ports.empty() && (name == "host" || name == "none")) {
    return invalid("ports cannot be published on the network " + in_quotes(name));
  }
  return {};
}

Result<void> check_host_port(std::uint16_t port, Judge& judge) {
  const std::string text = std::to_string(port);
  if (is_reserved_port(port)) {
    return fail(Errc::port_not_allowed, "Host port " + text + " can never be published");
  }
  const auto& ranges = judge.profile().host_ports;
  const bool listed = std::any_of(ranges.begin(), ranges.end(), [&](const PortRange& range) {
    return range.first <= port && port <= range.last;
  });
  if (listed) return {};
  return judge.refuse(Errc::port_not_allowed, "Host port " + text + " not in allowed list",
                      {"ports.host", in_quotes(text)});
}

Result<void> check_ephemeral(Judge& judge) {
  if (judge.profile().ephemeral_ports) return {};
  return judge.refuse(
      Errc::port_not_allowed, "Ephemeral host ports are not allowed",
      {"ports.ephemeral", "true", "name a host port, or set ports.ephemeral to true"});
}

Result<void> check_ports(RunContainer& run, Judge& judge) {
  if (run.ports.size() > limits::kPorts) return too_many("ports", limits::kPorts, "");
  std::set<std::pair<std::uint16_t, Protocol>> taken;
  for (Port& port : run.ports) {
    if (port.container == 0) return invalid("a container port must be 1 to 65535");
    if (port.host == 0) port.host.reset();  // Docker's spelling of "any"
    if (!port.host) {
      if (auto allowed = check_ephemeral(judge); !allowed) return allowed;
      continue;
    }
    if (auto allowed = check_host_port(*port.host, judge); !allowed) return allowed;
    if (!taken.emplace(*port.host, port.protocol).second) {
      return fail(Errc::conflict,
                  "Host port " + std::to_string(*port.host) + " is asked for more than once");
    }
  }
  return {};
}

// One limit of `run`: its names in requests and in the policy file, and its least value.
struct LimitRule {
  std::string_view field, key;
  std::uint64_t min;
  std::string (*text)(std::uint64_t);
  std::string (*wanted)(std::uint64_t);  // in TOML
};
std::string count_text(std::uint64_t count) { return std::to_string(count); }
std::string quoted_size(std::uint64_t bytes) { return in_quotes(size_text(bytes)); }
constexpr LimitRule kMemoryRule{"mem_limit", "memory", kMinMemory, size_text, quoted_size};
constexpr LimitRule kCpusRule{"cpus", "cpus", kMinNanoCpus, cpus_text, cpus_text};
constexpr LimitRule kPidsRule{"pids_limit", "pids", 1, count_text, count_text};
constexpr LimitRule kShmRule{"shm_size", "shm", 1, size_text, quoted_size};

// Fills in the default. Zero, which the Engine takes for "no limit", is under every minimum.
Result<void> check_limit(std::optional<std::uint64_t>& asked, const Limit& limit,
                         const LimitRule& rule, Judge& judge) {
  if (!asked) asked = limit.standard;
  const std::string field(rule.field);
  if (*asked < rule.min) return invalid(field + " must be at least " + rule.text(rule.min));
  if (*asked <= limit.max) return {};
  const std::string key(rule.key);
  return judge.refuse(
      Errc::limit_exceeded, field + " is over the policy's maximum of " + rule.text(limit.max),
      {key + ".max", rule.wanted(*asked), "ask for less, or raise the max of " + key});
}

Result<void> check_limits(RunContainer& run, Judge& judge) {
  const Profile& profile = judge.profile();
  if (auto memory = check_limit(run.memory, profile.memory, kMemoryRule, judge); !memory) {
    return memory;
  }
  if (auto cpus = check_limit(run.nano_cpus, profile.nano_cpus, kCpusRule, judge); !cpus) {
    return cpus;
  }
  if (auto pids = check_limit(run.pids, profile.pids, kPidsRule, judge); !pids) return pids;
  return check_limit(run.shm, profile.shm, kShmRule, judge);
}

// Without restart is always allowed. on-failure without a count would retry for ever.
Result<void> check_restart(RunContainer& run, Judge& judge) {
  RestartPolicy& restart = run.restart;
  if (restart.kind != Restart::on_failure && restart.retries != 0) {
    return invalid("restart_policy takes a MaximumRetryCount only with on-failure");
  }
  if (restart.kind == Restart::no) return {};
  if (run.auto_remove) return invalid("auto_remove and restart_policy exclude each other");
  const auto& allowed = judge.profile().restart;
  if (std::find(allowed.begin(), allowed.end(), restart.kind) == allowed.end()) {
    auto refused = judge.refuse(Errc::field_not_allowed, "Restart policy not in allowed list",
                                {"restart", in_quotes(enum_name(restart.kind))});
    if (!refused) return refused;
  }
  if (restart.kind != Restart::on_failure) return {};
  if (restart.retries == 0) restart.retries = limits::kRestartRetries;
  if (restart.retries <= limits::kRestartRetries) return {};
  return too_many("restart_policy MaximumRetryCount", limits::kRestartRetries, "");
}

Result<void> check_arguments(const RunContainer& run) {
  std::size_t bytes = 0;
  for (const auto* list : {&run.command, &run.entrypoint}) {
    for (const Argument& argument : *list) bytes += argument.view().size();
  }
  if (run.command.size() + run.entrypoint.size() > limits::kArguments) {
    return too_many("command and entrypoint", limits::kArguments, " arguments together");
  }
  if (bytes <= limits::kArgumentBytes) return {};
  return too_many("command and entrypoint", limits::kArgumentBytes, " bytes together");
}

Result<void> check_environment(const RunContainer& run) {
  if (run.environment.size() > limits::kVariables) {
    return too_many("environment", limits::kVariables, " variables");
  }
  std::size_t bytes = 0;
  std::set<std::string_view> names;
  for (const Variable& variable : run.environment) {
    bytes += variable.name.view().size() + 1 + variable.value.view().size();
    if (!names.insert(variable.name.view()).second) {
      return invalid("environment names a variable more than once");
    }
  }
  if (bytes <= limits::kVariableBytes) return {};
  return too_many("environment", limits::kVariableBytes, " bytes");
}

Result<void> check_labels(const RunContainer& run) {
  if (run.labels.size() > limits::kLabels) return too_many("labels", limits::kLabels, "");
  std::set<std::string_view> keys;
  for (const Label& label : run.labels) {
    if (!keys.insert(label.key.view()).second) return invalid("labels name a key more than once");
  }
  return {};
}

Result<void> check_size(const RunContainer& run) {
  wire::Writer out;
  wire::encode(out, run);
  if (out.take().size() <= limits::kFrame - kFrameEnvelope) return {};
  return too_many("the request", limits::kFrame - kFrameEnvelope, " bytes, all fields together");
}

// Not offered yet.
Result<void> check_unoffered(const RunContainer& run) {
  const bool asked = !run.mounts.empty() || !run.tmpfs.empty() || !run.devices.empty() ||
                     !run.gpus.empty() || !run.cap_add.empty() || !run.cap_drop.empty() ||
                     !run.ulimits.empty() || !run.dns.empty() || !run.extra_hosts.empty() ||
                     !run.groups.empty() || run.healthcheck || run.stop_signal ||
                     run.stop_timeout || run.log || run.pull != PullMode::missing || run.tty ||
                     run.stdin_open || run.memswap;
  if (!asked) return {};
  return fail(Errc::field_not_allowed, "A field of the request is not offered");
}

}  // namespace

Result<RunContainer> check(RunContainer run, Judge& judge) {
  if (auto offered = check_unoffered(run); !offered) return fail(offered.error());
  if (auto arguments = check_arguments(run); !arguments) return fail(arguments.error());
  if (auto variables = check_environment(run); !variables) return fail(variables.error());
  if (auto labels = check_labels(run); !labels) return fail(labels.error());
  if (auto image = check_image(run.image, judge); !image) return fail(image.error());
  if (auto network = check_network(run, judge); !network) return fail(network.error());
  if (auto ports = check_ports(run, judge); !ports) return fail(ports.error());
  if (auto limits = check_limits(run, judge); !limits) return fail(limits.error());
  if (auto restart = check_restart(run, judge); !restart) return fail(restart.error());
  if (auto size = check_size(run); !size) return fail(size.error());
  return run;
}

}  // namespace dc::policy
