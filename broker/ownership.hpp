// SPDX-License-Identifier: Apache-2.0
// Proof that a container or a network is ours and whose: labels with an HMAC that only a holder of
// the instance key can make. Broker only. Labels read from the Engine are hostile: an image or
// another user may have written them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include "common/error.hpp"
#include "common/secret.hpp"
#include "common/types.hpp"

namespace dc::broker {

inline constexpr std::string_view kOwnerLabel = "docker-control.owner";
inline constexpr std::string_view kNonceLabel = "docker-control.nonce";
inline constexpr std::string_view kProofLabel = "docker-control.proof";  // never shown to clients
// What a container counts as in the service's quota.
inline constexpr std::string_view kHoldsLabel = "docker-control.holds";
// Set on containers that the broker itself removes after their end (detach=false with auto_remove).
inline constexpr std::string_view kTransientLabel = "docker-control.transient";

// What our labels of one container or network say; empty where absent.
struct OwnerLabels {
  std::string owner, nonce, proof;
  bool transient = false;
  std::string holds;  // of a container: broker/ledger.hpp
  friend bool operator==(const OwnerLabels&, const OwnerLabels&) = default;
};

// 128 random bits in base64url. Ends the process when the kernel has none.
inline constexpr std::size_t kNonceSize = 22;
std::string make_nonce();

// What a proof binds to owner and nonce: a container's content, or a network's name, because its id
// is not known before it is made. The kind is signed too, so one never serves for the other.
class ProofSubject {
 public:
  ProofSubject(const ImageId& image) : kind_("container"), value_(image.str()) {}
  ProofSubject(const NetworkName& network) : kind_("network"), value_(network.str()) {}

 private:
  friend class Ownership;
  std::string_view kind_;
  std::string value_;
};

class Ownership {
 public:
  explicit Ownership(Secret instance_key) : key_(std::move(instance_key)) {}

  [[nodiscard]] std::string proof(const ServiceName& owner, std::string_view nonce,
                                  const ProofSubject& subject) const;
  // The owner, if the labels prove one for this subject.
  [[nodiscard]] std::optional<ServiceName> proven_owner(const OwnerLabels& labels,
                                                        const ProofSubject& subject) const;

 private:
  Secret key_;
};

}  // namespace dc::broker
