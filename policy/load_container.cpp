// SPDX-License-Identifier: Apache-2.0
// Keys of the policy file about what a container may be given. Broker and command line only; what
// no policy can hand out is refused here already, with the reason.
#include "policy/load_container.hpp"
#include "common/text_rules.hpp"
#include "policy/never.hpp"

namespace dc::policy::reading {
namespace {

// --- mounts ------------------------------------------------------------------------------------

struct MountEntry {
  std::optional<HostPath> source;
  std::optional<VolumeName> name;
  std::optional<MountTarget> target;
  bool writable = false;
  bool subdirs = false;
};

void read_mode(const Value& value, MountEntry& entry) {
  const auto text = read_text(value);
  if (!text) return;
  if (*text != "ro" && *text != "rw") return value.wrong("must be \"ro\" or \"rw\"");
  entry.writable = *text == "rw";
  if (!entry.writable) return;
  value.risky(
      "containers can change what is there for ever, and whatever on the host trusts those files "
      "is changed with them");
}

bool is_inside(const MountRule& inner, const MountRule& outer) {
  return inner.source != outer.source && rules::is_under(inner.source.view(), outer.source.view());
}

// A container that can write in a directory can put a link in the place of what lies in it; so
// nothing that is mountable itself may lie where another rule lets containers write.
bool are_at_odds(const MountRule& a, const MountRule& b) {
  if (a.source == b.source) return a.subdirs || b.subdirs;
  return (is_inside(a, b) && (b.writable || b.subdirs)) ||
         (is_inside(b, a) && (a.writable || a.subdirs));
}

void check_mount_rule(const Value& element, const MountRule& rule, const Profile& profile) {
  if (rule.name && rule.subdirs) {
    return element.wrong("a name stands for one directory and cannot go with subdirs");
  }
  for (const MountRule& other : profile.mounts) {
    if (rule.name && rule.name == other.name) return element.wrong("the name is taken already");
    if (are_at_odds(rule, other)) {
      return element.wrong(shown(rule.source.view()) + " and " + shown(other.source.view()) +
                           " are at odds: a directory can be mountable itself or the parent of "
                           "such (subdirs), and none may lie in one that containers can write");
    }
  }
}

void read_mount(const Value& element, Profile& profile) {
  static constexpr std::array<Key<MountEntry>, 5> kKeys = {
      {{"source", read_member<MountEntry, &MountEntry::source>},
       {"mode", read_mode},
       {"subdirs", read_switch<MountEntry, &MountEntry::subdirs>},
       {"name", read_member<MountEntry, &MountEntry::name>},
       {"target", read_member<MountEntry, &MountEntry::target>}}};
  MountEntry entry;
  const std::size_t problems = element.loaded.problems.size();
  read_keys(element, kKeys, entry);
  if (element.loaded.problems.size() > problems) return;
  if (!entry.source) return element.wrong("needs a source, such as {source = \"/srv/models\"}");
  const std::string never = never_mounted(entry.source->view());
  if (!never.empty()) {
    return element.wrong(shown(entry.source->view()) + " can never be mounted: " + never);
  }
  MountRule rule{std::move(*entry.source), std::move(entry.name), std::move(entry.target),
                 entry.writable, entry.subdirs};
  check_mount_rule(element, rule, profile);
  profile.mounts.push_back(std::move(rule));
}

}  // namespace

void read_mounts(const Value& value, Profile& profile) {
  profile.mounts.clear();
  read_list(value, " of tables, such as [{source = \"/srv/models\", mode = \"ro\"}]",
            [&](const Value& element) { read_mount(element, profile); });
}

void check_mounts_of_others(const Value& table, const Profile& profile, const Policy& policy) {
  for (const auto& [name, other] : policy.profiles) {
    for (const MountRule& own : profile.mounts) {
      for (const MountRule& rule : other.mounts) {
        const bool same = own.source == rule.source;  // with both the same, as from [defaults]
        if (same ? own.subdirs == rule.subdirs : !are_at_odds(own, rule)) continue;
        table.wrong("the mount " + shown(own.source.view()) + " is at odds with " +
                    shown(rule.source.view()) + " of " + section_name(name) +
                    ": containers of one service could put a link in the place of the other's");
      }
    }
  }
}

// --- devices -----------------------------------------------------------------------------------

void read_devices(const Value& value, Profile& profile) {
  read_parsed_list(value, profile.devices, [](const Value& element, const DevicePattern& pattern) {
    constexpr std::string_view kNumber = "[0-9]+";
    std::string one(pattern.view());
    for (std::size_t at = 0; (at = one.find(kNumber)) != std::string::npos;) {
      one.replace(at, kNumber.size(), "0");
    }
    const auto path = DevicePath::parse(one);
    if (path && !is_never_given(*path)) return;
    element.wrong(shown(pattern.view()) +
                  " can never be given: it leads to the host's disks, memory, consoles or kernel");
  });
}

namespace {

void read_gpu_count(const Value& value, GpuRules& gpus) {
  const auto* text = value.node.as_string();
  if (text == nullptr)
    return read_number<GpuRules, &GpuRules::count, read_count<1024>>(value, gpus);
  if (text->get() != "all") return value.wrong("must be a whole number or \"all\"");
  gpus.count = kAllGpus;
  value.risky("one container can take every GPU of the host, and the others wait");
}

}  // namespace

void read_gpus(const Value& value, Profile& profile) {
  static constexpr std::array<Key<GpuRules>, 2> kKeys = {
      {{"drivers", read_members<GpuRules, &GpuRules::drivers>}, {"count", read_gpu_count}}};
  read_keys(value, kKeys, profile.gpus);
}

// --- capabilities ------------------------------------------------------------------------------

namespace {

// What a container can do with the capabilities that are more than they sound; empty: no warning.
std::string_view danger_of(Capability capability) {
  switch (capability) {
    case Capability::net_admin:
      return "NET_ADMIN lets a container change its addresses, routes and firewall, and so pass "
             "for "
             "its neighbours on the network";
    case Capability::net_raw:
      return "NET_RAW lets a container forge packets, and so listen in on its neighbours on the "
             "network";
    case Capability::sys_nice:
      return "SYS_NICE lets a container run before everything else on the host's processors";
    case Capability::sys_resource: return "SYS_RESOURCE lets a container go over its ulimits";
    case Capability::mknod: return "MKNOD lets a container make device nodes";
    case Capability::setfcap:
      return "SETFCAP lets a container leave privileged programs in what it shares with others";
    case Capability::audit_write:
      return "AUDIT_WRITE lets a container write into the host's audit log";
    case Capability::ipc_owner:
    case Capability::sys_tty_config:
    case Capability::lease: return "few programs need it, and it reaches past the container's own";
    default: return {};
  }
}

template <std::vector<Capability> CapabilityRules::*Which>
void read_capability_list(const Value& value, CapabilityRules& rules) {
  (rules.*Which).clear();
  read_texts(value, [&](const Value& element, std::string_view text) {
    const auto capability = parse_capability(text);
    if (!capability) return element.wrong(shown(text) + " is not a capability of capabilities(7)");
    if (*capability == Capability::all) {
      return element.wrong("name the capabilities; \"ALL\" is never given as such");
    }
    if (is_never_had(*capability)) {
      return element.wrong(shown(text) +
                           " can never be given: with it a container is not confined any more");
    }
    if (const auto danger = danger_of(*capability); !danger.empty()) element.risky(danger);
    (rules.*Which).push_back(*capability);
  });
}

}  // namespace

void read_capabilities(const Value& value, Profile& profile) {
  static constexpr std::array<Key<CapabilityRules>, 3> kKeys = {
      {{"allow", read_capability_list<&CapabilityRules::allow>},
       {"all_means", read_capability_list<&CapabilityRules::all_means>},
       {"base", read_capability_list<&CapabilityRules::base>}}};
  read_keys(value, kKeys, profile.capabilities);
}

// --- ulimits, logs, hosts ----------------------------------------------------------------------

namespace {

std::optional<std::uint64_t> read_ulimit_value(const Value& value) {
  const auto* text = value.node.as_string();
  if (text != nullptr && text->get() == "unlimited") return kUnlimited;
  const auto* number = value.node.as_integer();
  if (number != nullptr && number->get() >= 0) return static_cast<std::uint64_t>(number->get());
  value.wrong("must be a whole number or \"unlimited\"");
  return std::nullopt;
}

}  // namespace

void read_ulimits(const Value& value, Profile& profile) {
  if (!value.node.is_table()) {
    return value.wrong("must be a table, such as {nofile = 1048576, memlock = \"unlimited\"}");
  }
  profile.ulimits.clear();
  for (const auto& [key, node] : *value.node.as_table()) {
    const auto name = parse_ulimit(key.str());
    if (!name) {
      add_problem(value.loaded.problems, key.source(),
                  value.name + ": unknown key " + shown(key.str()) +
                      "; known are the limits of setrlimit(2) in small letters, such as nofile");
      continue;
    }
    const Value one{node, value.name + "." + std::string(enum_name(*name)), value.loaded};
    if (const auto hard = read_ulimit_value(one)) profile.ulimits.push_back({*name, *hard, *hard});
  }
}

namespace {

void read_drivers(const Value& value, LogRules& logs) {
  read_names(value, parse_log_driver, "must be json-file, local, journald or none", logs.drivers);
  const auto* list = value.node.as_array();
  if (list != nullptr && list->empty())
    value.wrong("must name at least one, the first for who asks for none");
}

}  // namespace

void read_logs(const Value& value, Profile& profile) {
  static constexpr std::array<Key<LogRules>, 3> kKeys = {
      {{"drivers", read_drivers},
       {"size", read_limit<LogRules, &LogRules::size, read_size<1024>>},
       {"files", read_limit<LogRules, &LogRules::files, read_count<1000>>}}};
  read_keys(value, kKeys, profile.logs);
}

void read_extra_hosts(const Value& value, Profile& profile) {
  profile.extra_hosts.clear();
  read_texts(value, [&](const Value& element, std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const std::string_view address =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    auto host = HostName::parse(name);
    auto target = HostAddress::parse(address);
    if ((!host && name != "*") || (!target && address != "*")) {
      return element.wrong(shown(text) +
                           " must be NAME:ADDRESS, such as \"host.docker.internal:host-gateway\", "
                           "with * for any");
    }
    ExtraHostRule rule;
    if (host) rule.name = std::move(*host);
    if (target) rule.address = std::move(*target);
    profile.extra_hosts.push_back(std::move(rule));
  });
}

}  // namespace dc::policy::reading
