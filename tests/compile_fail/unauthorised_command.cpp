// SPDX-License-Identifier: Apache-2.0
// What executes takes an Allowed, never a bare command, even one that was decoded and checked.
// expect: (could not convert|no matching function|no known conversion|invalid initialization)
#include "policy/authorize.hpp"

using namespace dc;

void execute(const policy::Allowed<StopContainer>& stop);

Result<void> serve(StopContainer stop, const Principal& caller, const policy::Snapshot& policy) {
#ifdef MUST_FAIL
  execute(stop);
#endif
  auto allowed = policy::authorize(std::move(stop), caller, policy);
  if (!allowed) return fail(allowed.error());
  execute(*allowed);
  return {};
}
