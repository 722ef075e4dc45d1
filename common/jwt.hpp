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
#include <vector>
#include "common/error.hpp"
#include "common/scopes.hpp"
#include "common/types.hpp"

namespace dc::jwt {

enum class Algorithm : std::uint8_t { hs256, es256, eddsa, rs256 };
constexpr Algorithm enum_last(Algorithm) { return Algorithm::rs256; }

// The names of RFC 7518 and RFC 8037, compared exactly.
std::string_view algorithm_name(Algorithm algorithm);
std::optional<Algorithm> parse_algorithm(std::string_view name);

// A token of the right shape whose signature nobody has checked.
struct Unverified {
  std::string_view signing_input;  // header.payload, as the token spells them; views the token
  std::string payload;             // decoded JSON, not to be parsed before the signature holds
  std::string signature;           // decoded bytes
  Algorithm algorithm = Algorithm::hs256;
  std::optional<std::string> kid;
  bool access_token = false;  // typ is at+jwt (RFC 9068)
};

// Three canonical base64url segments, a header of known members, a known algorithm.
// Errc::unauthenticated; `detail` is the reason, for the audit only.
Result<Unverified> parse_token(std::string_view token);

struct Claims {
  ServiceName service;                  // `service`, else `sub`
  std::optional<Scopes> scopes;         // absent: the token does not narrow the profile
  Text<256> subject;                    // `sub`, empty where there is none
  Text<128> token_id;                   // `jti`, may be empty
  std::optional<std::int64_t> issued;   // `iat`, like `exp` in seconds since the epoch
  std::optional<std::int64_t> expires;  // `exp`
};

// What a key wants of the tokens that it signs, beyond what every token must be.
struct ClaimRules {
  bool require_exp = true;
  std::string issuer;                           // the only `iss`; empty: it is not looked at
  std::vector<std::string> audience;            // one of them in `aud`; empty: no `aud` at all
  std::optional<std::chrono::seconds> max_ttl;  // of exp - iat, which then must both be there
  std::optional<std::chrono::seconds> max_age;  // of now - iat, which then must be there
  bool replay_protection = false;               // jti, iat and exp must be there
  bool access_token = false;                    // typ must be at+jwt, else it must not
  friend bool operator==(const ClaimRules&, const ClaimRules&) = default;
};

// Reads the payload of a token whose signature holds, at time `now` (seconds since the epoch), with
// a clock difference of `leeway` allowed for.
// Errc::unauthenticated; `detail` is the reason, for the audit only.
Result<Claims> parse_claims(std::string_view payload, std::int64_t now, const ClaimRules& rules,
                            std::chrono::seconds leeway);

// What a key may be named: 1 to 64 of A-Z a-z 0-9 . _ -
bool is_key_id(std::string_view text);

// base64url without padding, canonical form only.
std::optional<std::string> decode_base64url(std::string_view text);
std::string encode_base64url(std::string_view bytes);

}  // namespace dc::jwt
