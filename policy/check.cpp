// SPDX-License-Identifier: Apache-2.0
// The rules: one check() per command; that of run, the longest, is in check_run.cpp. Both sides;
// pure functions of validated commands and the administrator's profile. What a policy could allow
// is refused through Judge, with the key that would; what none can allow, without a hint.
#include <algorithm>
#include "policy/authorize.hpp"
#include "policy/check_common.hpp"
#include "policy/rules.hpp"

namespace dc::policy {

Result<void> check_image(const ImageRef& image, Judge& judge) {
  if (is_image_allowed(image, judge.profile())) return {};
  return judge.refuse(Errc::image_not_allowed, "Image not in allowed list",
                      {"images", in_quotes(image.name() + ":")});
}

namespace {

bool is_listed(const NetworkName& network, const Profile& profile) {
  const auto& listed = profile.networks;
  return std::find(listed.begin(), listed.end(), network) != listed.end();
}

}  // namespace

Result<void> check_listed(const NetworkName& network, Judge& judge) {
  const std::string& name = network.str();
  if (is_reserved_network(name)) {
    return fail(Errc::network_not_allowed,
                "Network not in allowed list: " + in_quotes(name) + " can never be used");
  }
  if (is_listed(network, judge.profile())) return {};
  return judge.refuse(Errc::network_not_allowed, "Network not in allowed list",
                      {"networks", in_quotes(name)});
}

namespace {

tl::unexpected<Error> is_engines_own(const NetworkName& network) {
  return fail(Errc::network_not_allowed, "The network " + in_quotes(network.view()) +
                                             " is the Engine's own and stays as it is");
}

Result<void> check_makeable(const NetworkName& network, Judge& judge) {
  if (is_builtin_network(network.view())) return is_engines_own(network);
  return check_listed(network, judge);
}

// A running container can join and leave the bridge, but not the host's network or none.
Result<void> check_joinable(const NetworkName& network, Judge& judge) {
  if (network.view() != "bridge") return check_makeable(network, judge);
  return check_listed(network, judge);
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

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

// Names are found in any case.
Result<void> check_name(std::string_view name, Judge& judge) {
  const std::string wanted = lower(name);
  for (const NamePattern& reserved : judge.profile().reserved_names) {
    const auto pattern = NamePattern::parse(lower(reserved.view()));
    if (!pattern || !matches(*pattern, wanted)) continue;
    const std::string entry = in_quotes(reserved.view());
    return judge.refuse(Errc::field_not_allowed, "The name " + in_quotes(name) + " is reserved",
                        {"reserved_names", entry,
                         "ask for another name, or take " + entry + " out of reserved_names"});
  }
  return {};
}

Result<const Profile*> check_scope(Scope scope, std::string_view operation, const Principal& caller,
                                   const Policy& policy) {
  const std::string name(scope_name(scope));
  const Profile* profile = policy.find(caller.service.view());
  if (profile == nullptr) {
    return fail(Error{Errc::scope_denied, "this service has no profile in the policy",
                      "add " + section_name(caller.service.view()) + " to the policy file",
                      "scopes", in_quotes(name)});
  }
  const std::string detail = std::string(operation) + " needs the scope " + name;
  if (!profile->scopes.has(scope)) {
    return fail(Error{Errc::scope_denied, detail,
                      "add " + in_quotes(name) + " to scopes of " +
                          section_name(profile->service.view()) + " in the policy file",
                      "scopes", in_quotes(name)});
  }
  if (!caller.scopes.has(scope)) {
    return fail(Errc::scope_denied, detail, "the token's own scope claim leaves it out");
  }
  return profile;
}

Result<ListContainers> check(ListContainers list, Judge&) {
  const std::size_t most = std::max({list.names.size(), list.labels.size(), list.states.size()});
  if (most > limits::kFilterValues)
    return too_many("filters", limits::kFilterValues, " values each");
  for (const auto& label : list.labels) {
    if (is_hidden_label(label.view())) return invalid("filters name a label that is not shown");
  }
  return list;
}

Result<InspectContainer> check(InspectContainer inspect, Judge&) { return inspect; }

Result<StartContainer> check(StartContainer start, Judge&) { return start; }

Result<StopContainer> check(StopContainer stop, Judge&) {
  return checked(stop, check_timeout(stop.timeout));
}

Result<RestartContainer> check(RestartContainer restart, Judge&) {
  return checked(restart, check_timeout(restart.timeout));
}

Result<RemoveContainer> check(RemoveContainer remove, Judge&) { return remove; }

Result<RenameContainer> check(RenameContainer rename, Judge& judge) {
  auto name = check_name(rename.name.view(), judge);
  return checked(std::move(rename), std::move(name));
}

Result<WaitContainer> check(WaitContainer wait, Judge&) { return wait; }
Result<ReadStats> check(ReadStats stats, Judge&) { return stats; }

Result<ReadLogs> check(ReadLogs logs, Judge&) {
  if (!logs.out && !logs.err) return invalid("logs of neither stdout nor stderr are none");
  return logs;
}

Result<MeasureDirectory> check(MeasureDirectory measure, Judge&) {
  if (measure.timeout >= limits::kMeasureTimeMin && measure.timeout <= limits::kMeasureTimeMax) {
    return measure;
  }
  return invalid("timeout must be 0.1 to 10 seconds");
}

Result<PullImage> check(PullImage pull, Judge& judge) {
  if (auto image = check_image(pull.image, judge); !image) return fail(image.error());
  if (!pull.login) return pull;
  auto login = check_login(*pull.login, pull.image);
  return checked(std::move(pull), std::move(login));
}

Result<ReadPull> check(ReadPull read, Judge&) { return read; }
Result<ListImages> check(ListImages list, Judge&) { return list; }

Result<FindImage> check(FindImage find, Judge& judge) {
  auto image = check_image(find.image, judge);
  return checked(std::move(find), std::move(image));
}

Result<RemoveImage> check(RemoveImage remove, Judge& judge) {
  auto image = check_image(remove.image, judge);
  return checked(std::move(remove), std::move(image));
}

Result<CreateNetwork> check(CreateNetwork create, Judge& judge) {
  return checked(create, check_makeable(create.network, judge));
}

Result<ListNetworks> check(ListNetworks list, Judge&) {
  if (list.names.size() <= limits::kFilterValues) return list;
  return too_many("names", limits::kFilterValues, "");
}

Result<RemoveNetwork> check(RemoveNetwork remove, Judge& judge) {
  return checked(remove, check_makeable(remove.network, judge));
}

Result<ConnectNetwork> check(ConnectNetwork connect, Judge& judge) {
  return checked(connect, check_joinable(connect.network, judge));
}

Result<DisconnectNetwork> check(DisconnectNetwork disconnect, Judge& judge) {
  return checked(disconnect, check_joinable(disconnect.network, judge));
}

Result<ReadServiceLog> check(ReadServiceLog read, Judge&) {
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

namespace {

bool is_adopted(const Profile& profile, const ContainerFacts& container) {
  return std::any_of(profile.adopt.begin(), profile.adopt.end(), [&](const AdoptRule& rule) {
    return (rule.name || rule.image) && (!rule.name || matches(*rule.name, container.name)) &&
           (!rule.image || (container.image && rule.image->matches(*container.image)));
  });
}

}  // namespace

bool may_manage(const ServiceName& caller, const Profile& profile,
                const ContainerFacts& container) {
  if (container.owner) return is_owned(caller, container);
  if (is_adopted(profile, container)) return true;
  return profile.manage_image_allowed && container.image &&
         is_image_allowed(*container.image, profile);
}

}  // namespace dc::policy
