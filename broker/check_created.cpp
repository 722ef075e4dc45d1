// SPDX-License-Identifier: Apache-2.0
// Compares the container that the Engine made with the plan. Broker only. What was sent is what
// must be there, and nothing else may be: an Engine drops what its kernel or its age does not know.
#include <algorithm>
#include <array>
#include <set>
#include "broker/create_container.hpp"
#include "common/text_rules.hpp"

namespace dc::broker {
namespace {

// Members that the Engine fills in by itself and that grant nothing.
constexpr auto kEngineMembers =
    std::to_array<std::string_view>({"ConsoleSize", "Isolation", "MaskedPaths", "ReadonlyPaths"});
// Members of Config to which the image adds its own.
constexpr auto kMergedMembers =
    std::to_array<std::string_view>({"ExposedPorts", "Healthcheck", "Labels"});

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// null, [], {}, "", 0 and false: a feature that is not in use.
bool is_unused(std::string_view json) {
  constexpr auto kUnused =
      std::to_array<std::string_view>({"null", "[]", "{}", "\"\"", "0", "false"});
  return json.empty() || is_one_of(kUnused, json);
}

std::vector<std::string_view> elements_of(std::string_view array) {
  std::vector<std::string_view> out;
  for_each_element(array, [&](std::string_view element) { out.push_back(element); });
  return out;
}

bool same(std::string_view sent, std::string_view found);

// Whether every member of `one` has the same value in `other`.
bool covers(std::string_view one, std::string_view other) {
  bool all = true;
  const bool whole = for_each_member(one, [&](std::string_view key, std::string_view json) {
    all = all && same(json, json_member(other, key));
  });
  return whole && all;
}

// The same value, in whatever order its members are and with or without those that are not in use.
bool same(std::string_view sent, std::string_view found) {
  if (sent == found || (is_unused(sent) && is_unused(found))) return true;
  if (sent.empty() || found.empty() || sent.front() != found.front()) return false;
  if (sent.front() == '"') return json_string(sent) == json_string(found);
  if (sent.front() == '{') return covers(sent, found) && covers(found, sent);
  if (sent.front() != '[') return false;
  const auto one = elements_of(sent), other = elements_of(found);
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), same);
}

std::set<std::string> text_set(std::string_view json) {
  std::set<std::string> out;
  for (const auto element : elements_of(json)) out.insert(json_string(element).value_or("?"));
  return out;
}

// Newer Engines sort them and write CAP_ before each.
std::set<std::string> capability_set(std::string_view json) {
  std::set<std::string> out;
  for (std::string name : text_set(json)) {
    if (name.starts_with("CAP_")) name.erase(0, 4);
    out.insert(std::move(name));
  }
  return out;
}

bool same_in_host_config(std::string_view key, std::string_view sent, std::string_view found) {
  if (key == "CapAdd" || key == "CapDrop") return capability_set(sent) == capability_set(found);
  if (key != "LogConfig") return same(sent, found);
  // The host's configuration may add options to the log's, such as compression.
  return json_member(sent, "Type") == json_member(found, "Type") &&
         covers(json_member(sent, "Config"), json_member(found, "Config"));
}

// The first member of HostConfig that is not as it was sent; empty when all are.
std::string differing_in_host_config(const Members& sent, std::string_view host_config_json) {
  std::string differing;
  std::map<std::string, std::string_view, std::less<>> found;  // views into the document
  for_each_member(host_config_json, [&](std::string_view key, std::string_view json) {
    found.insert_or_assign(std::string(key), json);
    if (!sent.contains(key) && !is_one_of(kEngineMembers, key) && !is_unused(json)) differing = key;
  });
  for (const auto& [key, json] : sent) {
    const JsonText text(json);
    if (!same_in_host_config(key, text.view(), found[key])) differing = key;
  }
  return differing;
}

bool same_in_config(std::string_view key, std::string_view sent, std::string_view found) {
  if (is_one_of(kMergedMembers, key)) return is_unused(sent) || covers(sent, found);
  if (key != "Env") return same(sent, found);
  const auto wanted = text_set(sent), there = text_set(found);
  return std::includes(there.begin(), there.end(), wanted.begin(), wanted.end());
}

std::string differing_in_config(const Members& sent, std::string_view config_json) {
  std::string differing;
  for (const auto& [key, json] : sent) {
    const JsonText text(json);
    if (!same_in_config(key, text.view(), json_member(config_json, key))) differing = key;
  }
  return differing;
}

// One of the Engine's own, which images may ask for: empty, and nobody else's.
bool is_anonymous_volume(std::string_view mount) {
  return json_text(mount, "Type") == "volume" && json_text(mount, "Driver") == "local" &&
         ContainerId::parse(json_text(mount, "Name")).has_value();
}

// Where the Engine would make the image's volume in what comes from the host (CVE-2021-30465).
bool is_inside(const std::vector<Mount>& asked, std::string_view found) {
  const std::string target = json_text(found, "Destination");
  return std::any_of(asked.begin(), asked.end(),
                     [&](const Mount& one) { return rules::is_under(target, one.target.view()); });
}

bool is_asked_for(const Mount& asked, std::string_view found) {
  const bool writable = json_member(found, "RW") == "true";
  if (json_text(found, "Destination") != asked.target.view() ||
      writable == asked.read_only.value_or(true)) {
    return false;
  }
  if (!asked.is_bind()) {
    return json_text(found, "Type") == "volume" && json_text(found, "Driver") == "local" &&
           json_text(found, "Name") == asked.source.view();
  }
  return json_text(found, "Type") == "bind" && json_text(found, "Propagation") == "rprivate" &&
         json_text(found, "Source") == asked.source.view();
}

// Whether the mounts are those that were asked for, each once, and the image's own volumes.
bool mounts_are(const std::vector<Mount>& asked, std::string_view found) {
  std::size_t ours = 0;
  bool known = true;
  for_each_element(found, [&](std::string_view mount) {
    const bool is_ours = std::any_of(asked.begin(), asked.end(),
                                     [&](const Mount& one) { return is_asked_for(one, mount); });
    ours += std::size_t{is_ours};
    known = known && (is_ours || (is_anonymous_volume(mount) && !is_inside(asked, mount)));
  });
  return known && ours == asked.size();
}

}  // namespace

Result<void> check_created(const ContainerPlan& plan, const ContainerView& created) {
  std::string differing = differing_in_host_config(host_config(plan), created.host_config);
  if (differing.empty()) differing = differing_in_config(config(plan), created.config);
  if (!mounts_are(plan.allowed.command().mounts, created.mounts)) differing = "Mounts";
  if (created.image_id != plan.image.view()) differing = "Image";
  if (differing.empty()) return {};
  return fail(Errc::policy_not_enforced,
              "The Docker Engine did not apply " + differing + "; the container was removed",
              "see the broker's log and the Engine's warnings about missing kernel support");
}

}  // namespace dc::broker
