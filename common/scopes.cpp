// SPDX-License-Identifier: Apache-2.0
// Names of the scopes. Both sides.
#include "common/scopes.hpp"
#include <array>

namespace dc {
namespace {
constexpr std::array<std::string_view, 12> kNames = {
    "containers:read", "containers:run", "containers:manage", "containers:logs",
    "images:read",     "images:pull",    "images:remove",     "networks:read",
    "networks:manage", "service:logs",   "service:metrics",   "service:explain"};
static_assert(kNames.size() == static_cast<std::size_t>(enum_last(Scope{})) + 1);
}  // namespace

std::string_view scope_name(Scope scope) { return kNames[static_cast<std::size_t>(scope)]; }

std::optional<Scopes> parse_scope(std::string_view name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const bool whole_family = name.substr(colon + 1) == "*";
  Scopes found;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const bool same_family = kNames[i].substr(0, kNames[i].find(':')) == name.substr(0, colon);
    if (kNames[i] == name || (whole_family && same_family)) found.add(static_cast<Scope>(i));
  }
  if (found.bits == 0) return std::nullopt;
  return found;
}

}  // namespace dc
