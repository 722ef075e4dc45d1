// SPDX-License-Identifier: Apache-2.0
// See the head of public_key.hpp.
#include "common/public_key.hpp"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <algorithm>
#include <array>
#include "common/limits.hpp"

namespace dc {
namespace {

using jwt::Algorithm;

template <auto F>
struct Free {
  template <class T>
  void operator()(T* object) const {
    F(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;

constexpr std::size_t kCoordinate = 32;  // bytes of a P-256 or Ed25519 coordinate

auto refuse(const std::string& reason) {
  return fail(Errc::invalid_request, "the token key " + reason);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
Number number_of(std::string_view big_endian) {
  return Number(BN_bin2bn(bytes_of(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

// The faults that OpenSSL does not look for, each as the end of "the token key ..."; nullptr: none.
// Ed25519: with a point of small order anybody could make signatures, without a point nobody. In
// y: x^2 = u/v for u = y^2 - 1, v = d y^2 + 1; the order divides 4 where y = 0 or u = 0, and is 8
// where the doubled point has y = 0, which is v y^2 + u = 0. All modulo p = 2^255 - 19.
const char* ed25519_fault(EVP_PKEY* key) {
  std::array<unsigned char, kCoordinate> raw{};
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1) return "cannot be read";
  raw.back() &= 0x7F;  // the sign of x
  const std::unique_ptr<BN_CTX, Free<BN_CTX_free>> scratch(BN_CTX_new());
  const Number y(BN_lebin2bn(raw.data(), static_cast<int>(raw.size()), nullptr));
  const Number one(BN_new()), square(BN_new()), u(BN_new()), v(BN_new()), t(BN_new());
  BIGNUM* p = nullptr;
  BIGNUM* d = nullptr;
  bool done = BN_hex2bn(&p, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed") > 0;
  const Number prime(p);
  done =
      done && BN_hex2bn(&d, "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3") > 0;
  const Number curve(d);
  BN_CTX* const c = scratch.get();
  done = done && c != nullptr && y && one && square && u && v && t && BN_one(one.get()) == 1;
  if (done && BN_cmp(y.get(), p) >= 0) return "is not a canonical point";
  done = done && BN_mod_sqr(square.get(), y.get(), p, c) == 1 &&
         BN_mod_sub(u.get(), square.get(), one.get(), p, c) == 1 &&
         BN_mod_mul(v.get(), d, square.get(), p, c) == 1 &&
         BN_mod_add(v.get(), v.get(), one.get(), p, c) == 1 &&
         BN_mod_mul(t.get(), v.get(), square.get(), p, c) == 1 &&
         BN_mod_add(t.get(), t.get(), u.get(), p, c) == 1;
  if (!done) return "cannot be read";
  if (BN_is_zero(y.get()) || BN_is_zero(u.get()) || BN_is_zero(t.get())) {
    return "is a point of small order: anybody could sign for it";
  }
  // u/v is a square where u*v is.
  if (BN_mod_mul(t.get(), u.get(), v.get(), p, c) != 1 || BN_kronecker(t.get(), p, c) != 1) {
    return "is not a point of its curve";
  }
  return nullptr;
}

const char* p256_fault(EVP_PKEY* key) {
  std::array<char, 32> group{};
  int explicit_parameters = 0;
  EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr);
  EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                         &explicit_parameters);
  if (std::string_view(group.data()) != "prime256v1") return "is not on the curve P-256";
  if (explicit_parameters != 0) return "spells out its curve instead of naming it";
  const std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_public_check(context.get()) != 1) return "is not a point of its curve";
  return nullptr;
}

// An exponent of 3 has been the door to forged PKCS #1 signatures more than once. OpenSSL's own
// check looks for a prime modulus besides, and takes up to a second, in which the broker would
// stand still.
const char* rsa_fault(EVP_PKEY* key) {
  BIGNUM* n = nullptr;
  BIGNUM* e = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e);
  const Number modulus(n);
  const Number exponent(e);
  const auto bits = static_cast<std::size_t>(std::max(EVP_PKEY_get_bits(key), 0));
  if (bits < limits::kRsaBitsMin) return "is an RSA key of less than 2048 bits";
  if (bits > limits::kRsaBitsMax) return "is an RSA key of more than 8192 bits";
  if (n == nullptr || !BN_is_odd(n)) return "has a modulus that is even";
  if (e == nullptr || !BN_is_odd(e) || BN_num_bits(e) < 17 || BN_num_bits(e) > 64) {
    return "has a public exponent that is not an odd number from 65537 to 2^64";
  }
  return nullptr;
}

struct Kind {
  const char* type;
  const char* other;
  const char* (*fault)(EVP_PKEY*);
};
Kind kind_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256: return {"EC", "is not an EC key, which ES256 needs", p256_fault};
    case Algorithm::eddsa:
      return {"ED25519", "is not an Ed25519 key, which EdDSA needs", ed25519_fault};
    case Algorithm::rs256: return {"RSA", "is not an RSA key, which RS256 needs", rsa_fault};
    case Algorithm::hs256: break;
  }
  return {"", "is not a public key: HS256 has none", nullptr};
}

Result<PublicKey> checked(Algorithm algorithm, PublicKey key) {
  if (!key) return refuse("is no public key, or not a point of its curve");
  const Kind kind = kind_of(algorithm);
  if (EVP_PKEY_is_a(key.get(), kind.type) != 1) return refuse(kind.other);
  if (const char* fault = kind.fault(key.get())) return refuse(fault);
  return key;
}

// r and s as DER, as OpenSSL wants them; that they are in [1, n-1] is its to check.
std::string der_of(std::string_view raw) {
  const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> pair(ECDSA_SIG_new());
  Number r = number_of(raw.substr(0, kCoordinate));
  Number s = number_of(raw.substr(kCoordinate));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  std::string der(static_cast<std::size_t>(std::max(i2d_ECDSA_SIG(pair.get(), nullptr), 0)), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

std::size_t signature_size(Algorithm algorithm, const EVP_PKEY* key) {
  if (algorithm != Algorithm::rs256) return 2 * kCoordinate;
  return static_cast<std::size_t>(EVP_PKEY_get_size(key));
}

}  // namespace

void FreePublicKey::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

void start_openssl() { OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

Result<PublicKey> read_public_key(Algorithm algorithm, std::string_view pem) {
  start_openssl();
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return refuse(
        "is a private one, which belongs to who makes tokens; take its public half: "
        "openssl pkey -in FILE -pubout");
  }
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kHead = "-----BEGIN PUBLIC KEY-----";
  const std::size_t begin = pem.find(kBegin);
  if (begin == std::string_view::npos || !pem.substr(begin).starts_with(kHead) ||
      pem.find(kBegin, begin + 1) != std::string_view::npos) {
    return refuse("is not one PEM block " + std::string(kHead));
  }
  EVP_PKEY* key = nullptr;
  const std::unique_ptr<OSSL_DECODER_CTX, Free<OSSL_DECODER_CTX_free>> decoder(
      OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", "SubjectPublicKeyInfo", nullptr,
                                    EVP_PKEY_PUBLIC_KEY, nullptr, nullptr));
  const unsigned char* data = bytes_of(pem);
  std::size_t size = pem.size();
  if (decoder) OSSL_DECODER_from_data(decoder.get(), &data, &size);
  return checked(algorithm, PublicKey(key));
}

Result<PublicKey> make_public_key(Algorithm algorithm, std::string_view first,
                                  std::string_view second) {
  start_openssl();
  const char* const type = kind_of(algorithm).type;
  if (algorithm == Algorithm::eddsa) {
    return checked(algorithm, PublicKey(EVP_PKEY_new_raw_public_key_ex(
                                  nullptr, type, nullptr, bytes_of(first), first.size())));
  }
  const std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>> build(OSSL_PARAM_BLD_new());
  const Number n = number_of(first);
  const Number e = number_of(second);
  std::string point = "\x04";  // uncompressed
  if (!build || !n || !e) return refuse("cannot be read");
  if (algorithm == Algorithm::rs256) {
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  } else {
    if (first.size() != kCoordinate || second.size() != kCoordinate) {
      return refuse("has coordinates that are not of 32 bytes");
    }
    point.append(first).append(second);
    OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
  }
  const std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>> numbers(
      OSSL_PARAM_BLD_to_param(build.get()));
  const std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (numbers && context && EVP_PKEY_fromdata_init(context.get()) == 1) {
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, numbers.get());
  }
  return checked(algorithm, PublicKey(key));
}

bool verify_signature(Algorithm algorithm, EVP_PKEY* key, std::string_view message,
                      std::string_view signature) {
  if (signature.size() != signature_size(algorithm, key)) return false;
  const std::string der = algorithm == Algorithm::es256 ? der_of(signature) : std::string();
  if (algorithm == Algorithm::es256) signature = der;
  const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  // Ed25519 has its own digest. RSA keys are read as such, so the padding is PKCS #1 version 1.5.
  const EVP_MD* const digest = algorithm == Algorithm::eddsa ? nullptr : EVP_sha256();
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

bool same_public_key(const EVP_PKEY* a, const EVP_PKEY* b) {
  return a == b || (a != nullptr && b != nullptr && EVP_PKEY_eq(a, b) == 1);
}

}  // namespace dc
