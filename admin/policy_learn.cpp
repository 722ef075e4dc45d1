// SPDX-License-Identifier: Apache-2.0
// Merges wishes per service and key. Command line only.
#include "admin/policy_learn.hpp"
#include <algorithm>
#include "admin/policy_text.hpp"
#include "admin/terminal.hpp"
#include "common/json_reader.hpp"
#include "policy/load.hpp"
#include "policy/rules.hpp"

namespace dc::admin {
namespace {

using Entries = std::vector<std::string>;

// A profile that says `value` of the key and nothing else. nullopt: the loader refuses it.
std::optional<policy::Profile> profile_with(const Setting& setting, const std::string& value) {
  std::string text = "[service.x]\n" + std::string(setting.key) + " = ";
  text += setting.list ? "[" + value + "]" : value;
  // A max under the built-in default would not load.
  if (setting.key.ends_with(".max")) {
    const std::string_view stem = setting.key.substr(0, setting.key.size() - 4);
    text += "\n" + std::string(stem) + ".default = " + value;
  }
  auto loaded = policy::load(text);
  const auto* profile = loaded.policy.find("x");
  if (profile == nullptr || loaded.policy.profiles.size() != 1) return std::nullopt;
  // Text that says more than one value of this key is not what a refusal leaves.
  const auto blank = policy::blank_profile(profile->service);
  const std::string_view own = first_part(setting.key);
  for (const Setting& other : settings()) {
    if (first_part(other.key) != own && other.entries(*profile) != other.entries(blank)) {
      return std::nullopt;
    }
  }
  return *profile;
}

// The value as this program would write it. Empty: it is none of this key.
std::string canonical(const Setting& setting, const std::string& value) {
  const auto profile = profile_with(setting, value);
  if (!profile) return {};
  const Entries entries = setting.entries(*profile);
  return entries.size() == 1 ? entries.front() : std::string();
}

// The one of two values that allows more.
std::string wider(const Setting& setting, const std::string& a, const std::string& b) {
  if (setting.amount == nullptr) return b;
  const auto first = profile_with(setting, a), second = profile_with(setting, b);
  if (!first || !second) return first ? a : b;
  const bool greater = setting.amount(*second) > setting.amount(*first);
  return greater == (setting.more == More::allows) ? b : a;
}

void add_once(Entries& entries, const std::string& entry) {
  if (std::find(entries.begin(), entries.end(), entry) == entries.end()) entries.push_back(entry);
}

// A mount that may be written covers the same one that may only be read.
void drop_covered(Entries& entries) {
  const std::string read_only = "mode = \"ro\"}", writable = "mode = \"rw\"}";
  std::erase_if(entries, [&](const std::string& entry) {
    if (!entry.ends_with(read_only)) return false;
    const std::string other = entry.substr(0, entry.size() - read_only.size()) + writable;
    return std::find(entries.begin(), entries.end(), other) != entries.end();
  });
}

Entries merged(const Setting& setting, Entries entries, const std::set<std::string>& wanted) {
  for (const std::string& value : wanted) {
    const std::string entry = canonical(setting, value);
    if (entry.empty()) continue;
    if (setting.list && setting.more == More::refuses) {
      std::erase(entries, entry);
    } else if (setting.list) {
      add_once(entries, entry);
    } else {
      entries = {entries.empty() ? entry : wider(setting, entries.front(), entry)};
    }
  }
  if (setting.key == "mounts") drop_covered(entries);
  return entries;
}

std::string line(const Setting& setting, const Entries& entries) {
  return to_toml(setting, entries) + "\n";
}

// A max under the built-in default does not load without a default of its own.
std::string addition(const Setting& setting, const Entries& entries) {
  const std::string text = line(setting, entries);
  constexpr std::string_view kMax = ".max";
  if (!setting.key.ends_with(kMax) || policy::load("[service.x]\n" + text).problems.empty()) {
    return text;
  }
  std::string standard(setting.key.substr(0, setting.key.size() - kMax.size()));
  standard += ".default";
  const Setting* const other = find_setting(standard);
  return other == nullptr ? text : line(*other, entries) + text;
}

std::string additions(const Wishes& wishes) {
  std::string text;
  for (const Setting& setting : settings()) {
    const auto wanted = wishes.find(std::string(setting.key));
    if (wanted == wishes.end()) continue;
    if (setting.list && setting.more == More::refuses) {
      for (const std::string& value : wanted->second) {
        const std::string entry = canonical(setting, value);
        if (!entry.empty()) text += "# take " + entry + " out of " + wanted->first + "\n";
      }
      continue;
    }
    const Entries entries = merged(setting, {}, wanted->second);
    if (!entries.empty()) text += addition(setting, entries);
  }
  return text;
}

enum class Keys : std::uint8_t { touched, all };

// The keys of a profile with what was wished. Those whose parts belong together are written out
// together, so that they can take the place of what the file has.
std::string merged_profile(const Wishes& wishes, const policy::Profile& profile, Keys which) {
  std::set<std::string_view> touched;
  for (const auto& [key, wanted] : wishes) touched.insert(first_part(key));
  std::string text;
  for (const Setting& setting : settings()) {
    if (which == Keys::touched && touched.count(first_part(setting.key)) == 0) continue;
    Entries entries = setting.entries(profile);
    const auto wanted = wishes.find(std::string(setting.key));
    if (wanted != wishes.end()) entries = merged(setting, std::move(entries), wanted->second);
    if (setting.list || !entries.empty()) text += line(setting, entries);
  }
  return text;
}

std::string title(const std::string& service) { return policy::section_name(service) + "\n"; }

// The file's policy, with a profile for each service that it does not know yet: its [defaults].
policy::Policy with_all_services(const ServiceWishes& wishes, std::string_view policy) {
  const auto known = policy::load(policy).policy;
  std::string text(policy);
  for (const auto& [service, unused] : wishes) {
    if (known.find(service) == nullptr) text += "\n" + title(service);
  }
  return policy::load(text).policy;
}

// What the administrator would have in the end.
std::string whole_policy(const ServiceWishes& wishes, std::string_view policy) {
  std::string text;
  if (policy.empty()) {
    for (const auto& [service, own] : wishes) text += title(service) + additions(own);
    return text;
  }
  for (const auto& [name, profile] : with_all_services(wishes, policy).profiles) {
    const std::string service(name);
    const auto own = wishes.find(service);
    text += title(service) +
            merged_profile(own == wishes.end() ? Wishes() : own->second, profile, Keys::all);
  }
  return text;
}

}  // namespace

void Lessons::learn(std::string_view line) {
  const JsonText document{std::string(line)};
  const std::string_view record = document.view();
  const std::string service = json_text(record, "service");
  if (!ServiceName::parse(service) || (!service_.empty() && service != service_)) return;
  const auto take = [&](std::string_view refusal) {
    const std::string rule = json_text(refusal, "rule");
    if (!rule.empty()) add(service, rule, json_text(refusal, "wanted"));
  };
  take(record);
  for_each_element(json_member(record, "would_refuse"), take);
}

void Lessons::add(const std::string& service, const std::string& rule, const std::string& wanted) {
  const Setting* setting = find_setting(rule);
  if (setting != nullptr && !canonical(*setting, wanted).empty()) {
    wishes_[service][rule].insert(wanted);
  } else {
    unknown_.insert(policy::section_name(service) + ": " + printable(rule) + " " +
                    printable(wanted));
  }
}

std::vector<std::string> Lessons::left_out() const { return {unknown_.begin(), unknown_.end()}; }

// Each value loads by itself; two of them need not go together, such as a mount in a directory that
// another lets containers write. The first of such stays.
void Lessons::leave_out_conflicts(std::string_view policy) {
  if (policy::load(whole_policy(wishes_, policy)).problems.empty()) return;
  ServiceWishes kept;
  for (const auto& [service, wishes] : wishes_) {
    for (const auto& [rule, values] : wishes) {
      for (const std::string& wanted : values) {
        ServiceWishes tried = kept;
        tried[service][rule].insert(wanted);
        const auto problems = policy::load(whole_policy(tried, policy)).problems;
        if (problems.empty()) {
          kept = std::move(tried);
        } else {
          unknown_.insert(policy::section_name(service) + ": " + printable(rule) + " " +
                          printable(wanted) + ": " + printable(problems.front().message));
        }
      }
    }
  }
  wishes_ = std::move(kept);
}

std::string Lessons::to_toml(std::string_view policy) {
  leave_out_conflicts(policy);
  const auto base = policy.empty() ? policy::Policy() : with_all_services(wishes_, policy);
  std::string text;
  for (const auto& [service, wishes] : wishes_) {
    std::string keys;
    if (policy.empty()) {
      keys = additions(wishes);
    } else if (const auto* profile = base.find(service)) {
      keys = merged_profile(wishes, *profile, Keys::touched);
    }
    if (!keys.empty()) text += (text.empty() ? "" : "\n") + title(service) + keys;
  }
  return text;
}

}  // namespace dc::admin
