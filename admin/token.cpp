// SPDX-License-Identifier: Apache-2.0
// Making tokens. Command line only.
#include "admin/token.hpp"
#include <algorithm>
#include <charconv>
#include "common/json_text.hpp"
#include "common/jwt.hpp"

namespace dc::admin {
namespace {

constexpr std::int64_t kLongest = std::chrono::seconds(std::chrono::hours(24 * 365)).count();

std::int64_t seconds_in(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    default: return 0;
  }
}

std::string scope_list(Scopes scopes) {
  std::string list;
  for (unsigned i = 0; i <= static_cast<unsigned>(enum_last(Scope{})); ++i) {
    const auto scope = static_cast<Scope>(i);
    if (!scopes.has(scope)) continue;
    if (!list.empty()) list += ' ';
    list += scope_name(scope);
  }
  return list;
}

}  // namespace

std::optional<std::chrono::seconds> parse_lifetime(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::int64_t unit = seconds_in(text.back());
  text.remove_suffix(1);
  std::uint32_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (unit == 0 || error != std::errc{} || stop != end) return std::nullopt;
  if (count == 0 || count > kLongest / unit) return std::nullopt;
  return std::chrono::seconds(count * unit);
}

std::optional<Scopes> parse_scope_list(std::string_view text) {
  Scopes scopes;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(' '), text.size());
    if (size > 0) {
      const auto named = parse_scope(text.substr(0, size));
      if (!named) return std::nullopt;
      scopes.bits |= named->bits;
    }
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  if (scopes.bits == 0) return std::nullopt;
  return scopes;
}

std::string make_token(const TokenRequest& request, const SigningKey& key, std::int64_t now,
                       std::string_view token_id) {
  JsonWriter header;
  header.open('{').key("alg").string(jwt::algorithm_name(key.algorithm())).key("typ").string("JWT");
  if (request.kid) header.key("kid").string(*request.kid);
  header.close('}');

  JsonWriter claims;
  claims.open('{').key("service").string(request.service.view());
  claims.key("iat").number(now).key("exp").number(now + request.lifetime.count());
  claims.key("jti").string(token_id);
  if (!request.issuer.empty()) claims.key("iss").string(request.issuer);
  if (request.audience.size() == 1) claims.key("aud").string(request.audience.front());
  if (request.audience.size() > 1) {
    claims.key("aud").open('[');
    for (const std::string& name : request.audience) claims.string(name);
    claims.close(']');
  }
  if (request.scopes) claims.key("scope").string(scope_list(*request.scopes));
  claims.close('}');

  std::string token =
      jwt::encode_base64url(header.str()) + '.' + jwt::encode_base64url(claims.str());
  const std::string signature = key.sign(token);
  if (signature.empty()) return {};
  return token + '.' + jwt::encode_base64url(signature);
}

}  // namespace dc::admin
