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

using Wishes = std::map<std::string, std::set<std::string>>;

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
    if (!entries.empty()) text += line(setting, entries);
  }
  return text;
}

// Keys whose parts belong together are written out together, so that they can take the place of
// what the file has.
std::string replacements(const Wishes& wishes, const policy::Profile& profile) {
  std::set<std::string_view> touched;
  for (const auto& [key, wanted] : wishes) touched.insert(first_part(key));
  std::string text;
  for (const Setting& setting : settings()) {
    if (touched.count(first_part(setting.key)) == 0) continue;
    Entries entries = setting.entries(profile);
    const auto wanted = wishes.find(std::string(setting.key));
    if (wanted != wishes.end()) entries = merged(setting, std::move(entries), wanted->second);
    if (setting.list || !entries.empty()) text += line(setting, entries);
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

std::string Lessons::to_toml(std::string_view policy) const {
  std::string text;
  for (const auto& [service, wishes] : wishes_) {
    const std::string title = policy::section_name(service) + "\n";
    std::string keys;
    if (policy.empty()) {
      keys = additions(wishes);
    } else {
      auto loaded = policy::load(policy);
      // A service that the file does not know yet has its [defaults].
      if (loaded.policy.find(service) == nullptr) {
        loaded = policy::load(std::string(policy) + "\n" + title);
      }
      if (const auto* profile = loaded.policy.find(service)) keys = replacements(wishes, *profile);
    }
    if (!keys.empty()) text += (text.empty() ? "" : "\n") + title + keys;
  }
  return text;
}

}  // namespace dc::admin
