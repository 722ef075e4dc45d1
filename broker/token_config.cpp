// SPDX-License-Identifier: Apache-2.0
// [[key]], [[jwks]] and the file of revocations. Broker only.
#include "broker/token_config.hpp"
#include <algorithm>
#include "broker/revocations.hpp"

namespace dc::broker {
namespace {

constexpr std::int64_t kLongest = 315'360'000;  // ten years in seconds

const char* read_seconds(const toml::node& node, std::optional<std::chrono::seconds>& out) {
  const std::int64_t number = node.value_exact<std::int64_t>().value_or(0);
  if (number < 1 || number > kLongest) return "must be a number of seconds, 1 to 315360000";
  out = std::chrono::seconds(number);
  return nullptr;
}

const char* read_issuer(const toml::node& node, std::string& issuer) {
  static_assert(limits::kIssuer == 256);
  if (const char* problem = read(node, issuer)) return problem;
  const bool fits = !issuer.empty() && issuer.size() <= limits::kIssuer;
  return fits && Text<limits::kIssuer>::parse(issuer) ? nullptr : "must be 1 to 256 bytes";
}

const char* read_audience(const toml::node& node, std::vector<std::string>& audience) {
  static_assert(limits::kAudiences == 16);
  if (const char* problem = read(node, audience)) return problem;
  const bool empty = std::any_of(audience.begin(), audience.end(),
                                 [](const std::string& name) { return name.empty(); });
  return empty || audience.size() > limits::kAudiences ? "must be 1 to 16 names, none of them empty"
                                                       : nullptr;
}

// The headers' typ of the tokens that the key signs.
const char* read_type(const toml::node& node, bool& access_token) {
  const auto type = node.value_exact<std::string_view>().value_or("");
  access_token = type == "at+jwt";
  return access_token || type == "JWT" ? nullptr : "must be \"JWT\" or \"at+jwt\"";
}

const char* read_algorithm(const toml::node& node, jwt::Algorithm& algorithm) {
  const auto known = jwt::parse_algorithm(node.value_exact<std::string_view>().value_or(""));
  algorithm = known.value_or(algorithm);
  return known ? nullptr : "must be \"HS256\", \"ES256\", \"EdDSA\" or \"RS256\"";
}

// What [[key]] and [[jwks]] have in common.
const char* read_setting(std::string_view name, const toml::node& value, KeyFile& key) {
  auto& [rules, not_before, not_after] = key.settings;
  if (name == "file") return read(value, key.file);
  if (name == "issuer") return read_issuer(value, rules.issuer);
  if (name == "audience") return read_audience(value, rules.audience);
  if (name == "require_exp") return read(value, rules.require_exp);
  if (name == "max_ttl") return read_seconds(value, rules.max_ttl);
  if (name == "max_age") return read_seconds(value, rules.max_age);
  if (name == "typ") return read_type(value, rules.access_token);
  if (name == "replay_protection") return read(value, rules.replay_protection);
  if (name == "not_before") return read(value, not_before);
  if (name == "not_after") return read(value, not_after);
  return kUnknown;
}

// Settings that contradict each other.
const char* fault_of(const KeyFile& key) {
  const auto& [rules, not_before, not_after] = key.settings;
  if (key.file.empty()) return "needs file = \"PATH\" in each table";
  if (not_before && not_after && *not_before >= *not_after) {
    return "has a not_after that is not after its not_before";
  }
  if (!rules.require_exp && (rules.replay_protection || rules.max_ttl)) {
    return "has replay_protection or max_ttl, which need require_exp = true";
  }
  if (rules.access_token && (rules.issuer.empty() || rules.audience.empty())) {
    return "has typ = \"at+jwt\", which needs issuer and audience";
  }
  return nullptr;
}

template <class Read>
const char* read_tables(const toml::node& node, const std::string& file, std::string& problems,
                        std::vector<KeyFile>& keys, Read read_own) {
  const toml::array* list = node.as_array();
  if (list == nullptr || !list->is_homogeneous(toml::node_type::table)) {
    return "is written as a table in double brackets, one for each";
  }
  keys.clear();
  for (const toml::node& element : *list) {
    KeyFile key;
    read_table(*element.as_table(), file, problems,
               [&](std::string_view name, const toml::node& value) {
                 const char* const problem = read_own(name, value, key);
                 return problem == kUnknown ? read_setting(name, value, key) : problem;
               });
    if (const char* fault = fault_of(key)) return fault;
    keys.push_back(std::move(key));
  }
  return nullptr;
}

// One list of what is taken back; it may be empty.
const char* read_names(const toml::node& node, std::vector<std::string>& names) {
  static_assert(limits::kRevocations == 4096);
  const toml::array* const list = node.as_array();
  if (list != nullptr && list->empty()) return nullptr;
  if (list != nullptr && list->size() > limits::kRevocations) return "has more than 4096 entries";
  return read(node, names);
}

// A list of names, all of whose tokens are taken back, or a table of names with the time before
// which those were issued that are.
const char* read_before(const toml::node& node, const std::string& file, std::string& problems,
                        Revocations::Before& before) {
  if (const toml::table* named = node.as_table()) {
    if (named->size() > limits::kRevocations) return "has more than 4096 entries";
    read_table(*named, file, problems, [&](std::string_view name, const toml::node& value) {
      std::optional<std::int64_t> time;
      const char* const problem = read(value, time);
      before.insert_or_assign(std::string(name), time.value_or(Revocations::kAll));
      return problem;
    });
    return nullptr;
  }
  std::vector<std::string> names;
  if (const char* problem = read_names(node, names)) return problem;
  for (std::string& name : names) before.insert_or_assign(std::move(name), Revocations::kAll);
  return nullptr;
}

}  // namespace

const char* read_keys(const toml::node& node, const std::string& file, std::string& problems,
                      std::vector<KeyFile>& keys) {
  return read_tables(node, file, problems, keys,
                     [](std::string_view name, const toml::node& value, KeyFile& key) {
                       if (name == "kid") return read(value, key.kid.emplace());
                       if (name == "algorithm") return read_algorithm(value, key.algorithm);
                       return kUnknown;
                     });
}

const char* read_key_sets(const toml::node& node, const std::string& file, std::string& problems,
                          std::vector<KeyFile>& sets) {
  return read_tables(node, file, problems, sets,
                     [](std::string_view, const toml::node&, KeyFile&) { return kUnknown; });
}

const char* read_leeway(const toml::node& node, std::chrono::seconds& leeway) {
  static_assert(limits::kTokenLeewayMax == std::chrono::seconds(60));
  const std::int64_t number = node.value_exact<std::int64_t>().value_or(-1);
  if (number < 0 || number > limits::kTokenLeewayMax.count()) {
    return "must be a number of seconds, 0 to 60";
  }
  leeway = std::chrono::seconds(number);
  return nullptr;
}

Result<Revocations> read_revocations(std::string_view toml, const std::string& file) {
  Revocations revocations;
  std::string problems;
  read_document(toml, file, problems,
                [&](std::string_view name, const toml::node& value) -> const char* {
                  if (name == "sub")
                    return read_before(value, file, problems, revocations.subjects);
                  if (name == "kid") return read_before(value, file, problems, revocations.key_ids);
                  if (name == "issued_before") {
                    std::optional<std::int64_t> time;
                    const char* const problem = read(value, time);
                    revocations.issued_before = time.value_or(0);
                    return problem;
                  }
                  if (name != "jti") return kUnknown;
                  std::vector<std::string> ids;
                  if (const char* problem = read_names(value, ids)) return problem;
                  revocations.token_ids.insert(ids.begin(), ids.end());
                  return nullptr;
                });
  if (problems.empty()) return revocations;
  return fail(Errc::invalid_request, problems);
}

}  // namespace dc::broker
