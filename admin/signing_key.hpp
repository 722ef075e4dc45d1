// SPDX-License-Identifier: Apache-2.0
// Keys that sign tokens: a shared secret (HS256), or a private key whose kind gives the algorithm.
// Command line only; trusts its user.
#pragma once

#include <openssl/types.h>
#include <memory>
#include <string>
#include <string_view>
#include "common/error.hpp"
#include "common/jwt.hpp"
#include "common/secret.hpp"

namespace dc::admin {

struct FreePrivateKey {
  void operator()(EVP_PKEY* key) const;
};

class SigningKey {
 public:
  // From what a key file holds: PEM of an unencrypted P-256, Ed25519 or RSA private key, else a
  // secret. Refused when the service would refuse its other half.
  static Result<SigningKey> from(Secret text);

  [[nodiscard]] jwt::Algorithm algorithm() const { return algorithm_; }
  // The bytes of the signature, in the form that tokens have; empty when it cannot be made.
  [[nodiscard]] std::string sign(std::string_view message) const;

 private:
  jwt::Algorithm algorithm_ = jwt::Algorithm::hs256;
  Secret secret_;
  std::unique_ptr<EVP_PKEY, FreePrivateKey> private_key_;
};

struct KeyPair {
  Secret private_pem;  // PKCS #8
  std::string public_pem;
};

// A fresh pair for ES256, EdDSA or RS256 (3072 bits).
Result<KeyPair> make_key_pair(jwt::Algorithm algorithm);

}  // namespace dc::admin
