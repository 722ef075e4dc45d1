// SPDX-License-Identifier: Apache-2.0
// Compares profiles key by key. Command line only; pure.
#include "admin/policy_diff.hpp"
#include <algorithm>
#include <set>
#include "admin/policy_text.hpp"
#include "policy/load.hpp"
#include "policy/rules.hpp"

namespace dc::admin {
namespace {

std::string line(char sign, std::string_view key, const std::string& text) {
  return std::string("  ") + sign + " " + std::string(key) + ": " + text + "\n";
}

bool has(const std::vector<std::string>& list, const std::string& entry) {
  return std::find(list.begin(), list.end(), entry) != list.end();
}

std::string diff_lists(const Setting& setting, const std::vector<std::string>& before,
                       const std::vector<std::string>& after) {
  const bool refuses = setting.more == More::refuses;
  const std::string allowed = refuses ? " is not refused any more" : " is allowed now";
  const std::string refused = refuses ? " is refused now" : " is not allowed any more";
  std::string text;
  for (const std::string& entry : refuses ? before : after) {
    if (!has(refuses ? after : before, entry)) text += line('+', setting.key, entry + allowed);
  }
  for (const std::string& entry : refuses ? after : before) {
    if (!has(refuses ? before : after, entry)) text += line('-', setting.key, entry + refused);
  }
  // Only the order: it counts where the first is for those who ask for none.
  if (text.empty() && before != after) text = line('~', setting.key, "in another order");
  return text;
}

std::string diff_values(const Setting& setting, const policy::Profile& before,
                        const policy::Profile& after) {
  const auto told = [&](const policy::Profile& profile) {
    const auto entries = setting.entries(profile);
    return entries.empty() ? std::string("nothing") : entries.front();
  };
  const std::string change = told(before) + " -> " + told(after);
  if (setting.more == More::changes || setting.amount == nullptr) {
    return line('~', setting.key, change);
  }
  const bool greater = setting.amount(after) > setting.amount(before);
  const bool more = greater == (setting.more == More::allows);
  return line(more ? '+' : '-', setting.key, change + (more ? ": allows more" : ": allows less"));
}

std::string diff_profiles(const policy::Profile& before, const policy::Profile& after) {
  std::string text;
  for (const Setting& setting : settings()) {
    const auto old_entries = setting.entries(before), new_entries = setting.entries(after);
    if (old_entries == new_entries) continue;
    text += setting.list ? diff_lists(setting, old_entries, new_entries)
                         : diff_values(setting, before, after);
  }
  return text;
}

}  // namespace

std::string diff_policies(const policy::Policy& before, const policy::Policy& after) {
  std::set<std::string> services;
  for (const auto& [name, profile] : before.profiles) services.insert(name);
  for (const auto& [name, profile] : after.profiles) services.insert(name);
  std::string text;
  for (const std::string& name : services) {
    const auto* old_profile = before.find(name);
    const auto* new_profile = after.find(name);
    const std::string title = policy::section_name(name) + "\n";
    if (new_profile == nullptr) {
      text += title + "  - has no profile any more: every request is refused\n";
    } else if (old_profile == nullptr) {
      // Against a profile without rights, so that all it may do is told.
      policy::Profile nothing = policy::blank_profile(new_profile->service);
      text += title + "  + has a profile now\n" + diff_profiles(nothing, *new_profile);
    } else if (const auto changes = diff_profiles(*old_profile, *new_profile); !changes.empty()) {
      text += title + changes;
    }
  }
  return text;
}

}  // namespace dc::admin
