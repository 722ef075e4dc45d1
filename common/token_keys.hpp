// SPDX-License-Identifier: Apache-2.0
// The keys that tokens are checked with, and the check. Broker and command line: the front never
// holds a symmetric key. Key files are the administrator's; tokens are hostile.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/error.hpp"
#include "common/jwt.hpp"
#include "common/limits.hpp"
#include "common/public_key.hpp"
#include "common/secret.hpp"

namespace dc {

// When and for what a key counts.
struct KeySettings {
  jwt::ClaimRules rules;
  std::optional<std::int64_t> not_before, not_after;  // seconds since the epoch
  friend bool operator==(const KeySettings&, const KeySettings&) = default;
};

// One key, for one algorithm: the token cannot choose.
struct TokenKey {
  std::optional<std::string> kid;
  KeySettings settings;
  Secret secret;  // of HS256
  jwt::Algorithm algorithm = jwt::Algorithm::hs256;
  PublicKey public_key;  // of the others
};
using TokenKeyPtr = std::shared_ptr<const TokenKey>;

// A token that holds, and the key that says so.
struct VerifiedClaims {
  jwt::Claims claims;
  TokenKeyPtr key;
  std::optional<std::int64_t> ends;  // when token or key does, with the leeway; absent: never
};

// Refuses keys that can be guessed: under 32 bytes, the seeds' examples, one repeated byte or short
// pattern. Errc::invalid_request; the detail names the command that makes a good one.
Result<void> check_key_strength(std::string_view secret);

class TokenKeys {
 public:
  explicit TokenKeys(std::chrono::seconds leeway = limits::kTokenLeeway) : leeway_(leeway) {}

  // Errc::invalid_request: weak key, duplicate kid, too many keys.
  Result<void> add(TokenKey key);
  Result<void> add(TokenKeyPtr key);
  // Keys that are in `before` too, with the same settings, become the same objects; so what was
  // verified by them stays so, and weak pointers to all others expire.
  void take_over(const TokenKeys& before);
  [[nodiscard]] bool empty() const { return keys_.empty(); }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] std::chrono::seconds leeway() const { return leeway_; }

  // Shape, key by (algorithm, kid), signature in constant time, then claims, at `now` seconds since
  // the epoch. Without kid the token must be signed by the only key, or by one of those without
  // kid. Errc::unauthenticated; `detail` is the reason, for the audit only.
  [[nodiscard]] Result<VerifiedClaims> verify(std::string_view token, std::int64_t now) const;

 private:
  std::vector<TokenKeyPtr> keys_;
  std::chrono::seconds leeway_;
};

// HMAC-SHA256, 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view message);
// Constant-time for equal sizes.
bool equal_secrets(std::string_view a, std::string_view b);

}  // namespace dc
