// SPDX-License-Identifier: Apache-2.0
// The claims of a token whose signature holds. Both sides; the issuer is trusted to name the
// caller, not to write sound JSON, so the text is as suspect as any other.
#include <simdjson.h>
#include <algorithm>
#include <array>
#include "common/jwt.hpp"
#include "common/limits.hpp"

namespace dc::jwt {
namespace {

namespace dom = simdjson::dom;

using Time = std::optional<std::int64_t>;

constexpr double kLatestTime = 9007199254740992.0;  // 2^53: a double holds every second up to it

auto refuse(std::string_view reason) { return fail(Errc::unauthenticated, std::string(reason)); }

// What simdjson leaves open: depth, number of members, and duplicates, of which it would answer
// with the first. Keys are compared after unescaping.
bool is_sound(dom::element value, std::size_t depth) {
  dom::object object;
  dom::array array;
  const bool is_object = value.get(object) == simdjson::SUCCESS;
  if (!is_object && value.get(array) != simdjson::SUCCESS) return true;
  if (depth == limits::kTokenDepth) return false;
  if (!is_object) {
    return std::all_of(array.begin(), array.end(),
                       [&](dom::element item) { return is_sound(item, depth + 1); });
  }
  std::array<std::string_view, limits::kTokenMembers> names;
  auto end = names.begin();
  for (const auto field : object) {
    if (end == names.end() || std::find(names.begin(), end, field.key) != end) return false;
    *end++ = field.key;
    if (!is_sound(field.value, depth + 1)) return false;
  }
  return true;
}

bool find(dom::object claims, std::string_view name, dom::element& value) {
  return claims.at_key(name).get(value) == simdjson::SUCCESS;
}

// A NumericDate in [0, 2^53], rounded down. False when present and anything else.
bool read_time(dom::object claims, std::string_view name, Time& time) {
  dom::element value;
  double seconds = 0;
  if (!find(claims, name, value)) return true;
  if (value.get(seconds) != simdjson::SUCCESS) return false;
  if (!(seconds >= 0 && seconds <= kLatestTime)) return false;
  time = static_cast<std::int64_t>(seconds);
  return true;
}

struct Times {
  Time expires, begins, issued;
};

// The reason to refuse; empty when there is none.
std::string_view check_times(dom::object claims, std::int64_t now, const ClaimRules& rules,
                             std::int64_t leeway, Times& times) {
  auto& [expires, begins, issued] = times;
  if (!read_time(claims, "exp", expires)) return "exp is not a time";
  if (!read_time(claims, "nbf", begins)) return "nbf is not a time";
  if (!read_time(claims, "iat", issued)) return "iat is not a time";
  const bool once = rules.replay_protection;
  if (!expires && (rules.require_exp || rules.max_ttl || once)) return "exp is missing";
  if (!issued && (rules.max_ttl || rules.max_age || once)) return "iat is missing";
  if (expires && *expires <= now - leeway) return "expired";
  if (begins && *begins > now + leeway) return "not valid yet";
  if (issued && *issued > now + leeway) return "issued in the future";
  if (begins && expires && *begins > *expires) return "nbf is after exp";
  if (rules.max_ttl && *expires - *issued > rules.max_ttl->count()) return "exp is too far off iat";
  if (rules.max_age && *issued < now - leeway - rules.max_age->count())
    return "issued too long ago";
  return {};
}

// A token that names an audience is for nobody else, so a key without one takes no such token
// (RFC 7519 section 4.1.3).
bool is_for_us(dom::object claims, const std::vector<std::string>& audience) {
  dom::element value;
  if (!find(claims, "aud", value)) return audience.empty();
  const auto is_ours = [&](dom::element item) {
    std::string_view text;
    return item.get(text) == simdjson::SUCCESS &&
           std::find(audience.begin(), audience.end(), text) != audience.end();
  };
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return is_ours(value);
  const bool clean =
      std::all_of(list.begin(), list.end(), [](dom::element item) { return item.is_string(); });
  return clean && std::any_of(list.begin(), list.end(), is_ours);
}

// The string of a claim that may be absent. False when present and anything else.
bool read_text(dom::object claims, std::string_view name, std::string_view& text) {
  dom::element value;
  return !find(claims, name, value) || value.get(text) == simdjson::SUCCESS;
}

// The reason to refuse; empty when there is none.
std::string_view check_parties(dom::object claims, const ClaimRules& rules) {
  std::string_view issuer;
  if (!rules.issuer.empty() && (!read_text(claims, "iss", issuer) || issuer != rules.issuer)) {
    return "iss is not the key's issuer";
  }
  return is_for_us(claims, rules.audience) ? "" : "aud is not for this service";
}

// Unknown names grant nothing and are no error: the issuer may know other services' scopes.
void add_scope(std::string_view name, Scopes& scopes) {
  if (const auto known = parse_scope(name)) scopes.bits |= known->bits;
}

// Names in one string, or an array of them. False when present and neither.
bool read_scopes(dom::object claims, std::string_view name, std::optional<Scopes>& scopes) {
  dom::element value;
  std::string_view text;
  dom::array list;
  Scopes named;
  if (!find(claims, name, value)) return true;
  if (value.get(text) == simdjson::SUCCESS) {
    while (!text.empty()) {
      const std::size_t size = std::min(text.find(' '), text.size());
      add_scope(text.substr(0, size), named);
      text.remove_prefix(std::min(size + 1, text.size()));
    }
  } else if (value.get(list) == simdjson::SUCCESS) {
    for (const dom::element item : list) {
      if (item.get(text) != simdjson::SUCCESS) return false;
      add_scope(text, named);
    }
  } else {
    return false;
  }
  scopes = scopes ? scopes->narrowed_by(named) : named;
  return true;
}

}  // namespace

Result<Claims> parse_claims(std::string_view payload, std::int64_t now, const ClaimRules& rules,
                            std::chrono::seconds leeway) {
  if (payload.size() > limits::kTokenClaims) return refuse("claims are too long");
  // Newer simdjson skips a byte order mark.
  if (payload.substr(0, 3) == "\xEF\xBB\xBF") return refuse("claims begin with a byte order mark");
  dom::parser parser;
  dom::element root;
  dom::object claims;
  if (parser.parse(simdjson::padded_string(payload)).get(root) != simdjson::SUCCESS ||
      root.get(claims) != simdjson::SUCCESS) {
    return refuse("claims are not a JSON object");
  }
  if (!is_sound(root, 0)) return refuse("claims are too deep, too many or duplicate");

  Times times;
  auto reason = check_times(claims, now, rules, leeway.count(), times);
  if (reason.empty()) reason = check_parties(claims, rules);
  if (!reason.empty()) return refuse(reason);
  std::string_view service;
  std::string_view subject;
  std::string_view id;
  if (!read_text(claims, "sub", subject)) return refuse("sub is not a string");
  auto known_subject = Text<256>::parse(subject);
  if (!known_subject) return refuse("malformed sub");
  dom::element value;
  if (!find(claims, "service", value)) {
    service = subject;
  } else if (value.get(service) != simdjson::SUCCESS) {
    return refuse("service is not a string");
  }
  auto name = ServiceName::parse(service);
  if (!name) return refuse("malformed service name, or neither service nor sub");
  std::optional<Scopes> scopes;
  if (!read_scopes(claims, "scope", scopes) || !read_scopes(claims, "scopes", scopes)) {
    return refuse("malformed scope");
  }
  if (!read_text(claims, "jti", id)) return refuse("jti is not a string");
  if (id.empty() && rules.replay_protection) return refuse("jti is missing");
  auto token_id = Text<128>::parse(id);
  if (!token_id) return refuse("malformed jti");
  return Claims{std::move(*name),     scopes,       std::move(*known_subject),
                std::move(*token_id), times.issued, times.expires};
}

}  // namespace dc::jwt
