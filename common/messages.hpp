// SPDX-License-Identifier: Apache-2.0
// What travels over the channel besides the commands: the two variants of frames, ToBroker and
// ToFront, and who may send which when.
//
//   front                         broker
//     Hello (once, first)     ->
//                             <-    Welcome, PolicyProfile..., EngineStatus
//     VerifyToken (id)        ->
//                             <-    TokenVerified | Failed          (last)
//     Submit (id)             ->
//                             <-    ContainerDocument, StreamOpened, Chunk ... (one credit each)
//                             <-    any of these, Done, ContainerStarted or Failed (last)
//     Refused (id 0)          ->    (for the audit; no answer)
//     Credit, Cancel (id of an open request; Credit at most what was spent)
// Ids rise strictly within one channel. Everything else is a breach.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>
#include "common/commands.hpp"
#include "common/wire.hpp"
#include "policy/profile.hpp"

namespace dc {

// A broker-made name for "this token, verified, on this channel, until its expiry". 128 random
// bits.
struct Handle final {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.high, self.low); };
  friend auto operator<=>(const Handle&, const Handle&) = default;
};

// --- front to broker ---------------------------------------------------------------------------

struct Hello final {
  std::uint32_t pid = 0;  // for the log only
  static constexpr auto fields = [](auto& self) { return std::tie(self.pid); };
};

struct VerifyToken final {
  Text<limits::kToken> token;
  Text<64> peer;  // the client's address, for the audit
  static constexpr auto fields = [](auto& self) { return std::tie(self.token, self.peer); };
};

struct Submit final {
  Handle handle;
  Text<64> peer;
  Command command;
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.handle, self.peer, self.command);
  };
};

// For the audit alone: what the front has refused by itself. Never executed, never answered; the
// line says that it is the front's word.
struct Refused final {
  Handle handle;
  Text<64> peer;
  std::uint8_t operation = 0;  // index in kOperations
  Errc code = Errc::internal;
  std::optional<Command> command;  // absent: refused before there was a valid one
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.handle, self.peer, self.operation, self.code, self.command);
  };
};

struct Credit final {
  std::uint32_t frames = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.frames); };
};

struct Cancel final {
  std::uint8_t reserved = 0;  // an aggregate without members would have no fields
  static constexpr auto fields = [](auto& self) { return std::tie(self.reserved); };
};

using ToBroker = std::variant<Hello, VerifyToken, Submit, Refused, Credit, Cancel>;

// --- broker to front ---------------------------------------------------------------------------

// What the front needs to know to serve; sent once, in answer to Hello.
struct Welcome final {
  bool policy_check = true;  // false in tests: the broker alone decides
  bool dev = false;
  std::uint32_t max_connections = limits::kConnections;
  std::uint32_t max_connections_per_address = limits::kConnectionsPerAddress;
  std::vector<Authority> hosts;  // that requests may be for; empty: any
  std::vector<Origin> cors_origins;
  bool public_metrics = false;  // the metrics need no token
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.policy_check, self.dev, self.max_connections,
                    self.max_connections_per_address, self.hosts, self.cors_origins,
                    self.public_metrics);
  };
};

// One profile of a new policy. The front swaps when it has all `count`; verified tokens are
// forgotten.
struct PolicyProfile final {
  std::uint64_t generation = 0;
  std::uint32_t count = 0;  // profiles of this generation; 0 with no profile: an empty policy
  std::optional<policy::Profile> profile;
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.generation, self.count, self.profile);
  };
};

enum class EngineState : std::uint8_t { unknown, up, down };
constexpr EngineState enum_last(EngineState) { return EngineState::down; }
enum class DiskState : std::uint8_t { unknown, ok, low };
constexpr DiskState enum_last(DiskState) { return DiskState::low; }

// Sent with each ping of the Engine, so that health and metrics cost neither side a request.
struct EngineStatus final {
  EngineState engine = EngineState::unknown;
  DiskState disk = DiskState::unknown;
  bool policy_stale = false;  // the newest policy file was refused; the one before it is in force
  // For the metrics.
  std::uint32_t ping_us = 0;  // how long the Engine took to answer the last ping
  std::uint32_t front_starts = 0;
  std::uint32_t breaches = 0;
  std::uint32_t pulls = 0;    // under way
  std::uint32_t streams = 0;  // open
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.engine, self.disk, self.policy_stale, self.ping_us, self.front_starts,
                    self.breaches, self.pulls, self.streams);
  };
};

// Finish what is open, take nothing new, then end.
struct Drain final {
  std::uint8_t reserved = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.reserved); };
};

struct TokenVerified final {
  Handle handle;
  ServiceName service;
  Scopes scopes;               // the profile's, narrowed by the token's
  std::uint32_t lifetime = 0;  // milliseconds for which the handle holds
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.handle, self.service, self.scopes, self.lifetime);
  };
};

struct Failed final {
  Errc code = Errc::internal;
  Text<1024> detail;
  Text<512> hint;
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.code, self.detail, self.hint);
  };
  static Failed of(const Error& error) {
    return Failed{error.code, Text<1024>::clip(error.detail), Text<512>::clip(error.hint)};
  }
  [[nodiscard]] Error error() const { return {code, detail.str(), hint.str()}; }
};

struct Done final {
  std::uint8_t reserved = 0;
  static constexpr auto fields = [](auto& self) { return std::tie(self.reserved); };
};

// Answer to RunContainer.
struct ContainerStarted final {
  ContainerId id;
  Text<256> name;
  wire::Blob port_bindings;                // JSON object, as the Engine's HostConfig.PortBindings
  std::optional<std::uint32_t> exit_code;  // with detach=false
  std::uint32_t logs_size = 0;  // with detach=false: bytes in the Chunks before this frame
  bool logs_truncated = false;  // only the last limits::kRunLogs bytes were kept
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.id, self.name, self.port_bindings, self.exit_code, self.logs_size,
                    self.logs_truncated);
  };
};

// One container: its inspect document of `size` bytes as the caller may see it, first those in
// `data`, the rest in Chunks of the same id. The front finds its parts (daemon/render.cpp).
struct ContainerDocument final {
  std::vector<Text<1024>> image_tags;
  std::uint32_t size = 0;
  wire::Blob data;
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.image_tags, self.size, self.data);
  };
};

// Before the first Chunk of a log.
struct StreamOpened final {
  bool tty = false;          // of a container: one plain stream, not Docker's frames of two
  Text<limits::kPath> file;  // of a service's log
  static constexpr auto fields = [](auto& self) { return std::tie(self.tty, self.file); };
};

// A piece of a log, or of a JSON value that the front passes on. A followed pull: one value each.
struct Chunk final {
  wire::Blob data;
  static constexpr auto fields = [](auto& self) { return std::tie(self.data); };
};

using ToFront = std::variant<Welcome, PolicyProfile, EngineStatus, Drain, TokenVerified, Failed,
                             Done, ContainerStarted, ContainerDocument, StreamOpened, Chunk>;

// Instantiated once, in messages.cpp: the codec is what costs the most to compile.
namespace wire {
extern template std::string encode_frame(std::uint64_t, bool, const ToBroker&);
extern template std::string encode_frame(std::uint64_t, bool, const ToFront&);
extern template std::optional<Frame<ToBroker>> decode_frame(std::string_view);
extern template std::optional<Frame<ToFront>> decode_frame(std::string_view);
}  // namespace wire

}  // namespace dc
