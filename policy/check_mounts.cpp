// SPDX-License-Identifier: Apache-2.0
// Which places of the host, volumes and memory file systems a new container may have. Both sides;
// paths are compared, byte for byte, and never looked at: that is the broker's part.
#include <set>
#include "common/text_rules.hpp"
#include "policy/check_common.hpp"
#include "policy/never.hpp"
#include "policy/rules.hpp"

namespace dc::policy {
namespace {

// Whether the rule is about this path of the host.
bool is_about(const MountRule& rule, std::string_view path) {
  const std::string_view source = rule.source.view();
  if (!rule.subdirs) return path == source;
  return path.size() > source.size() + 1 && path.starts_with(source) &&
         path[source.size()] == '/' && path.find('/', source.size() + 1) == std::string_view::npos;
}

// What allows everything that `mount` asks for: the same target, and writing only where the rule
// lets it.
bool is_allowing(const MountRule& rule, const Mount& mount) {
  return is_about(rule, mount.source.view()) && (!rule.target || *rule.target == mount.target) &&
         (rule.writable || mount.read_only.value_or(true));
}

std::string wanted_rule(const Mount& mount, bool writable) {
  return "{source = " + in_quotes(mount.source.view()) +
         ", mode = " + (writable ? "\"rw\"}" : "\"ro\"}");
}

Result<void> refuse_path(const Mount& mount, const MountRule* named, Judge& judge) {
  const auto& rules = judge.profile().mounts;
  const bool known = std::any_of(rules.begin(), rules.end(), [&](const MountRule& rule) {
    return is_about(rule, mount.source.view());
  });
  std::string detail = "Mount source not in allowed list";
  if (known) detail = "Mount source is allowed at another target or read-only alone";
  Remedy remedy{"mounts", wanted_rule(mount, !mount.read_only.value_or(false))};
  // Who asked by name is not told the path.
  if (named != nullptr) {
    remedy.advice = "ask as it allows, or change the mount " + in_quotes(named->name->view());
  }
  return judge.refuse_host(Errc::mount_not_allowed, std::move(detail), std::move(remedy));
}

// `named`: the rule whose name the request used.
Result<void> check_path(Mount& mount, const MountRule* named, Judge& judge) {
  const std::string reason = never_mounted(mount.source.view());
  if (!reason.empty()) {
    return fail(Errc::mount_not_allowed,
                in_quotes(mount.source.view()) + " can never be mounted: " + reason);
  }
  const auto& rules = judge.profile().mounts;
  const auto rule = std::find_if(rules.begin(), rules.end(),
                                 [&](const MountRule& one) { return is_allowing(one, mount); });
  if (rule != rules.end()) {
    mount.read_only = mount.read_only.value_or(!rule->writable);
    return {};
  }
  return refuse_path(mount, named, judge);
}

Result<void> check_volume(Mount& mount, Judge& judge) {
  mount.read_only = mount.read_only.value_or(false);
  auto name = VolumeName::parse(mount.source.view());
  if (!name) return fail(name.error());
  if (contains(judge.profile().volumes, *name)) return {};
  return judge.refuse_host(Errc::mount_not_allowed, "Volume not in allowed list",
                           {"volumes", in_quotes(name->view())});
}

// A name of the policy's mounts stands for their path.
Result<void> check_mount(Mount& mount, Judge& judge) {
  const auto& rules = judge.profile().mounts;
  const auto named = std::find_if(rules.begin(), rules.end(), [&](const MountRule& rule) {
    return rule.name && rule.name->view() == mount.source.view();
  });
  if (named == rules.end()) {
    return mount.is_bind() ? check_path(mount, nullptr, judge) : check_volume(mount, judge);
  }
  auto source = MountSource::parse(named->source.view());
  if (!source) return fail(source.error());
  mount.source = std::move(*source);
  return check_path(mount, &*named, judge);
}

// Nothing is mounted inside what comes from the host: the Engine would make the directory for it
// there, and what a container planted in its place decides where it ends up (CVE-2021-30465).
Result<void> check_targets(const RunContainer& run) {
  std::set<std::string_view> targets;
  for (const Mount& mount : run.mounts) targets.insert(mount.target.view());
  for (const Tmpfs& tmpfs : run.tmpfs) targets.insert(tmpfs.target.view());
  if (targets.size() != run.mounts.size() + run.tmpfs.size()) {
    return invalid("volumes and tmpfs name a target more than once");
  }
  for (const std::string_view target : targets) {
    for (const Mount& mount : run.mounts) {
      if (target == mount.target.view() || !rules::is_under(target, mount.target.view())) continue;
      return invalid("the target " + in_quotes(target) + " lies inside that of another volume");
    }
  }
  return {};
}

}  // namespace

Result<void> check_mounts(RunContainer& run, Judge& judge) {
  if (run.mounts.size() > limits::kMounts) return too_many("volumes", limits::kMounts, "");
  for (Mount& mount : run.mounts) {
    if (auto allowed = check_mount(mount, judge); !allowed) return allowed;
  }
  return check_targets(run);
}

Result<void> check_tmpfs(RunContainer& run, Judge& judge) {
  constexpr LimitRule kRule{"tmpfs size", "tmpfs", 1, size_text, quoted_size};
  constexpr std::uint32_t kMaxMode = 01777;
  if (run.tmpfs.size() > limits::kTmpfs) return too_many("tmpfs", limits::kTmpfs, "");
  for (Tmpfs& tmpfs : run.tmpfs) {
    if (auto size = check_limit(tmpfs.size, judge.profile().tmpfs, kRule, judge); !size) {
      return size;
    }
    if (tmpfs.mode.value_or(0) > kMaxMode) return invalid("tmpfs mode must be at most 1777");
  }
  return {};
}

}  // namespace dc::policy
