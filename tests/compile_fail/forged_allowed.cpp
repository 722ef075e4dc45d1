// SPDX-License-Identifier: Apache-2.0
// Nobody but authorize() makes an Allowed.
// expect: (is private|calling a private constructor|no matching (function|constructor))
#include "policy/authorize.hpp"

using namespace dc;

policy::Allowed<StopContainer> forge(StopContainer stop, ServiceName service,
                                     const policy::Snapshot& policy,
                                     const policy::Allowed<StopContainer>& real) {
#ifdef MUST_FAIL
  return policy::Allowed<StopContainer>(std::move(stop), std::move(service), policy,
                                        *policy->find("x"));
#endif
  return real;
}
