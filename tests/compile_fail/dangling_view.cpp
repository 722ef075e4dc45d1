// SPDX-License-Identifier: Apache-2.0
// A view of a temporary value is refused.
// expect: (deleted)
#include "common/types.hpp"

dc::ContainerName name();

std::size_t size() {
#ifdef MUST_FAIL
  return name().view().size();
#endif
  const auto kept = name();
  return kept.view().size();
}
