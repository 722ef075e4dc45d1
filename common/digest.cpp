// SPDX-License-Identifier: Apache-2.0
// SHA-256 by OpenSSL. Broker and command line.
#include "common/digest.hpp"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <array>

namespace dc {

std::string sha256_hex(std::string_view bytes) {
  // A configuration file of OpenSSL could load foreign code, and is out of reach once sealed.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  std::array<unsigned char, 32> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    return {};
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 0xf];
  }
  return text;
}

}  // namespace dc
