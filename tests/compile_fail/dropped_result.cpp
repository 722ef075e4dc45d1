// SPDX-License-Identifier: Apache-2.0
// A Result cannot be ignored.
// expect: (unused-result|nodiscard)
#include "common/image_ref.hpp"

bool is_image() {
#ifdef MUST_FAIL
  dc::ImageRef::parse("alpine");
#endif
  return dc::ImageRef::parse("alpine").has_value();
}
