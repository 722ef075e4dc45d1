// SPDX-License-Identifier: Apache-2.0
// JSON Web Key Sets (RFC 7517, RFC 8037) as files. Broker only; the text is the administrator's,
// but some issuer wrote it.
#pragma once

#include <string>
#include <string_view>
#include <vector>
#include "common/token_keys.hpp"

namespace dc {

struct KeySet {
  std::vector<TokenKey> keys;
  std::vector<std::string> skipped;  // "key 2: ..." for each that is not for us, and why
};

// The keys of a set that can check ES256, EdDSA or RS256, each with `settings` and its own kid.
// Keys of other kinds and uses are skipped. Errc::invalid_request: malformed, a secret or private
// key, a key without kid, one that is not sound, or none left.
Result<KeySet> read_jwks(std::string_view text, const KeySettings& settings);

}  // namespace dc
