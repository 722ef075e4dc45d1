// SPDX-License-Identifier: Apache-2.0
// The audit trail: one JSON line per decision, appended to a file. Broker only. No mutation happens
// whose intent could not be written here first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "broker/audit_chain.hpp"
#include "common/error.hpp"

namespace dc::broker {

// What every line about one request says.
struct AuditSubject {
  std::string service, token_id, peer, operation;
  std::string request;  // JSON of the normalised command, environment values masked
  std::uint64_t number = 0;
  bool denied = false;         // by policy, scope or ownership
  std::string would_refuse{};  // JSON array of what the profile's mode let pass; empty: nothing
};

class Audit {
 public:
  explicit Audit(AuditFiles files) : chain_(std::move(files)) {}

  // The first line of this process, and before it what the end of the file showed.
  void start(std::string_view detail);
  // The file was moved away: goes on in a new one at its path.
  void rotate();
  // The last line could be written.
  [[nodiscard]] bool writable() const { return !failing_; }

  // False: the line was not written; the caller must not go on with a mutation.
  bool intent(const AuditSubject& subject);
  // `error` absent: it was done. `object`: the id of what it was done to.
  bool result(const AuditSubject& subject, const std::optional<Error>& error,
              std::string_view object, double milliseconds, std::string_view event = "result");
  // What anybody may cause at will: a token that was refused, whose `reason` is never told to the
  // caller, or a rate that was passed. In a flood, some lines a second and then the number of
  // others.
  bool refused(std::string_view event, std::string_view peer, std::string_view reason);
  // Something that happened to the service itself: stop, policy reload, breach.
  bool event(std::string_view name, std::string_view detail);

 private:
  bool append(const std::string& members);
  bool write(const std::string& members);
  AuditChain chain_;
  std::int64_t refusals_second_ = 0;
  unsigned refusals_ = 0;  // in that second
  bool failing_ = false;
};

}  // namespace dc::broker
