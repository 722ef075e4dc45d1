// SPDX-License-Identifier: Apache-2.0
// See the head of jwks.hpp.
#include "common/jwks.hpp"
#include <simdjson.h>
#include <algorithm>

namespace dc {
namespace {

namespace dom = simdjson::dom;
using jwt::Algorithm;

auto refuse(const std::string& reason) { return fail(Errc::invalid_request, reason); }

// Empty when absent or anything but a string.
std::string_view text_of(dom::object key, std::string_view name) {
  std::string_view text;
  if (key.at_key(name).get(text) != simdjson::SUCCESS) return {};
  return text;
}
bool has(dom::object key, std::string_view name) {
  return key.at_key(name).error() == simdjson::SUCCESS;
}

// Whether the key may check signatures, as far as it says.
bool may_verify(dom::object key) {
  if (has(key, "use") && text_of(key, "use") != "sig") return false;
  if (!has(key, "key_ops")) return true;
  dom::array operations;
  if (key.at_key("key_ops").get(operations) != simdjson::SUCCESS) return false;
  return std::any_of(operations.begin(), operations.end(), [](dom::element item) {
    std::string_view text;
    return item.get(text) == simdjson::SUCCESS && text == "verify";
  });
}

// What a key is for by its kind, and where its numbers are.
struct Form {
  std::string_view type, curve;
  Algorithm algorithm;
  std::string_view first, second;
};
constexpr Form kForms[] = {{"EC", "P-256", Algorithm::es256, "x", "y"},
                           {"OKP", "Ed25519", Algorithm::eddsa, "x", ""},
                           {"RSA", "", Algorithm::rs256, "n", "e"}};

// nullopt: not for us.
Result<std::optional<TokenKey>> read_key(dom::object key, const KeySettings& settings) {
  if (text_of(key, "kty") == "oct") {
    return refuse("is a shared secret, which a file of public keys must not hold; use [[key]]");
  }
  if (has(key, "d")) return refuse("is a private key; remove its private members");
  const auto* const form =
      std::find_if(std::begin(kForms), std::end(kForms), [key](const Form& candidate) {
        return text_of(key, "kty") == candidate.type && text_of(key, "crv") == candidate.curve;
      });
  if (form == std::end(kForms) || !may_verify(key)) return std::optional<TokenKey>();
  if (has(key, "alg") && text_of(key, "alg") != jwt::algorithm_name(form->algorithm)) {
    return std::optional<TokenKey>();
  }
  const std::string_view kid = text_of(key, "kid");
  if (!jwt::is_key_id(kid)) return refuse("needs a kid of 1 to 64 of A-Z a-z 0-9 . _ -");
  const auto first = jwt::decode_base64url(text_of(key, form->first));
  const auto second =
      jwt::decode_base64url(form->second.empty() ? std::string_view() : text_of(key, form->second));
  if (!first || !second) return refuse("has numbers that are not base64url");
  auto made = make_public_key(form->algorithm, *first, *second);
  if (!made) return fail(made.error());
  return std::optional<TokenKey>(
      TokenKey{std::string(kid), settings, {}, form->algorithm, std::move(*made)});
}

}  // namespace

Result<KeySet> read_jwks(std::string_view text, const KeySettings& settings) {
  dom::parser parser;
  dom::element root;
  dom::array list;
  if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS ||
      root.at_key("keys").get(list) != simdjson::SUCCESS) {
    return refuse("is not a JSON object with a list \"keys\"");
  }
  KeySet set;
  std::size_t number = 0;
  for (const dom::element item : list) {
    const std::string which = "key " + std::to_string(++number) + ": ";
    dom::object object;
    if (item.get(object) != simdjson::SUCCESS) return refuse(which + "is not an object");
    auto key = read_key(object, settings);
    if (!key) return refuse(which + key.error().detail);
    if (*key) {
      set.keys.push_back(std::move(**key));
    } else {
      set.skipped.push_back(which + "not one that checks ES256, EdDSA or RS256");
    }
  }
  if (set.keys.empty()) return refuse("has no key that checks ES256, EdDSA or RS256");
  return set;
}

}  // namespace dc
