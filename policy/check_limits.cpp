// SPDX-License-Identifier: Apache-2.0
// How much a new container may use. Both sides; nothing is ever without a limit.
#include <limits>
#include <set>
#include "policy/check_common.hpp"
#include "policy/rules.hpp"

namespace dc::policy {

std::string count_text(std::uint64_t count) { return std::to_string(count); }
std::string quoted_size(std::uint64_t bytes) { return in_quotes(size_text(bytes)); }

namespace {

// The Engine's numbers have a sign, and a negative one is none.
constexpr std::uint64_t kMostOfAll = std::numeric_limits<std::int64_t>::max();

constexpr LimitRule kMemoryRule{"mem_limit", "memory", kMinMemory, size_text, quoted_size};
constexpr LimitRule kSwapRule{"memswap_limit less mem_limit", "swap", 0, size_text, quoted_size};
constexpr LimitRule kCpusRule{"cpus", "cpus", kMinNanoCpus, cpus_text, cpus_text};
constexpr LimitRule kPidsRule{"pids_limit", "pids", 1, count_text, count_text};
constexpr LimitRule kShmRule{"shm_size", "shm", 1, size_text, quoted_size};

}  // namespace

Result<void> check_limit(std::optional<std::uint64_t>& asked, const Limit& limit,
                         const LimitRule& rule, Judge& judge) {
  if (!asked) asked = limit.standard;
  const std::string field(rule.field);
  if (*asked < rule.min) return invalid(field + " must be at least " + rule.text(rule.min));
  if (*asked <= limit.max) return {};
  const std::string key(rule.key);
  auto refused = judge.refuse(
      Errc::limit_exceeded, field + " is over the policy's maximum of " + rule.text(limit.max),
      {key + ".max", rule.wanted(*asked), "ask for less, or raise the max of " + key});
  if (refused && *asked > kMostOfAll) return invalid(field + " must have an end");
  return refused;
}

namespace {

// Memory and swap together, as the Engine counts.
Result<void> check_swap(RunContainer& run, Judge& judge) {
  const std::uint64_t memory = *run.memory;
  if (run.memswap && *run.memswap < memory) {
    return invalid("memswap_limit is memory and swap together and must be at least mem_limit");
  }
  std::optional<std::uint64_t> swap;
  if (run.memswap) swap = *run.memswap - memory;
  auto allowed = check_limit(swap, judge.profile().swap, kSwapRule, judge);
  if (!allowed) return allowed;
  if (*swap > kMostOfAll - memory) return invalid("memswap_limit must have an end");
  run.memswap = memory + *swap;
  return {};
}

}  // namespace

Result<void> check_limits(RunContainer& run, Judge& judge) {
  const Profile& profile = judge.profile();
  if (auto memory = check_limit(run.memory, profile.memory, kMemoryRule, judge); !memory) {
    return memory;
  }
  if (auto swap = check_swap(run, judge); !swap) return swap;
  if (auto cpus = check_limit(run.nano_cpus, profile.nano_cpus, kCpusRule, judge); !cpus) {
    return cpus;
  }
  if (auto pids = check_limit(run.pids, profile.pids, kPidsRule, judge); !pids) return pids;
  return check_limit(run.shm, profile.shm, kShmRule, judge);
}

namespace {

std::string ulimit_text(std::uint64_t value) {
  return value == kUnlimited ? "\"unlimited\"" : count_text(value);
}

Result<void> check_ulimit(const Ulimit& asked, Judge& judge) {
  const std::string name(enum_name(asked.name));
  if (asked.soft > asked.hard) return invalid("the ulimit " + name + " has a soft over its hard");
  const auto& listed = judge.profile().ulimits;
  const auto rule = std::find_if(listed.begin(), listed.end(),
                                 [&](const Ulimit& one) { return one.name == asked.name; });
  if (rule != listed.end() && asked.hard <= rule->hard) return {};
  const std::string key = "ulimits." + name, wanted = ulimit_text(asked.hard);
  const std::string advice = "set " + key + " to " + wanted;
  if (rule == listed.end()) {
    return judge.refuse(Errc::limit_exceeded, "The ulimit " + name + " is not in the policy",
                        {key, wanted, advice});
  }
  return judge.refuse(
      Errc::limit_exceeded,
      "The ulimit " + name + " is over the policy's maximum of " + ulimit_text(rule->hard),
      {key, wanted, "ask for less, or " + advice});
}

}  // namespace

Result<void> check_ulimits(const RunContainer& run, Judge& judge) {
  std::set<UlimitName> names;
  for (const Ulimit& ulimit : run.ulimits) {
    if (!names.insert(ulimit.name).second) return invalid("ulimits name one more than once");
    if (auto allowed = check_ulimit(ulimit, judge); !allowed) return allowed;
  }
  return {};
}

}  // namespace dc::policy
