// SPDX-License-Identifier: Apache-2.0
// HMAC over kind, owner, nonce and subject. Broker only.
#include "broker/ownership.hpp"
#include <sys/random.h>
#include <array>
#include <cstdlib>
#include "common/jwt.hpp"
#include "common/token_keys.hpp"

namespace dc::broker {
std::string make_nonce() {
  std::array<char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    std::abort();
  return jwt::encode_base64url({bytes.data(), bytes.size()});
}

std::string Ownership::proof(const ServiceName& owner, std::string_view nonce,
                             const ProofSubject& subject) const {
  // No part can hold a newline, so the message has one reading only.
  std::string message = "docker-control ";
  message.append(subject.kind_).append(" 1\n").append(owner.view()).append("\n");
  message.append(nonce).append("\n").append(subject.value_);
  return jwt::encode_base64url(hmac_sha256(key_.view(), message));
}

std::optional<ServiceName> Ownership::proven_owner(const OwnerLabels& labels,
                                                   const ProofSubject& subject) const {
  if (labels.proof.empty()) return std::nullopt;
  auto owner = ServiceName::parse(labels.owner);
  if (!owner || labels.nonce.size() != kNonceSize) return std::nullopt;
  if (!equal_secrets(proof(*owner, labels.nonce, subject), labels.proof)) return std::nullopt;
  return std::move(*owner);
}

}  // namespace dc::broker
