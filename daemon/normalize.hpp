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
  std::string_view id;  // the part of the path in braces; empty on routes without one
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
Result<Command> build_rename(const RequestParts& parts);
Result<Command> build_wait(const RequestParts& parts);
Result<Command> build_stats(const RequestParts& parts);
Result<Command> build_logs(const RequestParts& parts);
Result<Command> build_dir_size(const RequestParts& parts);
Result<Command> build_pull(const RequestParts& parts);
Result<Command> build_pull_start(const RequestParts& parts);
Result<Command> build_pull_progress(const RequestParts& parts);
Result<Command> build_pull_events(const RequestParts& parts);
Result<Command> build_list_images(const RequestParts& parts);
// Name and tag from the path or from the query.
Result<Command> build_find_image(const RequestParts& parts);
Result<Command> build_remove_image(const RequestParts& parts);
Result<Command> build_create_network(const RequestParts& parts);
Result<Command> build_list_networks(const RequestParts& parts);
Result<Command> build_remove_network(const RequestParts& parts);
Result<Command> build_connect_network(const RequestParts& parts);
Result<Command> build_disconnect_network(const RequestParts& parts);
template <ServiceLog Log>
Result<Command> build_service_log(const RequestParts& parts);

// A boolean of a query string as FastAPI reads it: true/false, 1/0, on/off, yes/no, t/f, y/n, any
// case.
std::optional<bool> parse_flag(std::string_view text);

// Decimal digits with an optional fraction, as std::to_chars writes a double, in billionths. Digits
// past the ninth are dropped. nullopt: over 2^63.
std::optional<std::uint64_t> parse_billionths(std::string_view decimal);

}  // namespace dc::daemon
