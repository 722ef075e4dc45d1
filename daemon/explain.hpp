// SPDX-License-Identifier: Apache-2.0
// What would become of a request, without making it: read by the builders of the routes and judged
// by policy::authorize(), as the request itself would be. Front, and the command line; the question
// is hostile. Says nothing of what only the Engine knows: ownership, quotas, what is on the disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/principal.hpp"
#include "daemon/http.hpp"
#include "policy/profile.hpp"

namespace dc::daemon {

struct Question {
  std::string operation;  // "containers.run"; where it has several routes, an operationId too
  std::string id;         // the part of the path in braces; empty: none
  std::vector<QueryParameter> query;
  std::string body;  // JSON; of a route without a body its members count as the query
};

// {"operation", "path", "query": {...}, "request": {...}}, all but the first optional.
Result<Question> read_question(const std::string& body);

struct Explanation {
  std::string service, operation;
  std::optional<Error> refusal;  // absent: the policy allows it
  std::vector<Error> waived;     // what the profile's mode lets pass
  std::string request;           // JSON; with the policy's defaults where it is allowed
  std::string capabilities;      // JSON array of what a container has; empty: not asked
};

// Errc::invalid_request: there is no such operation. All else is part of the explanation.
Result<Explanation> explain(const Question& question, const Principal& caller,
                            const policy::Snapshot& policy);

// {"status", "service", "operation", "verdict": "allowed" or "refused", of a refusal "code",
// "detail", "hint", "rule" and "wanted", "would_refuse": [...], "request": {...},
// "capabilities": [...]}
std::string to_json(const Explanation& explanation);

}  // namespace dc::daemon
