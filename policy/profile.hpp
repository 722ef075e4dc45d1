// SPDX-License-Identifier: Apache-2.0
// The policy's data: what one service may do. Both sides; made by policy/load.cpp in the broker and
// copied to the front over the channel, where the types are parsed again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>
#include "common/image_ref.hpp"
#include "common/scopes.hpp"
#include "common/types.hpp"

namespace dc::policy {

// One entry of `images`, in the spelling of the file, compiled to parts:
//   "ghcr.io/tenstorrent/"  host and path prefix on a part boundary
//   "tenstorrent/"          docker.io/tenstorrent/...
//   "alpine:"               exactly docker.io/library/alpine, any tag or digest
//   "alpine:3.20", "ghcr.io/a/b@sha256:..."   exactly that reference
class ImagePattern {
 public:
  // Errc::invalid_request says what is wrong and how the entry is to be written.
  static Result<ImagePattern> parse(std::string_view text);
  [[nodiscard]] bool matches(const ImageRef& image) const;
  [[nodiscard]] std::string_view view() const& { return text_; }  // as written
  std::string_view view() && = delete;
  friend bool operator==(const ImagePattern&, const ImagePattern&) = default;

 private:
  enum class Kind : std::uint8_t { prefix, repository, reference };
  ImagePattern() = default;
  std::string text_;
  Kind kind_ = Kind::reference;
  std::string domain_;
  std::string repository_;  // for prefix: ends in '/'
  std::string version_;     // for reference: tag or digest
};

struct AddressRule {
  static bool accepts(std::string_view text);  // literal IPv4 or IPv6
  static constexpr std::string_view kExpected = "must be an IPv4 or IPv6 address";
};
using Address = Checked<AddressRule>;

struct PortRange final {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.first, self.last); };
};

// What a container gets where the caller asks for nothing, and the most that it may ask for.
struct Limit final {
  std::uint64_t standard = 0;
  std::uint64_t max = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.standard, self.max); };
};

enum class Visible : std::uint8_t { owned, all };
constexpr Visible enum_last(Visible) { return Visible::all; }

// The built-in values are the policy where the file says nothing: finite limits, no rights.
struct Profile final {
  ServiceName service;
  Scopes scopes;
  std::vector<ImagePattern> images;
  std::vector<NetworkName> networks;
  std::vector<PortRange> host_ports;
  bool ephemeral_ports = false;  // the Engine may choose the host port
  Address port_address;          // host address that published ports bind to
  std::vector<Restart> restart;  // allowed restart policies
  Visible visible = Visible::owned;
  bool manage_image_allowed = false;      // also foreign containers whose image is in `images`
  Limit memory{4ULL << 30, 16ULL << 30};  // bytes
  Limit nano_cpus{2'000'000'000, 8'000'000'000};
  Limit pids{4096, 16384};
  Limit shm{64ULL << 20, 16ULL << 30};  // bytes
  std::uint32_t rate = limits::kRate;   // requests a second; twice that many at once
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.service, self.scopes, self.images, self.networks, self.host_ports,
                    self.ephemeral_ports, self.port_address, self.restart, self.visible,
                    self.manage_image_allowed, self.memory, self.nano_cpus, self.pids, self.shm,
                    self.rate);
  };
};

// One immutable snapshot of the policy; every command is judged by exactly one.
struct Policy {
  std::map<std::string, Profile, std::less<>> profiles;  // by service

  // nullptr: the service has no profile, so no rights.
  [[nodiscard]] const Profile* find(std::string_view service) const {
    const auto found = profiles.find(service);
    return found == profiles.end() ? nullptr : &found->second;
  }
};
using Snapshot = std::shared_ptr<const Policy>;

}  // namespace dc::policy
