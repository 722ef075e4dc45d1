// SPDX-License-Identifier: Apache-2.0
// Sums and comparisons of quotas. Broker only.
#include "broker/ledger.hpp"
#include <algorithm>
#include <charconv>
#include "policy/rules.hpp"

namespace dc::broker {
namespace {

std::string count_text(std::uint64_t count) { return std::to_string(count); }
std::string quoted_size(std::uint64_t bytes) { return '"' + policy::size_text(bytes) + '"'; }

// One sum of the quota.
struct Sum {
  std::string_view key;  // of `quota` in the policy file
  std::uint64_t held, asked, most;
  std::string (*text)(std::uint64_t);
  std::string (*wanted)(std::uint64_t);  // in TOML
};

Result<void> check_sum(const Sum& sum, const policy::Profile& profile) {
  if (sum.asked <= sum.most && sum.held <= sum.most - sum.asked) return {};
  const std::string key = "quota." + std::string(sum.key);
  return fail({Errc::quota_exceeded,
               "The service's quota of " + std::string(sum.key) +
                   " is used up: " + sum.text(sum.held) + " held, " + sum.text(sum.asked) +
                   " asked for, " + sum.text(sum.most) + " allowed",
               "remove what is not needed, or raise " + key + " of " +
                   policy::section_name(profile.service.view()) + " in the policy file",
               key, sum.wanted(sum.held + sum.asked)});
}

}  // namespace

std::string holds_text(const Holding& holding) {
  std::string text = "memory=" + std::to_string(holding.memory) +
                     " nano_cpus=" + std::to_string(holding.nano_cpus) +
                     " ports=" + std::to_string(holding.ports);
  for (const std::string& device : holding.devices) text += " device=" + device;
  if (holding.restarts) text += " restarts=1";
  if (holding.exclusive) text += " exclusive=1";
  return text;
}

void read_holds(std::string_view text, Holding& holding) {
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::string_view key = word.substr(0, word.find('='));
    const std::string_view value = word.substr(std::min(key.size() + 1, word.size()));
    std::uint64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (key == "memory") holding.memory = number;
    if (key == "nano_cpus") holding.nano_cpus = number;
    if (key == "ports") holding.ports = number;
    if (key == "device") holding.devices.emplace_back(value);
    if (key == "restarts") holding.restarts = true;
    if (key == "exclusive") holding.exclusive = true;
  }
}

Ledger::Moment Ledger::newest(const ServiceName& service) const {
  const auto found = of_service_.find(service.view());
  return std::max(of_all_, found == of_service_.end() ? 0 : found->second);
}

void Ledger::reconcile(Moment asked, const Holdings& found, const ServiceName* only) {
  const auto is_told = [&](const ServiceName& service) {
    return (only == nullptr || service == *only) && newest(service) < asked;
  };
  std::erase_if(places_, [&](const auto& entry) {
    const Place& place = entry.second;
    return is_told(place.holding.service) && place.under_way == 0 && place.settled < asked &&
           !found.contains(entry.first);
  });
  for (const auto& [nonce, holding] : found) {
    if (!is_told(holding.service)) continue;
    Place& place = places_.try_emplace(nonce, Place{holding}).first->second;
    if (place.under_way == 0 && place.settled < asked) place.holding = holding;
  }
  Moment& newest = only == nullptr ? of_all_ : of_service_[only->str()];
  newest = std::max(newest, asked);
}

Holding Ledger::sum_without(std::string_view nonce, const ServiceName& service) const {
  Holding sum{service, 0, 0};
  for (const auto& [other, place] : places_) {
    if (other == nonce || place.holding.service != service) continue;
    sum.containers += place.holding.containers;
    sum.networks += place.holding.networks;
    if (!place.holding.live) continue;
    sum.memory += place.holding.memory;
    sum.nano_cpus += place.holding.nano_cpus;
    sum.ports += place.holding.ports;
  }
  return sum;
}

Result<void> Ledger::take(const std::string& nonce, Holding holding,
                          const policy::Profile& profile) {
  const Holding held = sum_without(nonce, holding.service);
  const policy::Quota& quota = profile.quota;
  for (const Sum& sum : {
           Sum{"containers", held.containers, holding.containers, quota.containers, count_text,
               count_text},
           Sum{"networks", held.networks, holding.networks, quota.networks, count_text, count_text},
           Sum{"memory", held.memory, holding.memory, quota.memory, policy::size_text, quoted_size},
           Sum{"cpus", held.nano_cpus, holding.nano_cpus, quota.nano_cpus, policy::cpus_text,
               policy::cpus_text},
           Sum{"ports", held.ports, holding.ports, quota.ports, count_text, count_text},
       }) {
    if (auto room = check_sum(sum, profile); !room) return room;
  }
  holding.exclusive = profile.exclusive_devices;
  for (const std::string& device : holding.devices) {
    if (!is_taken(device, nonce, holding.exclusive)) continue;
    return fail({Errc::conflict, "The device " + device + " is in use by another container",
                 "stop the container that has it; exclusive_devices of " +
                     policy::section_name(profile.service.view()) +
                     ", or of its service, in the policy file asks so",
                 "exclusive_devices", "false"});
  }
  holding.live = true;
  Place& place = places_.try_emplace(nonce, Place{holding}).first->second;
  place.holding = std::move(holding);
  ++place.under_way;
  return {};
}

bool Ledger::is_taken(const std::string& device, std::string_view nonce, bool exclusive) const {
  return std::any_of(places_.begin(), places_.end(), [&](const auto& entry) {
    const Holding& other = entry.second.holding;
    return entry.first != nonce && other.live && (exclusive || other.exclusive) &&
           std::find(other.devices.begin(), other.devices.end(), device) != other.devices.end();
  });
}

void Ledger::settle(const std::string& nonce) {
  const auto found = places_.find(nonce);
  if (found == places_.end() || found->second.under_way == 0) return;
  --found->second.under_way;
  found->second.settled = now();
}

void Ledger::release(const std::string& nonce) {
  const auto found = places_.find(nonce);
  if (found != places_.end() && --found->second.under_way == 0) places_.erase(found);
}

}  // namespace dc::broker
