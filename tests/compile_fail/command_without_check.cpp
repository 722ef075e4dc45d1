// SPDX-License-Identifier: Apache-2.0
// A command for which policy has no check() cannot be authorised.
// expect: (no matching function for call to .check|no matching function for call to 'check')
#include "policy/authorize.hpp"

using namespace dc;

struct Pause final {
  static constexpr std::string_view kName = "containers.pause";
  static constexpr Scope kScope = Scope::containers_manage;
  ContainerRef container;
};

#ifndef MUST_FAIL
namespace dc::policy {
Result<Pause> check(Pause pause, Judge&) { return pause; }
}  // namespace dc::policy
#endif

bool is_allowed(Pause pause, const Principal& caller, const policy::Snapshot& policy) {
  return policy::authorize(std::move(pause), caller, policy).has_value();
}
