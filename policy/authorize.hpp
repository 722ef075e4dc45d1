// SPDX-License-Identifier: Apache-2.0
// The decision. The same authorize() runs in the front (a fast answer) and in the broker (the one
// that counts). Pure functions of command, caller and policy; the default is deny.
#pragma once

#include <optional>
#include <utility>
#include "common/commands.hpp"
#include "common/principal.hpp"
#include "policy/judge.hpp"

namespace dc::policy {

// A command that the policy allows, rebuilt by it: defaults filled in, values bounded. Only
// authorize() makes one, and execute() takes nothing else.
template <class X>
class Allowed {
 public:
  [[nodiscard]] const X& command() const { return command_; }
  [[nodiscard]] const ServiceName& service() const { return service_; }
  [[nodiscard]] const Profile& profile() const { return *profile_; }
  [[nodiscard]] ProfilePtr shared_profile() const { return {policy_, profile_}; }
  // What the profile's mode lets pass; Error::rule and hint say what would have been refused.
  [[nodiscard]] const std::vector<Error>& waived() const { return waived_; }

 private:
  template <class Y>
  friend Result<Allowed<Y>> authorize(Y command, const Principal& caller, const Snapshot& policy);
  Allowed(X command, ServiceName service, Snapshot policy, const Profile& profile,
          std::vector<Error> waived)
      : command_(std::move(command)),
        service_(std::move(service)),
        policy_(std::move(policy)),
        profile_(&profile),
        waived_(std::move(waived)) {}

  X command_;
  ServiceName service_;
  Snapshot policy_;  // keeps *profile_ alive
  const Profile* profile_;
  std::vector<Error> waived_;
};

// One overload per command: the command as it may be executed, or the refusal with the policy key
// that would allow it in `hint`. A command without one does not compile.
Result<ListContainers> check(ListContainers command, Judge& judge);
Result<InspectContainer> check(InspectContainer command, Judge& judge);
Result<RunContainer> check(RunContainer command, Judge& judge);
Result<StartContainer> check(StartContainer command, Judge& judge);
Result<StopContainer> check(StopContainer command, Judge& judge);
Result<RestartContainer> check(RestartContainer command, Judge& judge);
Result<RemoveContainer> check(RemoveContainer command, Judge& judge);
Result<RenameContainer> check(RenameContainer command, Judge& judge);
Result<WaitContainer> check(WaitContainer command, Judge& judge);
Result<ReadStats> check(ReadStats command, Judge& judge);
Result<ReadLogs> check(ReadLogs command, Judge& judge);
Result<MeasureDirectory> check(MeasureDirectory command, Judge& judge);
Result<PullImage> check(PullImage command, Judge& judge);
Result<ReadPull> check(ReadPull command, Judge& judge);
Result<ListImages> check(ListImages command, Judge& judge);
Result<FindImage> check(FindImage command, Judge& judge);
Result<RemoveImage> check(RemoveImage command, Judge& judge);
Result<CreateNetwork> check(CreateNetwork command, Judge& judge);
Result<ListNetworks> check(ListNetworks command, Judge& judge);
Result<RemoveNetwork> check(RemoveNetwork command, Judge& judge);
Result<ConnectNetwork> check(ConnectNetwork command, Judge& judge);
Result<DisconnectNetwork> check(DisconnectNetwork command, Judge& judge);
Result<ReadServiceLog> check(ReadServiceLog command, Judge& judge);

// Errc::scope_denied without profile or scope, else what check() says.
Result<const Profile*> check_scope(Scope scope, std::string_view operation, const Principal& caller,
                                   const Policy& policy);

template <class X>
Result<Allowed<X>> authorize(X command, const Principal& caller, const Snapshot& policy) {
  auto profile = check_scope(X::kScope, X::kName, caller, *policy);
  if (!profile) return fail(std::move(profile.error()));
  Judge judge(**profile);
  auto checked = check(std::move(command), judge);
  if (!checked) return fail(std::move(checked.error()));
  return Allowed<X>(std::move(*checked), caller.service, policy, **profile, judge.take_waived());
}

// What a container that check() let pass has in the end, in the kernel's order: the profile's base
// less what is dropped and with what is added. On the host's network none that is about networks.
[[nodiscard]] std::vector<Capability> effective_capabilities(const RunContainer& run,
                                                             const Profile& profile);

// What the broker knows of an existing container when it asks whether a caller may touch it.
struct ContainerFacts {
  std::optional<ServiceName> owner;  // proven by our label, not claimed
  std::optional<ImageRef> image;     // as its creator named it, when that parses
  std::string name{};                // without a / before it
};

[[nodiscard]] bool is_owned(const ServiceName& caller, const ContainerFacts& container);
// A container that may not be seen answers like one that does not exist.
[[nodiscard]] bool may_see(const ServiceName& caller, const Profile& profile,
                           const ContainerFacts& container);
// All that changes it, and its logs. Another service's proven container never; one without an owner
// when a rule of `adopt` fits it, or `manage` lists "image-allowed" and its image is allowed.
[[nodiscard]] bool may_manage(const ServiceName& caller, const Profile& profile,
                              const ContainerFacts& container);

// The image lists of the policy, for answers that name images.
[[nodiscard]] bool is_image_allowed(const ImageRef& image, const Profile& profile);
// Networks that the caller has proven its own, or that its profile lists, or all with `visible`.
[[nodiscard]] bool may_see_network(const ServiceName& caller, const Profile& profile,
                                   const std::optional<ServiceName>& owner,
                                   const NetworkName& network);

}  // namespace dc::policy
