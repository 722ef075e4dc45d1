// SPDX-License-Identifier: Apache-2.0
// Key strength, key choice and the signature check. Broker, and the command line that makes tokens;
// tokens are hostile, keys are the administrator's but may be copied from an example.
#include "common/token_keys.hpp"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <algorithm>
#include <array>
#include <set>
#include "common/limits.hpp"

namespace dc {
namespace {

constexpr std::size_t kHmacBytes = 32;
constexpr std::size_t kDistinctBytes = 8;  // 32 random hexadecimal digits have 8 or more

// What examples, documents and templates put where a key belongs; matched anywhere, in any case.
// The last one is from RFC 7515 appendix A.1.
constexpr std::array<std::string_view, 16> kPlaceholders = {
    "your-secret", "your_secret", "yoursecret",    "your-jwt",        "your_jwt", "your-256-bit",
    "change-me",   "change_me",   "changeme",      "replace-me",      "<secret>", "super-secret",
    "example",     "password",    "string-secret", "aym1sysppbydfgzl"};

auto refuse(std::string_view reason) { return fail(Errc::unauthenticated, std::string(reason)); }
auto weak(std::string_view reason) {
  return fail(Errc::invalid_request,
              "the token key " + std::string(reason) + "; make one with: docker-control keygen");
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool contains_folded(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

// True for a pattern that fills the key at least twice, such as "secret" typed until it was long.
bool repeats(std::string_view text) {
  for (std::size_t period = 1; period <= text.size() / 2; ++period) {
    if (text.substr(period) == text.substr(0, text.size() - period)) return true;
  }
  return false;
}

bool signature_holds(const TokenKey& key, const jwt::Unverified& token) {
  if (key.algorithm != jwt::Algorithm::hs256) {
    return verify_signature(key.algorithm, key.public_key.get(), token.signing_input,
                            token.signature);
  }
  return token.signature.size() == kHmacBytes &&
         equal_secrets(hmac_sha256(key.secret.view(), token.signing_input), token.signature);
}

bool same_key(const TokenKey& a, const TokenKey& b) {
  return a.algorithm == b.algorithm && a.kid == b.kid && a.settings == b.settings &&
         equal_secrets(a.secret.view(), b.secret.view()) &&
         same_public_key(a.public_key.get(), b.public_key.get());
}

// A token whose signature holds under `key`.
Result<VerifiedClaims> judge(const TokenKeyPtr& key, const jwt::Unverified& token, std::int64_t now,
                             std::chrono::seconds leeway) {
  const auto& [rules, begins, ends] = key->settings;
  if (token.access_token != rules.access_token) return refuse("not the key's type of token");
  if (begins && now < *begins) return refuse("the key is not in use yet");
  if (ends && now >= *ends) return refuse("the key is no longer in use");
  auto claims = jwt::parse_claims(token.payload, now, rules, leeway);
  if (!claims) return fail(std::move(claims.error()));
  std::optional<std::int64_t> until = ends;
  if (claims->expires) {
    const std::int64_t expires = *claims->expires + leeway.count();
    until = until ? std::min(*until, expires) : expires;
  }
  if (rules.max_age && claims->issued) {
    const std::int64_t too_old = *claims->issued + rules.max_age->count() + leeway.count();
    until = until ? std::min(*until, too_old) : too_old;
  }
  return VerifiedClaims{std::move(*claims), key, until};
}

}  // namespace

Result<void> check_key_strength(std::string_view secret) {
  if (secret.size() < limits::kHmacKeyMin) return weak("is shorter than 32 bytes");
  if (secret.size() > limits::kHmacKeyMax) return weak("is longer than 1024 bytes");
  if (contains_folded(secret, "-----begin ")) {
    return weak("is a PEM file, so say which `algorithm` it is for");
  }
  for (const std::string_view placeholder : kPlaceholders) {
    if (contains_folded(secret, placeholder)) return weak("looks like one from an example");
  }
  if (std::set<char>(secret.begin(), secret.end()).size() < kDistinctBytes || repeats(secret)) {
    return weak("is a pattern that can be guessed");
  }
  return {};
}

Result<void> TokenKeys::add(TokenKey key) {
  if (key.kid && !jwt::is_key_id(*key.kid)) {
    return fail(Errc::invalid_request, "a key id must be 1 to 64 of A-Z a-z 0-9 . _ -");
  }
  if (key.algorithm == jwt::Algorithm::hs256) {
    if (auto strong = check_key_strength(key.secret.view()); !strong) return strong;
  } else if (!key.public_key) {
    return fail(Errc::invalid_request, "there is no public key");
  }
  return add(std::make_shared<const TokenKey>(std::move(key)));
}

Result<void> TokenKeys::add(TokenKeyPtr key) {
  if (keys_.size() == limits::kKeys) return fail(Errc::invalid_request, "more than 16 token keys");
  for (const TokenKeyPtr& other : keys_) {
    if (key->kid && other->kid == key->kid) {
      return fail(Errc::invalid_request, "two token keys have the id " + *key->kid);
    }
  }
  keys_.push_back(std::move(key));
  return {};
}

void TokenKeys::take_over(const TokenKeys& before) {
  for (TokenKeyPtr& key : keys_) {
    const auto same = [&key](const TokenKeyPtr& other) { return same_key(*key, *other); };
    const auto found = std::find_if(before.keys_.begin(), before.keys_.end(), same);
    if (found != before.keys_.end()) key = *found;
  }
}

Result<VerifiedClaims> TokenKeys::verify(std::string_view token, std::int64_t now) const {
  auto parsed = jwt::parse_token(token);
  if (!parsed) return fail(std::move(parsed.error()));
  bool tried = false;
  for (const TokenKeyPtr& key : keys_) {
    const bool named = parsed->kid ? key->kid == parsed->kid : !key->kid || keys_.size() == 1;
    if (!named || key->algorithm != parsed->algorithm) continue;
    tried = true;
    if (signature_holds(*key, *parsed)) return judge(key, *parsed, now, leeway_);
  }
  return refuse(tried ? "wrong signature" : "no key of this algorithm and id");
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  start_openssl();
  std::string mac(kHmacBytes, '\0');
  unsigned size = 0;
  const auto* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                          reinterpret_cast<unsigned char*>(mac.data()), &size);
  // Never a MAC of zeroes that a token could be made to match.
  if (made == nullptr || size != kHmacBytes) mac.clear();
  return mac;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace dc
