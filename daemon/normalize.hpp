// SPDX-License-Identifier: Apache-2.0
// From a request to the one command that it asks for: names, defaults and spellings of the REST
// contract, resolved through the validated types. Called by daemon/call.cpp through the
// route, after authentication. Front only; path, query and body are hostile.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/commands.hpp"
#include "common/error.hpp"
#include "daemon/http.hpp"

namespace dc::daemon {

// What a builder may look at.
struct RequestParts {
  std::string_view id;  // the {id} of the path; empty on routes without one
  const std::vector<QueryParameter>& query;
  const std::string& body;
};

// One per route; Errc::invalid_request (or the code of a refused field) with a sentence that names
// the field.
Result<Command> build_list(const RequestParts& parts);
Result<Command> build_inspect(const RequestParts& parts);
Result<Command> build_run(const RequestParts& parts);
Result<Command> build_start(const RequestParts& parts);
Result<Command> build_stop(const RequestParts& parts);
Result<Command> build_restart(const RequestParts& parts);
Result<Command> build_remove(const RequestParts& parts);

// A boolean of a query string as FastAPI reads it: true/false, 1/0, on/off, yes/no, t/f, y/n, any
// case.
std::optional<bool> parse_flag(std::string_view text);

// Decimal digits with an optional fraction, as std::to_chars writes a double, in billionths. Digits
// past the ninth are dropped. nullopt: over 2^63.
std::optional<std::uint64_t> parse_billionths(std::string_view decimal);

}  // namespace dc::daemon
