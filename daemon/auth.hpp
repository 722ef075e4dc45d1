// SPDX-License-Identifier: Apache-2.0
// Who is asking: the Authorization header, checked for shape here and by the broker for truth, and
// the cache of the broker's answers. Front only; tokens are hostile, and none is kept: the cache
// knows them by their SHA-256.
#pragma once

#include <openssl/evp.h>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include "common/principal.hpp"
#include "daemon/bad_tokens.hpp"
#include "daemon/broker_client.hpp"

namespace dc::daemon {

using TokenDigest = std::array<std::uint8_t, 32>;

// A caller whom the broker knows by `handle`.
struct Caller {
  Handle handle;
  Principal principal;
  TokenDigest digest;
};

// The token of "Bearer <token>": any case of the scheme, exactly one space. nullopt: anything else.
std::optional<std::string_view> bearer_token(std::string_view authorization);

class Authenticator {
 public:
  using Outcome = Result<std::shared_ptr<const Caller>>;
  using Done = std::function<void(Outcome)>;

  Authenticator(uv_loop_t* loop, BrokerClient& broker);

  // Calls `done` once, at once where the cache knows the token. Errc::unauthenticated for every
  // fault of header or token; other codes only where the broker could not look, or where too many
  // tokens of this address were bad.
  void authenticate(const std::optional<std::string>& authorization, std::string_view peer,
                    Done done);

  // The broker does not know this caller's handle any more.
  void forget(const Caller& caller);
  void clear() { cache_.clear(); }

 private:
  struct Entry {
    std::shared_ptr<const Caller> caller;
    std::uint64_t expires;  // in uv_now() milliseconds
  };
  // SHA-256 is as good a hash as there is.
  struct DigestHash {
    std::size_t operator()(const TokenDigest& digest) const {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };
  class Verification;

  [[nodiscard]] std::optional<TokenDigest> digest_of(std::string_view token) const;
  void verify(const TokenDigest& digest, std::string_view token, std::string_view peer, Done done);
  void finish(const TokenDigest& digest, ToFront message);
  void remember(const std::shared_ptr<const Caller>& caller, std::uint32_t lifetime);

  struct FreeDigest {
    void operator()(EVP_MD* md) const { EVP_MD_free(md); }
  };

  uv_loop_t* loop_;
  BrokerClient& broker_;
  std::unique_ptr<EVP_MD, FreeDigest> sha256_;  // fetched once: each fetch costs more than a digest
  std::unordered_map<TokenDigest, Entry, DigestHash> cache_;
  struct Waiting {
    std::vector<Done> done;
    std::string address;  // of who asked first
    bool costly = false;  // the check takes a public key
  };
  std::unordered_map<TokenDigest, Waiting, DigestHash> waiting_;
  BadTokens bad_tokens_;
};

}  // namespace dc::daemon
