// SPDX-License-Identifier: Apache-2.0
// Public keys of ES256, EdDSA and RS256: what one may be, and the signature check by OpenSSL.
// Broker and command line. Keys are the administrator's but may come from anywhere; messages and
// signatures are hostile.
#pragma once

#include <openssl/types.h>
#include <memory>
#include <string>
#include <string_view>
#include "common/error.hpp"
#include "common/jwt.hpp"

namespace dc {

struct FreePublicKey {
  void operator()(EVP_PKEY* key) const;
};
using PublicKey = std::unique_ptr<EVP_PKEY, FreePublicKey>;

// A key of `algorithm` from one PEM block "PUBLIC KEY" (SubjectPublicKeyInfo).
// Errc::invalid_request: not that, a key of another kind, or one that would prove nothing; the
// detail, a sentence about "the token key", says which.
Result<PublicKey> read_public_key(jwt::Algorithm algorithm, std::string_view pem);

// The same from the numbers of a JSON Web Key, big-endian: `x` and `y` of a point (ES256), `x`
// alone (EdDSA), modulus and exponent (RS256).
Result<PublicKey> make_public_key(jwt::Algorithm algorithm, std::string_view first,
                                  std::string_view second);

// Whether `signature`, in the form of RFC 7518 section 3 and RFC 8037, was made over `message` by
// the holder of the key. `algorithm` is the one that the key was read for.
bool verify_signature(jwt::Algorithm algorithm, EVP_PKEY* key, std::string_view message,
                      std::string_view signature);

bool same_public_key(const EVP_PKEY* a, const EVP_PKEY* b);

// Before the first use of OpenSSL: a configuration file of its could load foreign code.
void start_openssl();

}  // namespace dc
