// SPDX-License-Identifier: Apache-2.0
// The rights a profile or token may hold. Both sides.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

namespace dc {

enum class Scope : std::uint8_t {
  containers_read,
  containers_run,
  containers_manage,
  containers_logs,
  images_read,
  images_pull,
  images_remove,
  networks_read,
  networks_manage,
  service_logs,
  service_metrics,
  service_explain,
};
constexpr Scope enum_last(Scope) { return Scope::service_explain; }

std::string_view scope_name(Scope scope);  // "containers:run"

// A set of scopes. Empty grants nothing.
struct Scopes final {
  std::uint32_t bits = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.bits); };

  [[nodiscard]] bool has(Scope scope) const {
    return ((bits >> static_cast<unsigned>(scope)) & 1U) != 0;
  }
  void add(Scope scope) { bits |= 1U << static_cast<unsigned>(scope); }
  [[nodiscard]] Scopes narrowed_by(Scopes other) const { return Scopes{bits & other.bits}; }
  friend bool operator==(const Scopes&, const Scopes&) = default;
};

// "containers:run" or a family such as "containers:*". nullopt when unknown; a bare "*" is unknown.
std::optional<Scopes> parse_scope(std::string_view name);

}  // namespace dc
