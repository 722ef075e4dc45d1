// SPDX-License-Identifier: Apache-2.0
// Which hosts requests may be for, and pages of which origins may read the answers. Front only; the
// lists are the administrator's, what is compared with them is hostile.
#pragma once

#include <string_view>
#include <vector>
#include "common/types.hpp"

namespace dc::daemon {

struct Site {
  std::vector<Authority> hosts;  // empty: any
  std::vector<Origin> origins;

  // Whether a request with this Host header (empty: it has none) is meant for us. An entry without
  // a port stands for every port; case does not count.
  [[nodiscard]] bool serves(std::string_view host) const;
  // Byte by byte, since a browser has one spelling only.
  [[nodiscard]] bool lists(std::string_view origin) const;
};

}  // namespace dc::daemon
