// SPDX-License-Identifier: Apache-2.0
// The rules: one check() per command. Both sides; pure functions of validated commands and the
// administrator's profile. What a policy could allow is refused with the key that would; what none
// can allow is refused without a hint.
#include <algorithm>
#include <set>
#include "common/wire.hpp"
#include "policy/authorize.hpp"
#include "policy/rules.hpp"

namespace dc::policy {
namespace {

// Room in a frame for what travels around a command.
constexpr std::size_t kFrameEnvelope = 1024;

tl::unexpected<Error> invalid(std::string detail) {
  return fail(Errc::invalid_request, std::move(detail));
}

tl::unexpected<Error> too_many(std::string_view field, std::size_t max, std::string_view unit) {
  return invalid(std::string(field) + " must be at most " + std::to_string(max) +
                 std::string(unit));
}

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string in_policy_file(const Profile& profile) {
  return " of " + section_name(profile.service.view()) + " in the policy file";
}

Result<void> check_image(const ImageRef& image, const Profile& profile) {
  if (is_image_allowed(image, profile)) return {};
  return fail(Errc::image_not_allowed, "Image not in allowed list",
              "add " + in_quotes(image.name() + ":") + " to images" + in_policy_file(profile));
}

bool is_listed(const NetworkName& network, const Profile& profile) {
  const auto& listed = profile.networks;
  return std::find(listed.begin(), listed.end(), network) != listed.end();
}

Result<void> check_listed(const NetworkName& network, const Profile& profile) {
  const std::string& name = network.str();
  if (is_reserved_network(name)) {
    return fail(Errc::network_not_allowed,
                "Network not in allowed list: " + in_quotes(name) + " can never be used");
  }
  if (is_listed(network, profile)) return {};
  return fail(Errc::network_not_allowed, "Network not in allowed list",
              "add " + in_quotes(name) + " to networks" + in_policy_file(profile));
}

tl::unexpected<Error> is_engines_own(const NetworkName& network) {
  return fail(Errc::network_not_allowed, "The network " + in_quotes(network.view()) +
                                             " is the Engine's own and stays as it is");
}

Result<void> check_makeable(const NetworkName& network, const Profile& profile) {
  if (is_builtin_network(network.view())) return is_engines_own(network);
  return check_listed(network, profile);
}

// A running container can join and leave the bridge, but not the host's network or none.
Result<void> check_joinable(const NetworkName& network, const Profile& profile) {
  if (network.view() != "bridge") return check_makeable(network, profile);
  return check_listed(network, profile);
}

// Fills in the bridge, so that the Engine is never left to choose.
Result<void> check_network(RunContainer& run, const Profile& profile) {
  if (!run.network) run.network = *NetworkName::parse("bridge");
  if (auto listed = check_listed(*run.network, profile); !listed) return listed;
  const std::string& name = run.network->str();
  if (!run.ports.empty() && (name == "host" || name == "none")) {
    return invalid("ports cannot be published on the network " + in_quotes(name));
  }
  return {};
}

Result<void> check_host_port(std::uint16_t port, const Profile& profile) {
  const std::string text = std::to_string(port);
  if (is_reserved_port(port)) {
    return fail(Errc::port_not_allowed, "Host port " + text + " can never be published");
  }
  const auto& ranges = profile.host_ports;
  const bool listed = std::any_of(ranges.begin(), ranges.end(), [&](const PortRange& range) {
    return range.first <= port && port <= range.last;
  });
  if (listed) return {};
  return fail(Errc::port_not_allowed, "Host port " + text + " not in allowed list",
              "add " + in_quotes(text) + " to ports.host" + in_policy_file(profile));
}

Result<void> check_ports(RunContainer& run, const Profile& profile) {
  if (run.ports.size() > limits::kPorts) return too_many("ports", limits::kPorts, "");
  std::set<std::pair<std::uint16_t, Protocol>> taken;
  for (Port& port : run.ports) {
    if (port.container == 0) return invalid("a container port must be 1 to 65535");
    if (port.host == 0) port.host.reset();  // Docker's spelling of "any"
    if (!port.host && !profile.ephemeral_ports) {
      return fail(Errc::port_not_allowed, "Ephemeral host ports are not allowed",
                  "name a host port, or set ports.ephemeral to true" + in_policy_file(profile));
    }
    if (!port.host) continue;
    if (auto allowed = check_host_port(*port.host, profile); !allowed) return allowed;
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
};
std::string count_text(std::uint64_t count) { return std::to_string(count); }
constexpr LimitRule kMemoryRule{"mem_limit", "memory", kMinMemory, size_text};
constexpr LimitRule kCpusRule{"cpus", "cpus", kMinNanoCpus, cpus_text};
constexpr LimitRule kPidsRule{"pids_limit", "pids", 1, count_text};
constexpr LimitRule kShmRule{"shm_size", "shm", 1, size_text};

// Fills in the default. Zero, which the Engine takes for "no limit", is under every minimum.
Result<void> check_limit(std::optional<std::uint64_t>& asked, const Limit& limit,
                         const LimitRule& rule, const Profile& profile) {
  if (!asked) asked = limit.standard;
  const std::string field(rule.field);
  if (*asked < rule.min) return invalid(field + " must be at least " + rule.text(rule.min));
  if (*asked <= limit.max) return {};
  return fail(
      Errc::limit_exceeded, field + " is over the policy's maximum of " + rule.text(limit.max),
      "ask for less, or raise the max of " + std::string(rule.key) + in_policy_file(profile));
}

Result<void> check_limits(RunContainer& run, const Profile& profile) {
  if (auto memory = check_limit(run.memory, profile.memory, kMemoryRule, profile); !memory) {
    return memory;
  }
  if (auto cpus = check_limit(run.nano_cpus, profile.nano_cpus, kCpusRule, profile); !cpus) {
    return cpus;
  }
  if (auto pids = check_limit(run.pids, profile.pids, kPidsRule, profile); !pids) return pids;
  return check_limit(run.shm, profile.shm, kShmRule, profile);
}

// Without restart is always allowed. on-failure without a count would retry for ever.
Result<void> check_restart(RunContainer& run, const Profile& profile) {
  RestartPolicy& restart = run.restart;
  if (restart.kind != Restart::on_failure && restart.retries != 0) {
    return invalid("restart_policy takes a MaximumRetryCount only with on-failure");
  }
  if (restart.kind == Restart::no) return {};
  if (run.auto_remove) return invalid("auto_remove and restart_policy exclude each other");
  const auto& allowed = profile.restart;
  if (std::find(allowed.begin(), allowed.end(), restart.kind) == allowed.end()) {
    return fail(
        Errc::field_not_allowed, "Restart policy not in allowed list",
        "add " + in_quotes(enum_name(restart.kind)) + " to restart" + in_policy_file(profile));
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

// The labels by which the broker recognises its own; a filter on them would be an oracle.
bool is_hidden_label(std::string_view filter) {
  const std::string_view key = filter.substr(0, filter.find('='));
  return key == "docker-control.proof" || key == "docker-control.nonce";
}

Result<void> check_timeout(std::uint32_t seconds) {
  if (seconds <= limits::kStopTimeout) return {};
  return too_many("timeout", limits::kStopTimeout, " seconds");
}

// A password goes to the registry of its image and to no other. Docker Hub has several names.
Result<void> check_login(const RegistryLogin& login, const ImageRef& image) {
  if (!login.server) return {};
  std::string_view server = login.server->view();
  if (server.starts_with("https://")) server.remove_prefix(8);
  server = server.substr(0, server.find('/'));
  const bool hub = server == "docker.io" || server == "index.docker.io";
  if (server == image.domain() || (hub && image.domain() == "docker.io")) return {};
  return invalid("registry_auth serveraddress must be the registry of the image");
}

// The same command when `verdict` is good.
template <class X>
Result<X> checked(X command, Result<void> verdict) {
  if (!verdict) return fail(std::move(verdict.error()));
  return command;
}

}  // namespace

Result<const Profile*> check_scope(Scope scope, std::string_view operation, const Principal& caller,
                                   const Policy& policy) {
  const std::string name(scope_name(scope));
  const Profile* profile = policy.find(caller.service.view());
  if (profile == nullptr) {
    return fail(Errc::scope_denied, "this service has no profile in the policy",
                "add " + section_name(caller.service.view()) + " to the policy file");
  }
  const std::string detail = std::string(operation) + " needs the scope " + name;
  if (!profile->scopes.has(scope)) {
    return fail(Errc::scope_denied, detail,
                "add " + in_quotes(name) + " to scopes" + in_policy_file(*profile));
  }
  if (!caller.scopes.has(scope)) {
    return fail(Errc::scope_denied, detail, "the token's own scope claim leaves it out");
  }
  return profile;
}

Result<ListContainers> check(ListContainers list, const Profile&) {
  const std::size_t most = std::max({list.names.size(), list.labels.size(), list.states.size()});
  if (most > limits::kFilterValues)
    return too_many("filters", limits::kFilterValues, " values each");
  for (const auto& label : list.labels) {
    if (is_hidden_label(label.view())) return invalid("filters name a label that is not shown");
  }
  return list;
}

Result<InspectContainer> check(InspectContainer inspect, const Profile&) { return inspect; }

Result<RunContainer> check(RunContainer run, const Profile& profile) {
  if (auto arguments = check_arguments(run); !arguments) return fail(arguments.error());
  if (auto variables = check_environment(run); !variables) return fail(variables.error());
  if (auto labels = check_labels(run); !labels) return fail(labels.error());
  if (auto image = check_image(run.image, profile); !image) return fail(image.error());
  if (auto network = check_network(run, profile); !network) return fail(network.error());
  if (auto ports = check_ports(run, profile); !ports) return fail(ports.error());
  if (auto limits = check_limits(run, profile); !limits) return fail(limits.error());
  if (auto restart = check_restart(run, profile); !restart) return fail(restart.error());
  if (auto size = check_size(run); !size) return fail(size.error());
  return run;
}

Result<StartContainer> check(StartContainer start, const Profile&) { return start; }

Result<StopContainer> check(StopContainer stop, const Profile&) {
  return checked(stop, check_timeout(stop.timeout));
}

Result<RestartContainer> check(RestartContainer restart, const Profile&) {
  return checked(restart, check_timeout(restart.timeout));
}

Result<RemoveContainer> check(RemoveContainer remove, const Profile&) { return remove; }
Result<RenameContainer> check(RenameContainer rename, const Profile&) { return rename; }
Result<WaitContainer> check(WaitContainer wait, const Profile&) { return wait; }
Result<ReadStats> check(ReadStats stats, const Profile&) { return stats; }

Result<ReadLogs> check(ReadLogs logs, const Profile&) {
  if (!logs.out && !logs.err) return invalid("logs of neither stdout nor stderr are none");
  return logs;
}

Result<MeasureDirectory> check(MeasureDirectory measure, const Profile&) {
  if (measure.timeout >= limits::kMeasureTimeMin && measure.timeout <= limits::kMeasureTimeMax) {
    return measure;
  }
  return invalid("timeout must be 0.1 to 10 seconds");
}

Result<PullImage> check(PullImage pull, const Profile& profile) {
  if (auto image = check_image(pull.image, profile); !image) return fail(image.error());
  if (!pull.login) return pull;
  auto login = check_login(*pull.login, pull.image);
  return checked(std::move(pull), std::move(login));
}

Result<ReadPull> check(ReadPull read, const Profile&) { return read; }
Result<ListImages> check(ListImages list, const Profile&) { return list; }

Result<FindImage> check(FindImage find, const Profile& profile) {
  auto image = check_image(find.image, profile);
  return checked(std::move(find), std::move(image));
}

Result<RemoveImage> check(RemoveImage remove, const Profile& profile) {
  auto image = check_image(remove.image, profile);
  return checked(std::move(remove), std::move(image));
}

Result<CreateNetwork> check(CreateNetwork create, const Profile& profile) {
  return checked(create, check_makeable(create.network, profile));
}

Result<ListNetworks> check(ListNetworks list, const Profile&) {
  if (list.names.size() <= limits::kFilterValues) return list;
  return too_many("names", limits::kFilterValues, "");
}

Result<RemoveNetwork> check(RemoveNetwork remove, const Profile& profile) {
  return checked(remove, check_makeable(remove.network, profile));
}

Result<ConnectNetwork> check(ConnectNetwork connect, const Profile& profile) {
  return checked(connect, check_joinable(connect.network, profile));
}

Result<DisconnectNetwork> check(DisconnectNetwork disconnect, const Profile& profile) {
  return checked(disconnect, check_joinable(disconnect.network, profile));
}

Result<ReadServiceLog> check(ReadServiceLog read, const Profile&) {
  if (read.tail <= limits::kServiceLogLines) return read;
  return too_many("tail", limits::kServiceLogLines, " lines");
}

bool is_image_allowed(const ImageRef& image, const Profile& profile) {
  return std::any_of(profile.images.begin(), profile.images.end(),
                     [&](const ImagePattern& pattern) { return pattern.matches(image); });
}

bool may_see_network(const ServiceName& caller, const Profile& profile,
                     const std::optional<ServiceName>& owner, const NetworkName& network) {
  return profile.visible == Visible::all || owner == caller || is_listed(network, profile);
}

bool is_owned(const ServiceName& caller, const ContainerFacts& container) {
  return container.owner == caller;
}

bool may_see(const ServiceName& caller, const Profile& profile, const ContainerFacts& container) {
  return profile.visible == Visible::all || may_manage(caller, profile, container);
}

bool may_manage(const ServiceName& caller, const Profile& profile,
                const ContainerFacts& container) {
  if (container.owner) return is_owned(caller, container);
  return profile.manage_image_allowed && container.image &&
         is_image_allowed(*container.image, profile);
}

}  // namespace dc::policy
