// SPDX-License-Identifier: Apache-2.0
// Token to caller. Front only; see the head of auth.hpp.
#include "daemon/auth.hpp"
#include <spdlog/spdlog.h>
#include <algorithm>
#include "common/jwt.hpp"
#include "common/limits.hpp"
#include "daemon/text.hpp"

namespace dc::daemon {
namespace {

constexpr std::chrono::seconds kVerifyTime{15};

tl::unexpected<Error> unauthenticated(std::string_view reason) {
  // The client gets one constant sentence, whatever is said here.
  spdlog::debug("token refused reason=\"{}\"", escape(reason));
  return fail(Errc::unauthenticated, "Invalid or missing JWT token");
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if (lower(authorization[i]) != kScheme[i]) return std::nullopt;
  }
  const std::string_view token = authorization.substr(kScheme.size());
  if (token.find_first_of(" \t,") != std::string_view::npos) return std::nullopt;
  return token;
}

// Hands the broker's answer to one VerifyToken back to the authenticator.
class Authenticator::Verification final : public Replies {
 public:
  Verification(Authenticator& owner, const TokenDigest& digest) : owner_(owner), digest_(digest) {}
  void part(ToFront) override {}
  void last(ToFront message) override { owner_.finish(digest_, std::move(message)); }

 private:
  Authenticator& owner_;
  TokenDigest digest_;
};

Authenticator::Authenticator(uv_loop_t* loop, BrokerClient& broker)
    : loop_(loop), broker_(broker), sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)) {}

std::optional<TokenDigest> Authenticator::digest_of(std::string_view token) const {
  TokenDigest digest{};
  unsigned size = 0;
  if (!sha256_ ||
      EVP_Digest(token.data(), token.size(), digest.data(), &size, sha256_.get(), nullptr) != 1) {
    return std::nullopt;
  }
  return digest;
}

void Authenticator::authenticate(const std::optional<std::string>& authorization,
                                 std::string_view peer, Done done) {
  const auto token = authorization ? bearer_token(*authorization) : std::nullopt;
  if (!token) return done(unauthenticated("no bearer token"));
  if (token->size() > limits::kToken) return done(unauthenticated("too long"));
  const auto digest = digest_of(*token);
  if (!digest) return done(fail(Errc::internal, "The token could not be looked up"));
  // Before the token is parsed: one that is known has been.
  const auto known = cache_.find(*digest);
  if (known != cache_.end()) {
    if (uv_now(loop_) < known->second.expires) return done(known->second.caller);
    cache_.erase(known);
  }
  verify(*digest, *token, peer, std::move(done));
}

void Authenticator::verify(const TokenDigest& digest, std::string_view token, std::string_view peer,
                           Done done) {
  const auto shape = jwt::parse_token(token);
  if (!shape) return done(unauthenticated(shape.error().detail));
  const bool costly = shape->algorithm != jwt::Algorithm::hs256;
  if (costly && !bad_tokens_.may_try(peer, uv_now(loop_))) {
    return done(fail(Errc::rate_limited, "Too many bad tokens from this address",
                     "try again in a few seconds"));
  }
  const auto [waiting, first] = waiting_.try_emplace(digest);
  if (first) waiting->second = {{}, std::string(peer), costly};
  waiting->second.done.push_back(std::move(done));
  if (!first) return;
  auto text = Text<limits::kToken>::parse(token);
  std::uint64_t id = 0;
  if (text) {
    id = broker_.request(VerifyToken{std::move(*text), Text<64>::clip(peer)},
                         std::make_shared<Verification>(*this, digest), kVerifyTime);
  }
  if (id == 0) finish(digest, Failed::of({Errc::unauthenticated, "not a token", ""}));
}

void Authenticator::finish(const TokenDigest& digest, ToFront message) {
  const auto found = waiting_.find(digest);
  if (found == waiting_.end()) return;
  const auto waiting = std::move(found->second);
  waiting_.erase(found);
  Outcome outcome = fail(Errc::internal, "The broker's answer to a token was not one");
  if (auto* verified = std::get_if<TokenVerified>(&message)) {
    auto caller = std::make_shared<const Caller>(Caller{
        verified->handle, Principal{std::move(verified->service), verified->scopes}, digest});
    remember(caller, verified->lifetime);
    outcome = std::move(caller);
  } else if (const auto* failed = std::get_if<Failed>(&message)) {
    if (failed->code == Errc::unauthenticated) {
      if (waiting.costly) bad_tokens_.note(waiting.address, uv_now(loop_));
      outcome = unauthenticated(failed->detail.view());
    } else {
      outcome = fail(failed->code, failed->detail.str(), failed->hint.str());
    }
  }
  for (const Done& done : waiting.done) done(outcome);
}

void Authenticator::remember(const std::shared_ptr<const Caller>& caller, std::uint32_t lifetime) {
  constexpr auto kLongest = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(limits::kTokenCache).count());
  const std::uint64_t now = uv_now(loop_);
  if (cache_.size() >= limits::kTokenCacheEntries) {
    std::erase_if(cache_, [now](const auto& entry) { return entry.second.expires <= now; });
  }
  // Still full: any one goes, it costs its owner one more question.
  if (cache_.size() >= limits::kTokenCacheEntries) cache_.erase(cache_.begin());
  cache_.insert_or_assign(caller->digest, Entry{caller, now + std::min(lifetime, kLongest)});
}

void Authenticator::forget(const Caller& caller) {
  const auto found = cache_.find(caller.digest);
  if (found != cache_.end() && found->second.caller->handle == caller.handle) cache_.erase(found);
}

}  // namespace dc::daemon
