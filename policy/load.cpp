// SPDX-License-Identifier: Apache-2.0
// The policy file's grammar: tables of keys, each with the function that reads it into a Profile.
// Broker and command line only. Everything wrong is collected; one problem refuses the whole file.
#include "policy/load.hpp"
#include <charconv>
#include "common/wire.hpp"
#include "policy/load_container.hpp"
#include "policy/load_value.hpp"

namespace dc::policy {
namespace {

using namespace reading;

// What travels around a profile in its frame.
constexpr std::size_t kFrameEnvelope = 256;

void read_scopes(const Value& value, Profile& profile) {
  profile.scopes = {};
  read_texts(value, [&](const Value& element, std::string_view text) {
    const auto found = parse_scope(text);
    if (!found) {
      return element.wrong(shown(text) + " is not a scope; scopes look like " +
                           "\"containers:run\" or \"containers:*\"");
    }
    profile.scopes.bits |= found->bits;
  });
}

// "docker.io/" and the like.
bool is_whole_registry(std::string_view entry) {
  return entry.find('/') == entry.size() - 1 && entry.find_first_of(".:") != std::string_view::npos;
}

void read_images(const Value& value, Profile& profile) {
  read_parsed_list(value, profile.images, [](const Value& element, const ImagePattern& entry) {
    if (!is_whole_registry(entry.view())) return;
    element.risky("whoever can publish in that registry, often anybody, can run code on this host");
  });
}

void read_networks(const Value& value, Profile& profile) {
  read_parsed_list(value, profile.networks, [](const Value& element, const NetworkName& name) {
    if (is_reserved_network(name.view())) {
      element.wrong(shown(name.view()) + " is the Engine's own and can never be used");
    }
    if (name.view() == "host") {
      element.risky(
          "such a container reaches every service on the host's loopback address as if it were "
          "local");
    }
  });
}

void read_restart(const Value& value, Profile& profile) {
  read_names(value, parse_restart, "must be no, on-failure, always or unless-stopped",
             profile.restart);
  if (std::any_of(profile.restart.begin(), profile.restart.end(), [](Restart kind) {
        return kind == Restart::always || kind == Restart::unless_stopped;
      })) {
    value.risky("such a container comes back by itself, after its service's rights are gone too");
  }
}

void read_visible(const Value& value, Profile& profile) {
  const auto text = read_text(value);
  if (!text) return;
  if (*text != "owned" && *text != "all") return value.wrong("must be \"owned\" or \"all\"");
  profile.visible = *text == "all" ? Visible::all : Visible::owned;
  if (profile.visible == Visible::owned) return;
  value.risky("the service sees every container and network of the host, and what they run");
}

// "owned" goes without saying; it is accepted so that a list can say it.
void read_manage(const Value& value, Profile& profile) {
  profile.manage_image_allowed = false;
  read_texts(value, [&](const Value& element, std::string_view text) {
    if (text == "image-allowed") {
      profile.manage_image_allowed = true;
    } else if (text != "owned") {
      element.wrong(shown(text) + " must be \"owned\" or \"image-allowed\"");
    }
  });
}

// --- ports -------------------------------------------------------------------------------------

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

void read_port_range(const Value& element, std::string_view text, Profile& profile) {
  const std::size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *first > *last) {
    return element.wrong(shown(text) + " must be a port or a range, such as \"8003-8102\"");
  }
  for (std::uint32_t port = *first; port <= *last; ++port) {
    if (!is_reserved_port(port)) continue;
    return element.wrong(shown(text) + " holds port " + std::to_string(port) +
                         ", which can never be published (ports under 1024, 8002 of " +
                         "docker-control, 2375 and 2376 of the Engine)");
  }
  profile.host_ports.push_back({*first, *last});
}

void read_host_ports(const Value& value, Profile& profile) {
  profile.host_ports.clear();
  read_texts(value, [&](const Value& element, std::string_view text) {
    read_port_range(element, text, profile);
  });
}

void read_address(const Value& value, Profile& profile) {
  const auto text = read_text(value);
  if (!text) return;
  auto address = IpAddress::parse(*text);
  if (!address) return value.wrong(shown(*text) + " " + address.error().detail);
  profile.port_address = std::move(*address);
  if (profile.port_address.view() != "0.0.0.0" && profile.port_address.view() != "::") return;
  value.risky("published ports can be reached from outside, whatever the host's firewall says");
}

void read_ports(const Value& value, Profile& profile) {
  static constexpr std::array<Key<Profile>, 3> kKeys = {
      {{"host", read_host_ports},
       {"address", read_address},
       {"ephemeral", read_switch<Profile, &Profile::ephemeral_ports>}}};
  read_keys(value, kKeys, profile);
}

// --- adopt, quota, mode ------------------------------------------------------------------------

void read_adopted(const Value& element, Profile& profile) {
  static constexpr std::array<Key<AdoptRule>, 2> kKeys = {
      {{"name", read_member<AdoptRule, &AdoptRule::name>},
       {"image", read_member<AdoptRule, &AdoptRule::image>}}};
  AdoptRule rule;
  const std::size_t problems = element.loaded.problems.size();
  read_keys(element, kKeys, rule);
  if (element.loaded.problems.size() > problems) return;
  if (!rule.name && !rule.image) return element.wrong("needs a name, an image or both");
  profile.adopt.push_back(std::move(rule));
}

void read_adopt(const Value& value, Profile& profile) {
  profile.adopt.clear();
  read_list(value, " of tables, such as [{name = \"tt-*\", image = \"ghcr.io/x/\"}]",
            [&](const Value& element) { read_adopted(element, profile); });
}

void read_quota(const Value& value, Profile& profile) {
  static constexpr std::array<Key<Quota>, 7> kKeys = {
      {{"containers", read_number<Quota, &Quota::containers, read_count<kMaxQuota>>},
       {"memory", read_number<Quota, &Quota::memory, read_size<kMinMemory>>},
       {"cpus", read_number<Quota, &Quota::nano_cpus, read_cpus>},
       {"ports", read_number<Quota, &Quota::ports, read_count<kMaxQuota, 0>>},
       {"networks", read_number<Quota, &Quota::networks, read_count<kMaxQuota, 0>>},
       {"pulls", read_number<Quota, &Quota::pulls, read_count<limits::kPullsPerService>>},
       {"follows", read_number<Quota, &Quota::follows, read_count<limits::kStreamsPerService>>}}};
  read_keys(value, kKeys, profile.quota);
}

void read_judging(const Value& value, Profile& profile) {
  const auto text = read_text(value);
  if (!text) return;
  if (*text == "enforce") {
    profile.mode = Mode::enforce;
    return;
  }
  if (*text != "warn" && *text != "audit") {
    return value.wrong("must be \"enforce\", \"warn\" or \"audit\"");
  }
  profile.mode = *text == "warn" ? Mode::warn : Mode::audit;
  value.risky(
      "what the lists leave out is only noted and not refused: for finding out what a "
      "service needs, and not for longer");
}

// --- the file ----------------------------------------------------------------------------------

// A [service.NAME] may hold all of them, [defaults] those from kFirstDefault on.
constexpr auto kProfileKeys = std::to_array<Key<Profile>>({
    {"scopes", read_scopes},
    {"images", read_images},
    {"networks", read_networks},
    {"ports", read_ports},
    {"restart", read_restart},
    {"visible", read_visible},
    {"manage", read_manage},
    {"memory", read_limit<Profile, &Profile::memory, read_size<kMinMemory>>},
    {"swap", read_limit<Profile, &Profile::swap, read_size<0>>},
    {"cpus", read_limit<Profile, &Profile::nano_cpus, read_cpus>},
    {"pids", read_limit<Profile, &Profile::pids, read_count<kMaxPids>>},
    {"shm", read_limit<Profile, &Profile::shm, read_size<1>>},
    {"tmpfs", read_limit<Profile, &Profile::tmpfs, read_size<1>>},
    {"rate", read_number<Profile, &Profile::rate, read_count<kMaxRate>>},
    {"mounts", read_mounts},
    {"volumes", read_members<Profile, &Profile::volumes>},
    {"devices", read_devices},
    {"exclusive_devices", read_switch<Profile, &Profile::exclusive_devices>},
    {"gpus", read_gpus},
    {"capabilities", read_capabilities},
    {"ulimits", read_ulimits},
    {"groups", read_members<Profile, &Profile::groups>},
    {"health_interval", read_number<Profile, &Profile::health_interval, read_duration>},
    {"logs", read_logs},
    {"dns", read_members<Profile, &Profile::dns>},
    {"extra_hosts", read_extra_hosts},
    {"reserved_names", read_members<Profile, &Profile::reserved_names>},
    {"require_non_root", read_switch<Profile, &Profile::require_non_root>},
    {"require_read_only", read_switch<Profile, &Profile::require_read_only>},
    {"adopt", read_adopt},
    {"quota", read_quota},
    {"mode", read_judging},
});
constexpr std::size_t kFirstDefault = 2;

// What is risky only together.
void weigh(const Value& table, const Profile& profile) {
  if (profile.manage_image_allowed &&
      std::any_of(profile.images.begin(), profile.images.end(),
                  [](const ImagePattern& entry) { return is_whole_registry(entry.view()); })) {
    table.risky(
        "manage = [\"image-allowed\"] with a whole registry in images: the service can "
        "stop and remove nearly every container that others made");
  }
  if (!profile.devices.empty() && !profile.exclusive_devices) {
    table.risky(
        "devices without exclusive_devices = true: several containers can have the same "
        "device at a time and see what it still holds of each other");
  }
}

bool fits_frame(const Profile& profile) {
  wire::Writer out;
  wire::encode(out, profile);
  return out.take().size() <= limits::kFrame - kFrameEnvelope;
}

void read_service(const Value& table, std::string_view name, Profile profile, Policy& policy) {
  auto service = ServiceName::parse(name);
  if (!service) return table.wrong("the name " + service.error().detail);
  profile.service = std::move(*service);
  read_keys(table, kProfileKeys, profile);
  weigh(table, profile);
  check_mounts_of_others(table, profile, policy);
  if (!fits_frame(profile)) return table.wrong("is too large: over 63 KiB of entries");
  policy.profiles.emplace(name, std::move(profile));
}

void read_services(const Value& services, const Profile& base, Policy& policy) {
  const auto* table = services.node.as_table();
  if (table == nullptr) return services.wrong("must be tables, written [service.NAME]");
  if (table->size() > limits::kProfiles) {
    return services.wrong("must be at most " + std::to_string(limits::kProfiles) + " services");
  }
  for (const auto& [name, node] : *table) {
    const auto shown_name = Text<128>::clip(name.str());
    const Value one{node, section_name(shown_name.view()), services.loaded};
    read_service(one, name.str(), base, policy);
  }
}

void read_file(const toml::table& file, Loaded& loaded) {
  Profile base = blank_profile(*ServiceName::parse("defaults"));
  if (const toml::node* defaults = file.get("defaults")) {
    read_keys(Value{*defaults, "[defaults]", loaded},
              std::span<const Key<Profile>>(kProfileKeys).subspan(kFirstDefault), base);
  }
  for (const auto& [key, node] : file) {
    if (key.str() == "service") {
      read_services(Value{node, "service", loaded}, base, loaded.policy);
    } else if (key.str() != "defaults") {
      add_problem(loaded.problems, key.source(),
                  "unknown key " + shown(key.str()) + "; known are [defaults] and [service.NAME]");
    }
  }
}

}  // namespace

Profile blank_profile(ServiceName service) {
  return Profile{std::move(service), {}, {}, {}, {}, false, *IpAddress::parse("127.0.0.1"), {}};
}

std::string to_string(const Problem& problem, std::string_view file) {
  std::string text(file);
  if (problem.line != 0) {
    text += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
  }
  return text + ": " + problem.message;
}

Loaded load(std::string_view toml) {
  Loaded loaded;
  if (toml.size() > limits::kPolicyFile) {
    loaded.problems.push_back({0, 0, "the policy file is over 1 MiB"});
    return loaded;
  }
  const auto parsed = toml::parse(toml);
  if (!parsed) {
    const auto reason = Text<256>::clip(parsed.error().description());
    add_problem(loaded.problems, parsed.error().source(), reason.str());
    return loaded;
  }
  read_file(parsed.table(), loaded);
  for (auto* list : {&loaded.problems, &loaded.warnings}) {
    std::stable_sort(list->begin(), list->end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.line, a.column) < std::tie(b.line, b.column);
    });
  }
  if (!loaded.problems.empty()) loaded.policy = {};
  return loaded;
}

}  // namespace dc::policy
