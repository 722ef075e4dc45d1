// SPDX-License-Identifier: Apache-2.0
// The audit trail: one JSON line per decision, appended to a file. Broker only. No mutation happens
// whose intent could not be written here first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "common/error.hpp"
#include "common/fd.hpp"

namespace dc::broker {

// What every line about one request says.
struct AuditSubject {
  std::string service, token_id, peer, operation;
  std::string request;  // JSON of the normalised command, environment values masked
  std::uint64_t number = 0;
  bool denied = false;  // by policy, scope or ownership
};

class Audit {
 public:
  explicit Audit(Fd file) : file_(std::move(file)) {}

  // False: the line was not written; the caller must not go on with a mutation.
  bool intent(const AuditSubject& subject);
  // `error` absent: it was done. `object`: the id of what it was done to.
  bool result(const AuditSubject& subject, const std::optional<Error>& error,
              std::string_view object, double milliseconds, std::string_view event = "result");
  // What anybody may cause at will: a token that was refused, whose `reason` is never told to the
  // caller, or a rate that was passed. In a flood, some lines a second and then the number of
  // others.
  bool refused(std::string_view event, std::string_view peer, std::string_view reason);
  // Something that happened to the service itself: start, stop, policy reload, breach.
  bool event(std::string_view name, std::string_view detail);

 private:
  bool append(std::string line);
  Fd file_;
  std::int64_t refusals_second_ = 0;
  unsigned refusals_ = 0;  // in that second
  bool failing_ = false;
  bool torn_ = false;  // the last write was cut short: begin the next with a newline
};

}  // namespace dc::broker
