// SPDX-License-Identifier: Apache-2.0
// Finds out where each value comes from by looking its key up in the file again. Command line only.
#include "admin/policy_show.hpp"
// As the loader is built with, since both end up in one program.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>
#include <algorithm>
#include "admin/policy_text.hpp"
#include "policy/rules.hpp"

namespace dc::admin {
namespace {

// The line of a dotted key in a table; 0: it is not there.
unsigned line_of(const toml::node* table, std::string_view key) {
  while (table != nullptr) {
    const auto* tables = table->as_table();
    if (tables == nullptr) return 0;
    const std::string_view part = first_part(key);
    table = tables->get(part);
    if (part.size() == key.size()) return table == nullptr ? 0 : table->source().begin.line;
    key.remove_prefix(part.size() + 1);
  }
  return 0;
}

std::string origin(const toml::table& file, std::string_view service, std::string_view key) {
  const toml::node* services = file.get("service");
  const toml::node* own = services == nullptr ? nullptr : services->as_table()->get(service);
  if (const unsigned line = line_of(own, key)) {
    return policy::section_name(service) + ", line " + std::to_string(line);
  }
  if (const unsigned line = line_of(file.get("defaults"), key)) {
    return "[defaults], line " + std::to_string(line);
  }
  return "built-in";
}

std::string show_profile(const policy::Profile& profile, const toml::table& file) {
  constexpr std::size_t kColumn = 44;  // where the origins begin, after values that are shorter
  std::string text = policy::section_name(profile.service.view()) + "\n";
  for (const Setting& setting : settings()) {
    const auto entries = setting.entries(profile);
    if (entries.empty() && !setting.list) continue;
    std::string line = to_toml(setting, entries);
    line.resize(std::max(line.size() + 1, kColumn), ' ');
    text += line + "# " + origin(file, profile.service.view(), setting.key) + "\n";
  }
  return text;
}

}  // namespace

std::string show_policy(const policy::Policy& policy, std::string_view toml,
                        std::string_view service) {
  const auto parsed = toml::parse(toml);
  if (!parsed) return {};  // the loader has read it before
  std::string text;
  for (const auto& [name, profile] : policy.profiles) {
    if (!service.empty() && name != service) continue;
    text += (text.empty() ? "" : "\n") + show_profile(profile, parsed.table());
  }
  return text;
}

}  // namespace dc::admin
