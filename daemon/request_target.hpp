// SPDX-License-Identifier: Apache-2.0
// Request targets: split first, then percent-decoded exactly once, so that no decoded byte can ever
// act as a separator. Front only; the bytes are hostile.
#pragma once

#include <optional>
#include <string_view>
#include <vector>
#include "daemon/http.hpp"
#include "daemon/http_status.hpp"

namespace dc::daemon {

struct Target {
  std::vector<std::string> path;
  std::vector<QueryParameter> query;
  bool asterisk = false;
};

// `target` is of visible ASCII. `host` is the Host header, which the authority of an absolute form
// has to equal; `*` goes with OPTIONS only.
std::optional<HttpFailure> parse_target(std::string_view target, Method method,
                                        std::string_view host, Target& out);

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace dc::daemon
