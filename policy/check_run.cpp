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
  constexpr std::string_view kFields = "command, entrypoint and healthcheck";
  static const std::vector<Argument> kNone;
  std::size_t count = 0, bytes = 0;
  const auto& test = run.healthcheck ? run.healthcheck->test : kNone;
  for (const auto* list : {&run.command, &run.entrypoint, &test}) {
    count += list->size();
    for (const Argument& argument : *list) bytes += argument.view().size();
  }
  if (count > limits::kArguments) {
    return too_many(kFields, limits::kArguments, " arguments together");
  }
  if (bytes <= limits::kArgumentBytes) return {};
  return too_many(kFields, limits::kArgumentBytes, " bytes together");
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

Result<void> check_read_only(const RunContainer& run, Judge& judge) {
  if (run.read_only || !judge.profile().require_read_only) return {};
  return judge.refuse(
      Errc::field_not_allowed, "The root file system must be read_only",
      {"require_read_only", "false", "ask for read_only, or set require_read_only to false"});
}

Result<void> check_names(const RunContainer& run, Judge& judge) {
  if (run.name) {
    if (auto name = check_name(run.name->view(), judge); !name) return name;
  }
  if (!run.hostname) return {};
  return check_name(run.hostname->view(), judge);
}

Result<void> check_stop(const RunContainer& run) {
  if (run.stop_timeout.value_or(0) <= limits::kStopTimeout) return {};
  return too_many("stop_timeout", limits::kStopTimeout, " seconds");
}

using Step = Result<void> (*)(RunContainer& run, Judge& judge);

// A rule that changes nothing, or asks no policy, as a step.
template <Result<void> (*Check)(const RunContainer&)>
Result<void> step(RunContainer& run, Judge&) {
  return Check(run);
}
template <Result<void> (*Check)(const RunContainer&, Judge&)>
Result<void> step(RunContainer& run, Judge& judge) {
  return Check(run, judge);
}

Result<void> check_run_image(const RunContainer& run, Judge& judge) {
  return check_image(run.image, judge);
}

// In this order: what is wrong whatever the policy says, then what the policy decides. The network
// comes before what depends on it, the size after all that is filled in.
constexpr auto kSteps = std::to_array<Step>({
    step<check_arguments>,
    step<check_environment>,
    step<check_labels>,
    step<check_stop>,
    step<check_run_image>,
    step<check_names>,
    check_network,
    check_ports,
    check_mounts,
    check_tmpfs,
    step<check_devices>,
    step<check_gpus>,
    check_capabilities,
    step<check_user>,
    step<check_groups>,
    step<check_read_only>,
    check_limits,
    step<check_ulimits>,
    check_restart,
    check_healthcheck,
    check_log,
    step<check_dns>,
    step<check_extra_hosts>,
    step<check_size>,
});

}  // namespace

Result<RunContainer> check(RunContainer run, Judge& judge) {
  for (const Step step : kSteps) {
    if (auto good = step(run, judge); !good) return fail(std::move(good.error()));
  }
  return run;
}

}  // namespace dc::policy
