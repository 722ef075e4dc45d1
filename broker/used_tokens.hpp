// SPDX-License-Identifier: Apache-2.0
// Replay protection: under a key that asks for it, a token serves for one change. Broker only, over
// all fronts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include "broker/token_table.hpp"
#include "common/limits.hpp"

namespace dc::broker {

class UsedTokens {
 public:
  // `started`: seconds since the epoch. What was used before it is not known any more.
  explicit UsedTokens(std::int64_t started) : started_(started) {}

  // Notes a token as used for a change, at uv_now() `now`. An error when it was, may have been
  // before the start, or when there is no place to note it.
  std::optional<Error> use(const VerifiedToken& token, std::chrono::seconds leeway,
                           std::uint64_t now) {
    const auto key = token.key.lock();
    if (!key || !key->settings.rules.replay_protection) return std::nullopt;
    // The issuer's clock may be before ours.
    if (!token.issued || *token.issued <= started_ + leeway.count()) {
      return Error{Errc::conflict, "The token was made before docker-control was started, or at it",
                   "get a new token for the change, in " + std::to_string(leeway.count()) +
                       " seconds at the latest"};
    }
    if (ends_.size() >= limits::kUsedTokens && now >= first_end_) forget(now);
    const std::string& issuer = key->settings.rules.issuer;
    const std::string name =
        (issuer.empty() ? "kid:" + key->kid.value_or("") : "iss:" + issuer) + '\n' + token.token_id;
    if (ends_.contains(name)) {
      return Error{Errc::conflict, "The token was used for a change already",
                   "get a new token for each change"};
    }
    if (ends_.size() >= limits::kUsedTokens) {
      return Error{Errc::overloaded, "Too many tokens were used for changes",
                   "try again once some of them have expired; shorter lives help"};
    }
    first_end_ = std::min(first_end_, token.ends_at);
    ends_.emplace(name, token.ends_at);
    return std::nullopt;
  }

 private:
  void forget(std::uint64_t now) {
    std::erase_if(ends_, [now](const auto& entry) { return entry.second <= now; });
    first_end_ = UINT64_MAX;
    for (const auto& [name, end] : ends_) first_end_ = std::min(first_end_, end);
  }

  const std::int64_t started_;
  std::uint64_t first_end_ = UINT64_MAX;                    // of all that are noted
  std::map<std::string, std::uint64_t, std::less<>> ends_;  // by issuer or key, and jti
};

}  // namespace dc::broker
