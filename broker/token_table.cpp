// SPDX-License-Identifier: Apache-2.0
// See the heads of token_table.hpp and revocations.hpp. Broker only.
#include "broker/token_table.hpp"
#include <sys/random.h>
#include <algorithm>
#include <cstdlib>

namespace dc::broker {

VerifiedToken as_verified(VerifiedClaims verified, std::int64_t now, std::uint64_t clock) {
  jwt::Claims& claims = verified.claims;
  std::uint64_t lifetime = std::chrono::milliseconds(limits::kTokenCache).count();
  std::uint64_t ends_at = 0;
  if (verified.ends) {
    const std::uint64_t left =
        static_cast<std::uint64_t>(std::max<std::int64_t>(*verified.ends - now, 0)) * 1000;
    lifetime = std::min(lifetime, left);
    ends_at = clock + left;
  }
  return {std::move(claims.service), claims.scopes, claims.token_id.str(),
          claims.subject.str(),      claims.issued, verified.key,
          clock + lifetime,          ends_at};
}

const char* taken_back(const VerifiedToken& token, const Revocations& revocations) {
  const auto key = token.key.lock();
  if (!key) return "its key is no longer in force";
  return revocations.cover(token, key->kid) ? "revoked" : nullptr;
}

bool Revocations::cover(const VerifiedToken& token,
                        const std::optional<std::string>& key_id) const {
  const auto issued_before_that = [&token](const Before& named, std::string_view name) {
    const auto found = named.find(name);
    return found != named.end() && (!token.issued || *token.issued < found->second);
  };
  const bool any = issued_before != INT64_MIN && (!token.issued || *token.issued < issued_before);
  return any || (!token.token_id.empty() && token_ids.contains(token.token_id)) ||
         issued_before_that(subjects, token.service.view()) ||
         (!token.subject.empty() && issued_before_that(subjects, token.subject)) ||
         (key_id && issued_before_that(key_ids, *key_id));
}

Handle TokenTable::add(VerifiedToken token, std::uint64_t now) {
  if (tokens_.size() >= limits::kTokenCacheEntries) {
    std::erase_if(tokens_, [now](const auto& entry) { return entry.second.expires_at <= now; });
  }
  // Still full: the front simply verifies again what it still needs.
  if (tokens_.size() >= limits::kTokenCacheEntries) tokens_.clear();
  Handle handle;
  if (::getrandom(&handle, sizeof handle, 0) != static_cast<ssize_t>(sizeof handle)) std::abort();
  tokens_.insert_or_assign(handle, std::move(token));
  return handle;
}

const VerifiedToken* TokenTable::find(const Handle& handle, std::uint64_t now,
                                      const Revocations& revocations) const {
  const auto found = tokens_.find(handle);
  if (found == tokens_.end() || found->second.expires_at <= now) return nullptr;
  return taken_back(found->second, revocations) == nullptr ? &found->second : nullptr;
}

}  // namespace dc::broker
