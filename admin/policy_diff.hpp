// SPDX-License-Identifier: Apache-2.0
// What one policy allows and another does not, in words. Command line only; pure.
#pragma once

#include <string>
#include "policy/profile.hpp"

namespace dc::admin {

// Services in the order of their names, keys in that of the manual page: + is allowed now, - is not
// any more, ~ is neither more nor less. Empty: no difference.
std::string diff_policies(const policy::Policy& before, const policy::Policy& after);

}  // namespace dc::admin
