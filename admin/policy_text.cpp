// SPDX-License-Identifier: Apache-2.0
// The table of settings: each key of the policy file with its way back from a profile into TOML.
// Command line only. What the loader reads and this table leaves out fails a test that goes round.
#include "admin/policy_text.hpp"
#include <algorithm>
#include <array>
#include "policy/check_common.hpp"
#include "policy/rules.hpp"

namespace dc::admin {
namespace {

using policy::in_quotes;
using policy::Limit;
using policy::Profile;
using policy::Quota;
using policy::quoted_size;
using Texts = std::vector<std::string>;

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string flag(bool value) { return value ? "true" : "false"; }
std::string quoted_time(std::uint64_t time) { return in_quotes(policy::duration_text(time)); }

template <class List>
Texts views(const List& list) {
  Texts texts;
  for (const auto& element : list) texts.push_back(in_quotes(element.view()));
  return texts;
}
template <class List>
Texts names(const List& list) {
  Texts texts;
  for (const auto& element : list) texts.push_back(in_quotes(enum_name(element)));
  return texts;
}

Texts scope_texts(const Profile& profile) {
  Texts texts;
  for (unsigned i = 0; i <= static_cast<unsigned>(enum_last(Scope{})); ++i) {
    const auto scope = static_cast<Scope>(i);
    if (profile.scopes.has(scope)) texts.push_back(in_quotes(scope_name(scope)));
  }
  return texts;
}

Texts port_texts(const Profile& profile) {
  Texts texts;
  for (const policy::PortRange& range : profile.host_ports) {
    const std::string first = number(range.first);
    texts.push_back(
        in_quotes(range.first == range.last ? first : first + "-" + number(range.last)));
  }
  return texts;
}

Texts mount_texts(const Profile& profile) {
  Texts texts;
  for (const policy::MountRule& rule : profile.mounts) {
    std::string text = "{source = " + in_quotes(rule.source.view());
    if (rule.name) text += ", name = " + in_quotes(rule.name->view());
    if (rule.target) text += ", target = " + in_quotes(rule.target->view());
    if (rule.subdirs) text += ", subdirs = true";
    texts.push_back(text + ", mode = " + (rule.writable ? "\"rw\"}" : "\"ro\"}"));
  }
  return texts;
}

Texts host_texts(const Profile& profile) {
  Texts texts;
  for (const policy::ExtraHostRule& rule : profile.extra_hosts) {
    texts.push_back(in_quotes((rule.name ? rule.name->str() : "*") + ":" +
                              (rule.address ? rule.address->str() : "*")));
  }
  return texts;
}

Texts adopt_texts(const Profile& profile) {
  Texts texts;
  for (const policy::AdoptRule& rule : profile.adopt) {
    std::string text = "{";
    if (rule.name) text += "name = " + in_quotes(rule.name->view());
    if (rule.name && rule.image) text += ", ";
    if (rule.image) text += "image = " + in_quotes(rule.image->view());
    texts.push_back(text + "}");
  }
  return texts;
}

Texts gpu_count_text(const Profile& profile) {
  if (profile.gpus.count == 0) return {};
  return {profile.gpus.count == kAllGpus ? "\"all\"" : number(profile.gpus.count)};
}

const Ulimit* find_ulimit(const Profile& profile, UlimitName name) {
  const auto& list = profile.ulimits;
  const auto found = std::find_if(list.begin(), list.end(),
                                  [name](const Ulimit& one) { return one.name == name; });
  return found == list.end() ? nullptr : &*found;
}

// --- how one setting is told -------------------------------------------------------------------

using Entries = Texts (*)(const Profile&);

constexpr Setting list(std::string_view key, Entries entries, More more = More::allows) {
  return {key, true, more, entries, nullptr};
}

// A value that has an order: the members that lead to it, and how it is written.
template <auto Text, auto... Path>
constexpr Setting amount(std::string_view key, More more = More::allows) {
  return {key, false, more,
          [](const Profile& profile) { return Texts{Text((profile.*....*Path))}; },
          [](const Profile& profile) { return static_cast<std::uint64_t>((profile.*....*Path)); }};
}

template <UlimitName Name>
constexpr Setting ulimit(std::string_view key) {
  return {key, false, More::allows,
          [](const Profile& profile) -> Texts {
            const Ulimit* found = find_ulimit(profile, Name);
            if (found == nullptr) return {};
            return {found->hard == kUnlimited ? "\"unlimited\"" : number(found->hard)};
          },
          [](const Profile& profile) -> std::uint64_t {
            const Ulimit* found = find_ulimit(profile, Name);
            return found == nullptr ? 0 : found->hard;
          }};
}

template <auto Text, Limit Profile::*Which>
constexpr std::array<Setting, 2> limit(std::string_view standard, std::string_view max) {
  return {amount<Text, Which, &Limit::standard>(standard, More::changes),
          amount<Text, Which, &Limit::max>(max)};
}

std::string shown_visible(policy::Visible visible) {
  return visible == policy::Visible::all ? "\"all\"" : "\"owned\"";
}
std::string shown_mode(policy::Mode mode) {
  if (mode == policy::Mode::enforce) return "\"enforce\"";
  return mode == policy::Mode::warn ? "\"warn\"" : "\"audit\"";
}

constexpr auto kSettings = std::to_array<Setting>({
    list("scopes", scope_texts),
    list("images", [](const Profile& profile) { return views(profile.images); }),
    list("networks", [](const Profile& profile) { return views(profile.networks); }),
    list("ports.host", port_texts),
    {"ports.address", false, More::changes,
     [](const Profile& profile) { return Texts{in_quotes(profile.port_address.view())}; }, nullptr},
    amount<flag, &Profile::ephemeral_ports>("ports.ephemeral"),
    list("restart", [](const Profile& profile) { return names(profile.restart); }),
    amount<shown_visible, &Profile::visible>("visible"),
    list("manage",
         [](const Profile& profile) {
           Texts texts = {"\"owned\""};
           if (profile.manage_image_allowed) texts.emplace_back("\"image-allowed\"");
           return texts;
         }),
    list("adopt", adopt_texts),
    limit<quoted_size, &Profile::memory>("memory.default", "memory.max")[0],
    limit<quoted_size, &Profile::memory>("memory.default", "memory.max")[1],
    limit<quoted_size, &Profile::swap>("swap.default", "swap.max")[0],
    limit<quoted_size, &Profile::swap>("swap.default", "swap.max")[1],
    limit<policy::cpus_text, &Profile::nano_cpus>("cpus.default", "cpus.max")[0],
    limit<policy::cpus_text, &Profile::nano_cpus>("cpus.default", "cpus.max")[1],
    limit<number, &Profile::pids>("pids.default", "pids.max")[0],
    limit<number, &Profile::pids>("pids.default", "pids.max")[1],
    limit<quoted_size, &Profile::shm>("shm.default", "shm.max")[0],
    limit<quoted_size, &Profile::shm>("shm.default", "shm.max")[1],
    limit<quoted_size, &Profile::tmpfs>("tmpfs.default", "tmpfs.max")[0],
    limit<quoted_size, &Profile::tmpfs>("tmpfs.default", "tmpfs.max")[1],
    amount<number, &Profile::rate>("rate"),
    list("mounts", mount_texts),
    list("volumes", [](const Profile& profile) { return views(profile.volumes); }),
    list("devices", [](const Profile& profile) { return views(profile.devices); }),
    amount<flag, &Profile::exclusive_devices>("exclusive_devices", More::refuses),
    list("gpus.drivers", [](const Profile& profile) { return views(profile.gpus.drivers); }),
    {"gpus.count", false, More::allows, gpu_count_text,
     [](const Profile& profile) -> std::uint64_t { return profile.gpus.count; }},
    list("capabilities.allow",
         [](const Profile& profile) { return names(profile.capabilities.allow); }),
    list("capabilities.all_means",
         [](const Profile& profile) { return names(profile.capabilities.all_means); }),
    list("capabilities.base",
         [](const Profile& profile) { return names(profile.capabilities.base); }),
    ulimit<UlimitName::core>("ulimits.core"),
    ulimit<UlimitName::cpu>("ulimits.cpu"),
    ulimit<UlimitName::data>("ulimits.data"),
    ulimit<UlimitName::fsize>("ulimits.fsize"),
    ulimit<UlimitName::locks>("ulimits.locks"),
    ulimit<UlimitName::memlock>("ulimits.memlock"),
    ulimit<UlimitName::msgqueue>("ulimits.msgqueue"),
    ulimit<UlimitName::nice>("ulimits.nice"),
    ulimit<UlimitName::nofile>("ulimits.nofile"),
    ulimit<UlimitName::nproc>("ulimits.nproc"),
    ulimit<UlimitName::rss>("ulimits.rss"),
    ulimit<UlimitName::rtprio>("ulimits.rtprio"),
    ulimit<UlimitName::rttime>("ulimits.rttime"),
    ulimit<UlimitName::sigpending>("ulimits.sigpending"),
    ulimit<UlimitName::stack>("ulimits.stack"),
    list("groups", [](const Profile& profile) { return views(profile.groups); }),
    amount<quoted_time, &Profile::health_interval>("health_interval", More::refuses),
    list("logs.drivers", [](const Profile& profile) { return names(profile.logs.drivers); }),
    amount<quoted_size, &Profile::logs, &policy::LogRules::size, &Limit::standard>(
        "logs.size.default", More::changes),
    amount<quoted_size, &Profile::logs, &policy::LogRules::size, &Limit::max>("logs.size.max"),
    amount<number, &Profile::logs, &policy::LogRules::files, &Limit::standard>("logs.files.default",
                                                                               More::changes),
    amount<number, &Profile::logs, &policy::LogRules::files, &Limit::max>("logs.files.max"),
    list("dns", [](const Profile& profile) { return views(profile.dns); }),
    list("extra_hosts", host_texts),
    list(
        "reserved_names", [](const Profile& profile) { return views(profile.reserved_names); },
        More::refuses),
    amount<flag, &Profile::require_non_root>("require_non_root", More::refuses),
    amount<flag, &Profile::require_read_only>("require_read_only", More::refuses),
    amount<number, &Profile::quota, &Quota::containers>("quota.containers"),
    amount<quoted_size, &Profile::quota, &Quota::memory>("quota.memory"),
    amount<policy::cpus_text, &Profile::quota, &Quota::nano_cpus>("quota.cpus"),
    amount<number, &Profile::quota, &Quota::ports>("quota.ports"),
    amount<number, &Profile::quota, &Quota::networks>("quota.networks"),
    amount<number, &Profile::quota, &Quota::pulls>("quota.pulls"),
    amount<number, &Profile::quota, &Quota::follows>("quota.follows"),
    amount<shown_mode, &Profile::mode>("mode"),
});

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view key) {
  const auto found = std::find_if(kSettings.begin(), kSettings.end(),
                                  [key](const Setting& one) { return one.key == key; });
  return found == kSettings.end() ? nullptr : &*found;
}

std::string_view first_part(std::string_view key) { return key.substr(0, key.find('.')); }

std::string to_toml(const Setting& setting, const std::vector<std::string>& entries) {
  std::string text(setting.key);
  text += " = ";
  if (!setting.list) return text + (entries.empty() ? "" : entries.front());
  text += '[';
  for (const std::string& entry : entries) text += (&entry == entries.data() ? "" : ", ") + entry;
  return text + "]";
}

}  // namespace dc::admin
