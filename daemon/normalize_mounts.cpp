// SPDX-License-Identifier: Apache-2.0
// The fields `volumes` and `tmpfs` of containers/run. Paths are brought into their one spelling
// here; one with a .. part is refused and never resolved. Front; every value is hostile.
#include <algorithm>
#include <charconv>
#include "daemon/normalize_fields.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kVolumes =
    R"(must be {"source": "target"}, {"source": {"bind": "target", "mode": "ro"}} or ["source:target:ro"])";

// A path in its one spelling, or a name as it is.
template <class T>
Result<T> read_place(std::string_view text, std::string_view name, std::string_view what) {
  std::string clean(text);
  if (text.starts_with('/')) {
    auto path = clean_path(text);
    if (!path) return field_error(name, quote(text) + ": a path must not have .. parts");
    clean = std::move(*path);
  }
  auto parsed = T::parse(clean);
  if (parsed) return std::move(*parsed);
  return field_error(name, quote(text) + ": " + std::string(what) + " " + parsed.error().detail);
}

// "ro" and "rw" and nothing else: Docker's mode also carries propagation and relabelling.
Read read_mode(std::string_view mode, std::string_view name, Mount& mount) {
  if (mode != "ro" && mode != "rw") {
    return field_error(name, "has a mode " + quote(mode) + R"(: use "ro" or "rw")");
  }
  mount.read_only = mode == "ro";
  return {};
}

Result<Mount> make_mount(std::string_view source, std::string_view target, std::string_view name) {
  auto from = read_place<MountSource>(source, name, "a source");
  if (!from) return fail(std::move(from.error()));
  auto to = read_place<MountTarget>(target, name, "a target");
  if (!to) return fail(std::move(to.error()));
  return Mount{std::move(*from), std::move(*to), std::nullopt};
}

// "source:target" or "source:target:mode".
Read add_spelled(std::string_view text, std::string_view name, std::vector<Mount>& mounts) {
  const std::size_t first = text.find(':');
  if (first == std::string_view::npos) {
    return field_error(name, "has " + quote(text) + " without a target: use \"source:target\"");
  }
  const std::string_view rest = text.substr(first + 1);
  const std::size_t second = rest.find(':');
  auto mount = make_mount(text.substr(0, first), rest.substr(0, second), name);
  if (!mount) return fail(std::move(mount.error()));
  if (second != std::string_view::npos) {
    if (auto mode = read_mode(rest.substr(second + 1), name, *mount); !mode) return mode;
  }
  mounts.push_back(std::move(*mount));
  return {};
}

struct Binding {
  std::string_view target, mode;
};
template <std::string_view Binding::*Member>
Read read_text(Json value, std::string_view name, Binding& binding) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  binding.*Member = *text;
  return {};
}
constexpr auto kBindingMembers = std::to_array<Spelling<Binding>>({
    {"bind", "bind", read_text<&Binding::target>},
    {"mode", "mode", read_text<&Binding::mode>},
});

// --- tmpfs -------------------------------------------------------------------------------------

template <class T>
bool parse_number(std::string_view text, T& number, int base) {
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number, base);
  return problem == std::errc() && stop == end;
}

template <class T>
Read set_number(std::string_view text, std::string_view name, std::string_view option, int base,
                std::optional<T>& out) {
  T number = 0;
  if (!parse_number(text, number, base)) {
    return field_error(name, "has a bad value for " + quote(option) +
                                 (base == 8 ? ": use octal digits" : ": use a number"));
  }
  out = number;
  return {};
}

Read read_option(std::string_view option, std::string_view name, Tmpfs& tmpfs) {
  // What every one has anyway.
  constexpr auto kGranted = std::to_array<std::string_view>({"rw", "noexec", "nosuid", "nodev"});
  if (std::find(kGranted.begin(), kGranted.end(), option) != kGranted.end()) return {};
  const std::size_t equals = std::min(option.find('='), option.size());
  const std::string_view key = option.substr(0, equals);
  const std::string_view value = option.substr(std::min(equals + 1, option.size()));
  if (key == "size") {
    tmpfs.size = parse_size(value);
    if (tmpfs.size) return {};
    return field_error(name, "has a bad size: use one such as \"64m\"");
  }
  if (key == "mode") return set_number(value, name, key, 8, tmpfs.mode);
  if (key == "uid") return set_number(value, name, key, 10, tmpfs.uid);
  if (key == "gid") return set_number(value, name, key, 10, tmpfs.gid);
  return field_error(
      name, "has an option " + quote(option) + " that is not offered: use size, mode, uid and gid");
}

Read add_tmpfs(std::string_view target, std::string_view options, std::string_view name,
               std::vector<Tmpfs>& list) {
  auto place = read_place<MountTarget>(target, name, "a target");
  if (!place) return fail(std::move(place.error()));
  Tmpfs tmpfs{std::move(*place), {}, {}, {}, {}};
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(std::min(option.size() + 1, options.size()));
    if (auto read = read_option(option, name, tmpfs); !read) return read;
  }
  list.push_back(std::move(tmpfs));
  return {};
}

}  // namespace

Read read_volumes(Json value, std::string_view name, std::vector<Mount>& mounts) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return read_strings(value, name, kVolumes,
                        [&](std::string_view text) { return add_spelled(text, name, mounts); });
  }
  for (const auto member : object) {
    Binding binding;
    const bool plain = member.value.get(binding.target) == simdjson::SUCCESS;
    if (!plain && !member.value.is_object()) return field_error(name, kVolumes);
    if (!plain) {
      auto read = read_spellings(member.value, name, kBindingMembers, binding);
      if (!read) return read;
    }
    auto mount = make_mount(member.key, binding.target, name);
    if (!mount) return fail(std::move(mount.error()));
    if (!binding.mode.empty()) {
      if (auto mode = read_mode(binding.mode, name, *mount); !mode) return mode;
    }
    mounts.push_back(std::move(*mount));
  }
  return {};
}

Read read_tmpfs(Json value, std::string_view name, std::vector<Tmpfs>& list) {
  constexpr std::string_view kExpected =
      R"(must be {"target": "size=64m,mode=1777"} or ["target:size=64m"])";
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return read_strings(value, name, kExpected, [&](std::string_view text) {
      const std::size_t colon = std::min(text.find(':'), text.size());
      return add_tmpfs(text.substr(0, colon), text.substr(std::min(colon + 1, text.size())), name,
                       list);
    });
  }
  for (const auto member : object) {
    std::string_view options;
    if (!is_null(member.value) && member.value.get(options) != simdjson::SUCCESS) {
      return field_error(name, kExpected);
    }
    if (auto added = add_tmpfs(member.key, options, name, list); !added) return added;
  }
  return {};
}

}  // namespace dc::daemon
