// SPDX-License-Identifier: Apache-2.0
// Public names of the error codes. Both sides.
#include "common/error.hpp"

namespace dc {

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::invalid_request: return "invalid_request";
    case Errc::privileged_not_allowed: return "privileged_not_allowed";
    case Errc::image_not_allowed: return "image_not_allowed";
    case Errc::network_not_allowed: return "network_not_allowed";
    case Errc::port_not_allowed: return "port_not_allowed";
    case Errc::mount_not_allowed: return "mount_not_allowed";
    case Errc::device_not_allowed: return "device_not_allowed";
    case Errc::capability_not_allowed: return "capability_not_allowed";
    case Errc::limit_exceeded: return "limit_exceeded";
    case Errc::quota_exceeded: return "quota_exceeded";
    case Errc::field_not_allowed: return "field_not_allowed";
    case Errc::unauthenticated: return "unauthenticated";
    case Errc::scope_denied: return "scope_denied";
    case Errc::not_found: return "not_found";
    case Errc::conflict: return "conflict";
    case Errc::rate_limited: return "rate_limited";
    case Errc::overloaded: return "overloaded";
    case Errc::internal: return "internal";
    case Errc::policy_not_enforced: return "policy_not_enforced";
    case Errc::engine_failure: return "engine_failure";
    case Errc::engine_unreachable: return "engine_unreachable";
    case Errc::broker_unreachable: return "broker_unreachable";
    case Errc::audit_unavailable: return "audit_unavailable";
    case Errc::not_configured: return "not_configured";
    case Errc::deadline_exceeded: return "deadline_exceeded";
  }
  return "internal";
}

}  // namespace dc
