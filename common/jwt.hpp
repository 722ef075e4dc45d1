// SPDX-License-Identifier: Apache-2.0
// JSON Web Tokens without their keys: shape, header and claims. The front calls parse_token() so
// that garbage never reaches the broker; the broker calls it again, checks the signature
// (common/token_keys.hpp) and only then parse_claims(). Trusts nothing. Rules: threat model
// section 3.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "common/error.hpp"
#include "common/scopes.hpp"
#include "common/types.hpp"

namespace dc::jwt {

enum class Algorithm : std::uint8_t { hs256 };
constexpr Algorithm enum_last(Algorithm) { return Algorithm::hs256; }

// A token of the right shape whose signature nobody has checked.
struct Unverified {
  std::string_view signing_input;  // header.payload, as the token spells them; views the token
  std::string payload;             // decoded JSON, not to be parsed before the signature holds
  std::string signature;           // decoded bytes
  Algorithm algorithm = Algorithm::hs256;
  std::optional<std::string> kid;
};

// Three canonical base64url segments, a header of known members, a known algorithm.
// Errc::unauthenticated; `detail` is the reason, for the audit only.
Result<Unverified> parse_token(std::string_view token);

struct Claims {
  ServiceName service;                  // `service`, else `sub`
  std::optional<Scopes> scopes;         // absent: the token does not narrow the profile
  Text<128> token_id;                   // `jti`, may be empty
  std::optional<std::int64_t> expires;  // seconds since the epoch
};

struct ClaimRules {
  bool require_exp = true;
  std::chrono::seconds leeway{30};
};

// Reads the payload of a token whose signature holds, at time `now` (seconds since the epoch).
// Errc::unauthenticated; `detail` is the reason, for the audit only.
Result<Claims> parse_claims(std::string_view payload, std::int64_t now, const ClaimRules& rules);

// What a key may be named: 1 to 64 of A-Z a-z 0-9 . _ -
bool is_key_id(std::string_view text);

// base64url without padding, canonical form only.
std::optional<std::string> decode_base64url(std::string_view text);
std::string encode_base64url(std::string_view bytes);

}  // namespace dc::jwt
