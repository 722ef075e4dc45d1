// SPDX-License-Identifier: Apache-2.0
// An ImageRef comes from parse() alone.
// expect: (no matching function|no matching constructor|no known conversion|could not convert)
#include "common/image_ref.hpp"

dc::Result<dc::ImageRef> image() {
#ifdef MUST_FAIL
  return dc::ImageRef("alpine");
#endif
  return dc::ImageRef::parse("alpine");
}
