// SPDX-License-Identifier: Apache-2.0
// HMAC over owner, nonce and image id. Broker only.
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
                             const ImageId& image) const {
  // No part can hold a newline, so the message has one reading only.
  std::string message = "docker-control container 1\n";
  message.append(owner.view()).append("\n").append(nonce).append("\n").append(image.view());
  return jwt::encode_base64url(hmac_sha256(key_.view(), message));
}

std::optional<ServiceName> Ownership::proven_owner(const OwnerLabels& labels,
                                                   std::string_view image) const {
  if (labels.proof.empty()) return std::nullopt;
  auto owner = ServiceName::parse(labels.owner);
  const auto image_id = ImageId::parse(image);
  if (!owner || !image_id || labels.nonce.size() != kNonceSize) return std::nullopt;
  if (!equal_secrets(proof(*owner, labels.nonce, *image_id), labels.proof)) return std::nullopt;
  return std::move(*owner);
}

}  // namespace dc::broker
