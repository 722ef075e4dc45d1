// SPDX-License-Identifier: Apache-2.0
// See the head of signing_key.hpp.
#include "admin/signing_key.hpp"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <algorithm>
#include <optional>
#include "common/token_keys.hpp"

namespace dc::admin {
namespace {

using jwt::Algorithm;

constexpr unsigned kRsaBits = 3072;  // as strong as the others: 128 bits
constexpr int kCoordinate = 32;      // bytes of r and of s

template <auto F>
struct Free {
  template <class T>
  void operator()(T* object) const {
    F(object);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, FreePrivateKey>;

auto refuse(const std::string& what) { return fail(Errc::invalid_request, what); }

std::optional<Algorithm> algorithm_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "EC") == 1) return Algorithm::es256;
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return Algorithm::eddsa;
  if (EVP_PKEY_is_a(key, "RSA") == 1) return Algorithm::rs256;
  return std::nullopt;
}

// A half of the key as PEM; empty when that fails. The caller wipes what is secret.
std::string encode(EVP_PKEY* key, int selection, const char* structure) {
  const std::unique_ptr<OSSL_ENCODER_CTX, Free<OSSL_ENCODER_CTX_free>> context(
      OSSL_ENCODER_CTX_new_for_pkey(key, selection, "PEM", structure, nullptr));
  unsigned char* data = nullptr;
  std::size_t size = 0;
  if (!context || OSSL_ENCODER_to_data(context.get(), &data, &size) != 1) return {};
  std::string text(reinterpret_cast<const char*>(data), size);
  OPENSSL_clear_free(data, size);
  return text;
}

// r and s as two numbers of 32 bytes, out of OpenSSL's DER.
std::string raw_of(const std::string& der) {
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> pair(
      d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  std::string raw(2U * kCoordinate, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, kCoordinate) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + kCoordinate, kCoordinate) < 0) {
    return {};
  }
  return raw;
}

PrivateKey generate(Algorithm algorithm) {
  start_openssl();
  switch (algorithm) {
    case Algorithm::es256: return PrivateKey(EVP_EC_gen("P-256"));
    case Algorithm::eddsa: return PrivateKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case Algorithm::rs256: return PrivateKey(EVP_RSA_gen(kRsaBits));
    case Algorithm::hs256: break;
  }
  return nullptr;
}

}  // namespace

void FreePrivateKey::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

Result<SigningKey> SigningKey::from(Secret text) {
  SigningKey key;
  if (text.view().find("-----BEGIN ") == std::string_view::npos) {
    if (auto strong = check_key_strength(text.view()); !strong) return fail(strong.error());
    key.secret_ = std::move(text);
    return key;
  }
  if (text.view().find("PRIVATE KEY-----") == std::string_view::npos) {
    return refuse("tokens are signed with a private key; this file has another half");
  }
  start_openssl();
  EVP_PKEY* read = nullptr;
  const std::unique_ptr<OSSL_DECODER_CTX, Free<OSSL_DECODER_CTX_free>> decoder(
      OSSL_DECODER_CTX_new_for_pkey(&read, "PEM", nullptr, nullptr, EVP_PKEY_KEYPAIR, nullptr,
                                    nullptr));
  const auto* data = reinterpret_cast<const unsigned char*>(text.view().data());
  std::size_t size = text.view().size();
  // An empty pass phrase: OpenSSL would ask on the terminal for one.
  if (decoder) {
    OSSL_DECODER_CTX_set_passphrase(decoder.get(), data, 0);
    OSSL_DECODER_from_data(decoder.get(), &data, &size);
  }
  key.private_key_.reset(read);
  if (!key.private_key_) return refuse("the private key cannot be read; is it encrypted?");
  const auto algorithm = algorithm_of(read);
  if (!algorithm) return refuse("the private key is of a kind that no algorithm here uses");
  key.algorithm_ = *algorithm;
  const auto other_half =
      read_public_key(*algorithm, encode(read, EVP_PKEY_PUBLIC_KEY, "SubjectPublicKeyInfo"));
  if (!other_half) return fail(other_half.error());
  return key;
}

std::string SigningKey::sign(std::string_view message) const {
  if (algorithm_ == Algorithm::hs256) return hmac_sha256(secret_.view(), message);
  const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const EVP_MD* const digest = algorithm_ == Algorithm::eddsa ? nullptr : EVP_sha256();
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, private_key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()) != 1) {
    return {};
  }
  std::string signature(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  if (EVP_DigestSign(context.get(), out, &size, bytes, message.size()) != 1) return {};
  signature.resize(size);
  return algorithm_ == Algorithm::es256 ? raw_of(signature) : signature;
}

Result<KeyPair> make_key_pair(Algorithm algorithm) {
  const PrivateKey key = generate(algorithm);
  if (!key) return refuse("the key cannot be made");
  std::string text = encode(key.get(), EVP_PKEY_KEYPAIR, "PrivateKeyInfo");
  KeyPair pair{Secret(std::string_view(text)),
               encode(key.get(), EVP_PKEY_PUBLIC_KEY, "SubjectPublicKeyInfo")};
  OPENSSL_cleanse(text.data(), text.size());
  if (pair.private_pem.empty() || pair.public_pem.empty()) return refuse("the key cannot be made");
  return pair;
}

}  // namespace dc::admin
