// SPDX-License-Identifier: Apache-2.0
// The policy file's grammar: tables of keys, each with the function that reads it into a Profile.
// Broker and command line only. Everything wrong is collected; one problem refuses the whole file.
#include "policy/load.hpp"
#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include "common/wire.hpp"
#include "policy/rules.hpp"

namespace dc::policy {
namespace {

// What travels around a profile in its frame.
constexpr std::size_t kFrameEnvelope = 256;

using Problems = std::vector<Problem>;

void add_problem(Problems& problems, const toml::source_region& where, std::string message) {
  problems.push_back({where.begin.line, where.begin.column, std::move(message)});
}

// Text of the file, made fit for a message.
std::string shown(std::string_view text) {
  const auto clipped = Text<128>::clip(text);
  return "\"" + clipped.str() + "\"";
}

// One value of the file, its name in messages, and where complaints about it go.
struct Value {
  const toml::node& node;
  std::string name;
  Problems& problems;

  void wrong(std::string_view what) const {
    add_problem(problems, node.source(), name + ": " + std::string(what));
  }
};

// --- tables ------------------------------------------------------------------------------------

struct Key {
  std::string_view name;
  void (*read)(const Value& value, Profile& profile);
};

void unknown_key(const toml::key& key, std::span<const Key> known, const Value& table) {
  std::string message = table.name + ": unknown key " + shown(key.str()) + "; known are";
  for (const Key& one : known) {
    message += (&one == known.data() ? " " : ", ") + std::string(one.name);
  }
  add_problem(table.problems, key.source(), std::move(message));
}

void read_keys(const Value& table, std::span<const Key> known, Profile& profile) {
  if (!table.node.is_table()) return table.wrong("must be a table");
  for (const auto& [key, node] : *table.node.as_table()) {
    const std::string_view name = key.str();
    const auto rule = std::find_if(known.begin(), known.end(),
                                   [name](const Key& one) { return one.name == name; });
    if (rule == known.end()) {
      unknown_key(key, known, table);
    } else {
      rule->read(Value{node, table.name + "." + std::string(rule->name), table.problems}, profile);
    }
  }
}

// --- values ------------------------------------------------------------------------------------

std::optional<std::string_view> read_text(const Value& value) {
  const auto* text = value.node.as_string();
  if (text != nullptr) return std::string_view(text->get());
  value.wrong("must be text in quotes");
  return std::nullopt;
}

// Calls use(element, text) for each element of a list of texts.
template <class Use>
void read_texts(const Value& value, Use use) {
  const auto* list = value.node.as_array();
  if (list == nullptr) return value.wrong("must be a list of texts, such as [\"one\", \"two\"]");
  if (list->size() > limits::kProfileEntries) {
    return value.wrong("must be at most " + std::to_string(limits::kProfileEntries) + " entries");
  }
  std::size_t index = 0;
  for (const toml::node& node : *list) {
    const Value element{node, value.name + "[" + std::to_string(index++) + "]", value.problems};
    if (const auto text = read_text(element)) use(element, *text);
  }
}

// A list of a validated type: each element goes through its parse().
template <class T>
void read_parsed_list(const Value& value, std::vector<T>& out) {
  out.clear();
  read_texts(value, [&](const Value& element, std::string_view text) {
    auto parsed = T::parse(text);
    if (!parsed) return element.wrong(shown(text) + " " + parsed.error().detail);
    out.push_back(std::move(*parsed));
  });
}

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

void read_images(const Value& value, Profile& profile) { read_parsed_list(value, profile.images); }

void read_networks(const Value& value, Profile& profile) {
  read_parsed_list(value, profile.networks);
  for (const NetworkName& name : profile.networks) {
    if (is_reserved_network(name.view())) {
      value.wrong(shown(name.view()) + " is the Engine's own and can never be used");
    }
  }
}

void read_restart(const Value& value, Profile& profile) {
  profile.restart.clear();
  read_texts(value, [&](const Value& element, std::string_view text) {
    const auto kind = parse_restart(text);
    if (!kind) {
      return element.wrong(shown(text) + " must be no, on-failure, always or unless-stopped");
    }
    profile.restart.push_back(*kind);
  });
}

void read_visible(const Value& value, Profile& profile) {
  const auto text = read_text(value);
  if (!text) return;
  if (*text != "owned" && *text != "all") return value.wrong("must be \"owned\" or \"all\"");
  profile.visible = *text == "all" ? Visible::all : Visible::owned;
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
}

void read_ephemeral(const Value& value, Profile& profile) {
  const auto* flag = value.node.as_boolean();
  if (flag == nullptr) return value.wrong("must be true or false");
  profile.ephemeral_ports = flag->get();
}

void read_ports(const Value& value, Profile& profile) {
  static constexpr std::array<Key, 3> kKeys = {
      {{"host", read_host_ports}, {"address", read_address}, {"ephemeral", read_ephemeral}}};
  read_keys(value, kKeys, profile);
}

// --- limits ------------------------------------------------------------------------------------

template <std::uint64_t Min>
std::optional<std::uint64_t> read_size(const Value& value) {
  const auto* text = value.node.as_string();
  const auto bytes = text != nullptr ? parse_size(text->get()) : std::nullopt;
  if (!bytes || *bytes < Min) {
    value.wrong("must be a size in quotes, such as \"512m\" or \"16g\", of at least " +
                size_text(Min));
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::uint64_t> read_cpus(const Value& value) {
  const auto number = value.node.value<double>();  // takes an integer too
  // The negation refuses nan as well.
  if (!number || !(*number >= 0.01 && *number <= static_cast<double>(kMaxCpus))) {
    value.wrong("must be a number of processors from 0.01 to " + std::to_string(kMaxCpus));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(std::llround(*number * static_cast<double>(kNanosPerCpu)));
}

template <std::uint64_t Max>
std::optional<std::uint64_t> read_count(const Value& value) {
  const auto* number = value.node.as_integer();
  if (number == nullptr || number->get() < 1 || number->get() > static_cast<std::int64_t>(Max)) {
    value.wrong("must be a whole number from 1 to " + std::to_string(Max));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number->get());
}

void read_rate(const Value& value, Profile& profile) {
  if (const auto rate = read_count<kMaxRate>(value)) {
    profile.rate = static_cast<std::uint32_t>(*rate);
  }
}

template <Limit Profile::*Which, auto Read>
void read_limit(const Value& value, Profile& profile) {
  static constexpr std::array<Key, 2> kKeys = {{{"default",
                                                 [](const Value& number, Profile& into) {
                                                   if (const auto read = Read(number))
                                                     (into.*Which).standard = *read;
                                                 }},
                                                {"max", [](const Value& number, Profile& into) {
                                                   if (const auto read = Read(number))
                                                     (into.*Which).max = *read;
                                                 }}}};
  read_keys(value, kKeys, profile);
  const Limit& limit = profile.*Which;
  if (limit.standard > limit.max) {
    value.wrong("default is over max; write both, since the one left out has its own value");
  }
}

// --- the file ----------------------------------------------------------------------------------

// A [service.NAME] may hold all of them, [defaults] those from kFirstDefault on.
constexpr std::array<Key, 12> kProfileKeys = {{
    {"scopes", read_scopes},
    {"images", read_images},
    {"networks", read_networks},
    {"ports", read_ports},
    {"restart", read_restart},
    {"visible", read_visible},
    {"manage", read_manage},
    {"memory", read_limit<&Profile::memory, read_size<kMinMemory>>},
    {"cpus", read_limit<&Profile::nano_cpus, read_cpus>},
    {"pids", read_limit<&Profile::pids, read_count<kMaxPids>>},
    {"shm", read_limit<&Profile::shm, read_size<1>>},
    {"rate", read_rate},
}};
constexpr std::size_t kFirstDefault = 2;

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
    const Value one{node, section_name(shown_name.view()), services.problems};
    read_service(one, name.str(), base, policy);
  }
}

Profile built_in_profile() {
  return Profile{*ServiceName::parse("defaults"), {}, {}, {}, {}, false,
                 *IpAddress::parse("127.0.0.1"),  {}};
}

void read_file(const toml::table& file, Loaded& loaded) {
  Profile base = built_in_profile();
  if (const toml::node* defaults = file.get("defaults")) {
    read_keys(Value{*defaults, "[defaults]", loaded.problems},
              std::span(kProfileKeys).subspan(kFirstDefault), base);
  }
  for (const auto& [key, node] : file) {
    if (key.str() == "service") {
      read_services(Value{node, "service", loaded.problems}, base, loaded.policy);
    } else if (key.str() != "defaults") {
      add_problem(loaded.problems, key.source(),
                  "unknown key " + shown(key.str()) + "; known are [defaults] and [service.NAME]");
    }
  }
}

}  // namespace

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
  std::stable_sort(loaded.problems.begin(), loaded.problems.end(),
                   [](const Problem& a, const Problem& b) {
                     return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                   });
  if (!loaded.problems.empty()) loaded.policy = {};
  return loaded;
}

}  // namespace dc::policy
