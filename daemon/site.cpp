// SPDX-License-Identifier: Apache-2.0
// Front only; see the head of site.hpp.
#include "daemon/site.hpp"
#include <algorithm>
#include "daemon/request_target.hpp"

namespace dc::daemon {
namespace {

// Without the port. A colon inside brackets is the address's.
std::string_view name_of(std::string_view authority) {
  return authority.substr(0, authority.find(':', authority.find(']') + 1));
}

}  // namespace

bool Site::serves(std::string_view host) const {
  return hosts.empty() || std::any_of(hosts.begin(), hosts.end(), [host](const Authority& entry) {
           const std::string_view wanted = entry.view();
           return equal_ignoring_case(host, wanted) || equal_ignoring_case(name_of(host), wanted);
         });
}

bool Site::lists(std::string_view origin) const {
  return std::any_of(origins.begin(), origins.end(),
                     [origin](const Origin& entry) { return entry.view() == origin; });
}

}  // namespace dc::daemon
