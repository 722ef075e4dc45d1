// SPDX-License-Identifier: Apache-2.0
// Errors as values: the one list of error codes and the Result type, used on both sides.
// This is the only file that includes <tl/expected.hpp>.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace dc {

// Every way in which a request can fail. The public snake_case name is errc_name(); the HTTP status
// is chosen in daemon/http_status.cpp.
enum class Errc : std::uint8_t {
  invalid_request,  // malformed, out of range, unknown field
  privileged_not_allowed,
  image_not_allowed,
  network_not_allowed,
  port_not_allowed,
  mount_not_allowed,
  device_not_allowed,
  capability_not_allowed,
  limit_exceeded,
  quota_exceeded,     // all that the service has together
  field_not_allowed,  // a field that exists in Docker but that we, or the policy, do not offer
  unauthenticated,
  scope_denied,
  not_found,
  conflict,
  rate_limited,
  overloaded,
  internal,
  policy_not_enforced,  // the Engine did not apply what we sent; the container was removed
  engine_failure,       // the Engine answered nonsense
  engine_unreachable,
  broker_unreachable,
  audit_unavailable,
  not_configured,  // the administrator has not switched it on
  deadline_exceeded,
};
constexpr Errc enum_last(Errc) { return Errc::deadline_exceeded; }

// The `code` member of error bodies, e.g. "image_not_allowed".
std::string_view errc_name(Errc code);

// One failure. `detail` is one sentence for the caller and never echoes raw bytes; `hint`, often
// empty, says what an administrator or caller can change.
struct Error {
  Errc code = Errc::internal;
  std::string detail;
  std::string hint;
  // Of a refusal that a policy could lift: the key that decided and the TOML value that it would
  // need, such as images and "alpine:" with its quotes. For the audit and `policy learn`.
  std::string rule{};
  std::string wanted{};
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(Errc code, std::string detail, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(detail), std::move(hint)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace dc
