// SPDX-License-Identifier: Apache-2.0
// Making tokens that the broker accepts. Command line only; pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "admin/signing_key.hpp"
#include "common/scopes.hpp"
#include "common/types.hpp"

namespace dc::admin {

struct TokenRequest {
  ServiceName service;
  std::chrono::seconds lifetime;
  std::optional<std::string> kid;
  std::optional<Scopes> scopes;  // absent: all that the profile has
  std::string issuer;            // empty: no `iss`
  std::vector<std::string> audience;
};

// "30s", "15m", "1h", "7d"; from one second to 365 days.
std::optional<std::chrono::seconds> parse_lifetime(std::string_view text);

// Names separated by spaces. nullopt when one is unknown, or there is none.
std::optional<Scopes> parse_scope_list(std::string_view text);

// A token that `key` signs and that begins at `now`, in seconds since the epoch. Empty when the
// signature cannot be made.
std::string make_token(const TokenRequest& request, const SigningKey& key, std::int64_t now,
                       std::string_view token_id);

}  // namespace dc::admin
