// SPDX-License-Identifier: Apache-2.0
// Handles of the tokens that were verified on one channel. Broker only. A handle is worth nothing
// on another channel, after its token's end, or once key or token were taken back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include "broker/revocations.hpp"
#include "common/messages.hpp"
#include "common/token_keys.hpp"

namespace dc::broker {

struct VerifiedToken {
  ServiceName service;
  std::optional<Scopes> scopes;  // the token's own; absent: it does not narrow the profile
  std::string token_id, subject;
  std::optional<std::int64_t> issued;  // seconds since the epoch
  std::weak_ptr<const TokenKey> key;   // expires when the key is no longer in force
  std::uint64_t expires_at = 0;        // uv_now() milliseconds: a clock that nobody can set back
  std::uint64_t ends_at = 0;           // the token itself, by the same clock; 0: never
};

// A token whose signature and claims hold at `now`, seconds since the epoch and uv_now().
VerifiedToken as_verified(VerifiedClaims verified, std::int64_t now, std::uint64_t clock);

// The reason why a token that was good is not any more, by its key and by what was taken back;
// nullptr: it is.
const char* taken_back(const VerifiedToken& token, const Revocations& revocations);

class TokenTable {
 public:
  Handle add(VerifiedToken token, std::uint64_t now);
  // nullptr: unknown, expired or taken back.
  [[nodiscard]] const VerifiedToken* find(const Handle& handle, std::uint64_t now,
                                          const Revocations& revocations) const;

 private:
  std::map<Handle, VerifiedToken> tokens_;
};

}  // namespace dc::broker
