// SPDX-License-Identifier: Apache-2.0
// Which devices, GPUs and capabilities a new container may have. Both sides; whether a device is
// one, and of which kind, is for the broker to look at.
#include <set>
#include "common/text_rules.hpp"
#include "policy/authorize.hpp"
#include "policy/check_common.hpp"
#include "policy/never.hpp"

namespace dc::policy {
namespace {

// A container on the host's network reaches the host's own sockets: nothing else is added to that.
bool is_on_host(const RunContainer& run) { return run.network && run.network->view() == "host"; }

Result<void> check_device(const Device& device, Judge& judge) {
  const std::string_view path = device.path.view();
  if (!device.read && !device.write) {
    return invalid("a device is asked for to read (r), to write (w) or both");
  }
  if (is_never_given(device.path)) {
    return fail(Errc::device_not_allowed, in_quotes(path) + " can never be given to a container");
  }
  const auto& patterns = judge.profile().devices;
  const bool listed = std::any_of(
      patterns.begin(), patterns.end(),
      [&](const DevicePattern& pattern) { return pattern.matches(path) || pattern.is_in(path); });
  if (listed) return {};
  return judge.refuse_host(Errc::device_not_allowed, "Device not in allowed list",
                           {"devices", in_quotes(path)});
}

}  // namespace

Result<void> check_devices(const RunContainer& run, Judge& judge) {
  if (run.devices.size() > limits::kDevices) return too_many("devices", limits::kDevices, "");
  if (!run.devices.empty() && is_on_host(run)) {
    return fail(Errc::device_not_allowed, "no devices on the network \"host\"");
  }
  for (const Device& device : run.devices) {
    if (auto allowed = check_device(device, judge); !allowed) return allowed;
    const auto within =
        std::count_if(run.devices.begin(), run.devices.end(), [&](const Device& other) {
          return rules::is_under(device.path.view(), other.path.view());
        });
    if (within > 1) return invalid("devices name " + in_quotes(device.path.view()) + " twice");
  }
  return {};
}

Result<void> check_gpus(const RunContainer& run, Judge& judge) {
  const GpuRules& rules = judge.profile().gpus;
  if (run.gpus.size() > limits::kGpuRequests) {
    return too_many("device_requests", limits::kGpuRequests, "");
  }
  if (!run.gpus.empty() && is_on_host(run)) {
    return fail(Errc::device_not_allowed, "no GPUs on the network \"host\"");
  }
  std::uint64_t count = 0;
  std::set<std::string_view> drivers;
  for (const DeviceRequest& request : run.gpus) {
    if (request.count == 0) return invalid("device_requests ask for at least one GPU");
    if (!drivers.insert(request.driver.view()).second) {
      return invalid("device_requests name a driver more than once");
    }
    count += request.count;
    if (contains(rules.drivers, request.driver)) continue;
    return judge.refuse_host(Errc::device_not_allowed, "GPU driver not in allowed list",
                             {"gpus.drivers", in_quotes(request.driver.view())});
  }
  if (count <= rules.count) return {};
  const bool all = count >= kAllGpus;
  return judge.refuse_host(Errc::device_not_allowed, "More GPUs than the policy allows",
                           {"gpus.count", all ? "\"all\"" : count_text(count),
                            "ask for fewer, or raise the count of gpus"});
}

namespace {

using CapabilitySet = std::set<Capability>;

CapabilitySet set_of(const std::vector<Capability>& list) { return {list.begin(), list.end()}; }

// `all` as what it stands for.
void expand_all(CapabilitySet& set, const std::vector<Capability>& meaning) {
  if (set.erase(Capability::all) > 0) set.insert(meaning.begin(), meaning.end());
}

Result<void> check_added(Capability capability, const CapabilityRules& rules, Judge& judge) {
  const std::string name(enum_name(capability));
  if (is_never_had(capability)) {
    return fail(Errc::capability_not_allowed, "The capability " + name + " can never be added");
  }
  if (contains(rules.allow, capability) || contains(rules.base, capability) ||
      contains(rules.all_means, capability)) {
    return {};
  }
  return judge.refuse(Errc::capability_not_allowed, "Capability not in allowed list",
                      {"capabilities.allow", in_quotes(name)});
}

Result<void> check_all(const CapabilityRules& rules, Judge& judge) {
  if (!rules.all_means.empty()) return {};
  return judge.refuse(Errc::capability_not_allowed, "All capabilities are never added",
                      {"capabilities.all_means", "\"IPC_LOCK\"",
                       "name those that are needed, or set capabilities.all_means to what \"ALL\" "
                       "stands for"});
}

}  // namespace

Result<void> check_capabilities(RunContainer& run, Judge& judge) {
  const CapabilityRules& rules = judge.profile().capabilities;
  CapabilitySet added = set_of(run.cap_add), dropped = set_of(run.cap_drop);
  for (const Capability capability : added) {
    if (dropped.count(capability) > 0) return invalid("cap_add and cap_drop name the same");
  }
  if (!added.empty() && is_on_host(run)) {
    return fail(Errc::capability_not_allowed, "no added capabilities on the network \"host\"");
  }
  if (added.count(Capability::all) > 0) {
    if (auto allowed = check_all(rules, judge); !allowed) return allowed;
  }
  expand_all(added, rules.all_means);
  for (const Capability capability : dropped) added.erase(capability);  // "ALL" but these
  for (const Capability capability : added) {
    if (auto allowed = check_added(capability, rules, judge); !allowed) return allowed;
  }
  expand_all(dropped, rules.base);
  for (const Capability capability : added) dropped.erase(capability);  // "ALL" but these
  run.cap_add.assign(added.begin(), added.end());
  run.cap_drop.assign(dropped.begin(), dropped.end());
  return {};
}

std::vector<Capability> effective_capabilities(const RunContainer& run, const Profile& profile) {
  CapabilitySet set = set_of(profile.capabilities.base);
  for (const Capability capability : run.cap_drop) set.erase(capability);
  set.insert(run.cap_add.begin(), run.cap_add.end());
  std::vector<Capability> effective;
  std::copy_if(set.begin(), set.end(), std::back_inserter(effective), [&](Capability capability) {
    return !is_never_had(capability) && capability != Capability::all &&
           !(is_on_host(run) && is_network_capability(capability));
  });
  return effective;
}

}  // namespace dc::policy
