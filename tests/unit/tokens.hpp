// SPDX-License-Identifier: Apache-2.0
// Tokens for the unit tests, good and bad, put together from any header, payload and key.
#pragma once

#include <string>
#include <string_view>
#include "common/jwt.hpp"
#include "common/token_keys.hpp"

namespace dc::test {

inline constexpr std::string_view kKey = "k7Qm2vXb9LrT4nZc8WfH1sJd6PyG3aEu0oRi5tVx";
inline constexpr std::string_view kOtherKey = "Zt4Hq9Ws2Lm7Bx0Vn5Rc8Kd1Fy6Gj3Pa_eUoIiTz";
inline constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
inline constexpr std::int64_t kNow = 1'800'000'000;

inline std::string b64(std::string_view bytes) { return jwt::encode_base64url(bytes); }

inline std::string sign(std::string_view header, std::string_view payload,
                        std::string_view key = kKey) {
  const std::string input = b64(header) + "." + b64(payload);
  return input + "." + b64(dc::hmac_sha256(key, input));
}

inline dc::TokenKey hmac_key(std::string_view secret, std::optional<std::string> kid = {},
                             bool require_exp = true) {
  dc::TokenKey key;
  key.kid = std::move(kid);
  key.secret = Secret(secret);
  key.settings.rules.require_exp = require_exp;
  return key;
}

inline dc::TokenKeys keys_with(std::string_view key = kKey, bool require_exp = true) {
  dc::TokenKeys keys;
  (void)keys.add(hmac_key(key, std::nullopt, require_exp));
  return keys;
}

}  // namespace dc::test
