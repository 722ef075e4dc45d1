// SPDX-License-Identifier: Apache-2.0
// Validated value types. Each has one parse(), which the front calls on client input and the
// decoder calls again in the broker; there is no other way to make one. Trusts nothing.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include "common/error.hpp"
#include "common/limits.hpp"

namespace dc {

// A string that satisfies Rule: `static bool accepts(std::string_view)` and
// `static constexpr std::string_view kExpected`, the predicate of the error sentence ("must be
// ...").
template <class Rule>
class Checked {
 public:
  // Errc::invalid_request when Rule refuses; the detail names the rule, never the bytes.
  static Result<Checked> parse(std::string_view text) {
    if (!Rule::accepts(text)) return fail(Errc::invalid_request, std::string(Rule::kExpected));
    return Checked(std::string(text));
  }
  [[nodiscard]] std::string_view view() const& { return text_; }
  std::string_view view() && = delete;
  [[nodiscard]] const std::string& str() const& { return text_; }
  friend bool operator==(const Checked&, const Checked&) = default;
  friend auto operator<=>(const Checked&, const Checked&) = default;

 private:
  explicit Checked(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

bool is_plain_text(std::string_view text);  // valid UTF-8 without NUL

// Free text of at most Max bytes: valid UTF-8, no NUL.
template <std::size_t Max>
class Text {
 public:
  Text() = default;
  static Result<Text> parse(std::string_view text) {
    if (text.size() > Max) {
      return fail(Errc::invalid_request, "must be at most " + std::to_string(Max) + " bytes");
    }
    if (!is_plain_text(text)) {
      return fail(Errc::invalid_request, "must be valid UTF-8 without NUL");
    }
    return Text(std::string(text));
  }
  // For our own messages and the Engine's: cuts to Max and replaces what is not printable ASCII.
  static Text clip(std::string_view text) {
    std::string out(text.substr(0, Max));
    for (char& c : out) {
      if (c < 0x20 || c > 0x7e) c = '?';
    }
    return Text(std::move(out));
  }
  [[nodiscard]] std::string_view view() const& { return text_; }
  std::string_view view() && = delete;
  [[nodiscard]] const std::string& str() const& { return text_; }
  friend bool operator==(const Text&, const Text&) = default;

 private:
  explicit Text(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct ContainerRefRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be a container name, id or id prefix: 1 to 128 of A-Z a-z 0-9 _ . -, "
      "beginning with a letter or digit";
};
// A container as a caller names it: name, full id or unambiguous id prefix.
using ContainerRef = Checked<ContainerRefRule>;

struct ContainerNameRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be 2 to 63 of A-Z a-z 0-9 _ . -, beginning with a letter or digit, "
      "and must not look like a container id (12 to 64 hexadecimal digits)";
};
// A new container's name. Names like ids are refused: the Engine looks names up before id prefixes.
using ContainerName = Checked<ContainerNameRule>;

struct ContainerIdRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected = "must be 64 hexadecimal digits";
};
using ContainerId = Checked<ContainerIdRule>;  // full id; the only form that enters an Engine URL
using NetworkId = Checked<ContainerIdRule>;
using ExecId = Checked<ContainerIdRule>;

struct ImageIdRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected = "must be sha256: and 64 hexadecimal digits";
};
using ImageId = Checked<ImageIdRule>;

struct NetworkNameRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be 1 to 63 of A-Z a-z 0-9 _ . -, beginning with a letter or digit";
};
using NetworkName = Checked<NetworkNameRule>;

// With _ inside a label, as Docker takes it: clients name the host like its container.
struct HostNameRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be a host name: 1 to 63 of A-Z a-z 0-9, with - and _ inside labels and . between them";
};
using HostName = Checked<HostNameRule>;

struct UserSpecRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be user or user:group, each a number or a name of A-Z a-z 0-9 _ . -";
};
using UserSpec = Checked<UserSpecRule>;

struct WorkingDirRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be an absolute path without . or .. parts, not under /proc, /sys or /dev";
};
// A directory inside the container. /proc/self/fd/N would be the host's (CVE-2024-21626).
using WorkingDir = Checked<WorkingDirRule>;

struct VariableNameRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected = "must be A-Z a-z 0-9 _ and not begin with a digit";
};
using VariableName = Checked<VariableNameRule>;

struct LabelKeyRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be 1 to 128 of A-Z a-z 0-9 _ . - / and not begin with docker-control.";
};
// A label key outside our own namespace.
using LabelKey = Checked<LabelKeyRule>;

struct ServiceNameRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected = "must be 1 to 128 of A-Z a-z 0-9 . _ : @ -";
};
// The caller: claim `service`, else `sub`; names a profile of the policy.
using ServiceName = Checked<ServiceNameRule>;

struct DirectoryPathRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be an absolute path of at most 1024 bytes, without .. parts and control characters";
};
using DirectoryPath = Checked<DirectoryPathRule>;  // inside a container

struct PullIdRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected = "must be 1 to 64 of A-Z a-z 0-9 _ . -";
};
using PullId = Checked<PullIdRule>;  // the caller's name for a pull

struct AuthorityRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be HOST or HOST:PORT, such as docker-control:8002 or [::1]:8002";
};
// What a Host header names: RFC 9110 section 7.2, without the forms that nobody needs.
using Authority = Checked<AuthorityRule>;

struct OriginRule {
  static bool accepts(std::string_view text);
  static constexpr std::string_view kExpected =
      "must be SCHEME://HOST or SCHEME://HOST:PORT as browsers send it: http or https, lower case, "
      "no path, no *, and without the port that the scheme implies";
};
// A web page's origin (RFC 6454), in the one spelling that a browser uses.
using Origin = Checked<OriginRule>;

using Argument = Text<limits::kArgumentBytes>;

// A registry's password or token: kept out of the audit and overwritten when it goes.
class Password {
 public:
  // Errc::invalid_request: empty, over limits::kPassword, or with control characters.
  static Result<Password> parse(std::string_view text);
  Password(Password&&) = default;
  Password(const Password&) = default;
  Password& operator=(const Password&) = delete;
  Password& operator=(Password&& other) noexcept;
  ~Password();
  [[nodiscard]] std::string_view view() const& { return text_; }
  std::string_view view() && = delete;
  friend bool operator==(const Password&, const Password&) = default;

 private:
  explicit Password(std::string_view text) : text_(text) {}
  std::string text_;
};

// Overwrites all that a string has room for, so that nothing stays in freed memory, and empties it.
void wipe(std::string& text);

struct RegistryLogin final {
  Text<256> username;
  Password password;
  std::optional<Text<256>> server;  // absent: the registry of the image
  static constexpr auto kFields =
      std::to_array<std::string_view>({"username", "password", "serveraddress"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.username, self.password, self.server);
  };
};

// Prefix of the labels that only the broker may set.
inline constexpr std::string_view kLabelNamespace = "docker-control.";

struct Variable final {
  VariableName name;
  Text<limits::kVariableBytes> value;
  static constexpr auto fields = [](auto& self) { return std::tie(self.name, self.value); };
};

struct Label final {
  LabelKey key;
  Text<limits::kLabelValue> value;
  static constexpr auto kFields = std::to_array<std::string_view>({"key", "value"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.key, self.value); };
};

enum class Protocol : std::uint8_t { tcp, udp };
constexpr Protocol enum_last(Protocol) { return Protocol::udp; }
constexpr std::string_view enum_name(Protocol protocol) {
  return protocol == Protocol::tcp ? "tcp" : "udp";
}

// One published port. No host port: the Engine chooses an ephemeral one.
struct Port final {
  std::uint16_t container = 0;
  Protocol protocol = Protocol::tcp;
  std::optional<std::uint16_t> host;
  static constexpr auto kFields =
      std::to_array<std::string_view>({"container", "protocol", "host"});
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.container, self.protocol, self.host);
  };
};

enum class Restart : std::uint8_t { no, on_failure, always, unless_stopped };
constexpr Restart enum_last(Restart) { return Restart::unless_stopped; }
std::string_view enum_name(Restart restart);  // Docker's spelling
std::optional<Restart> parse_restart(std::string_view name);

struct RestartPolicy final {
  Restart kind = Restart::no;
  std::uint32_t retries =
      0;  // only with on_failure; 0 leaves it to the Engine, which retries for ever
  static constexpr auto kFields = std::to_array<std::string_view>({"kind", "retries"});
  static constexpr auto fields = [](auto& self) { return std::tie(self.kind, self.retries); };
};

enum class ContainerState : std::uint8_t {
  created,
  running,
  paused,
  restarting,
  removing,
  exited,
  dead
};
constexpr ContainerState enum_last(ContainerState) { return ContainerState::dead; }
std::string_view enum_name(ContainerState state);
std::optional<ContainerState> parse_state(std::string_view name);

// A log file of the host; its path is the configuration's.
enum class ServiceLog : std::uint8_t { service, startup, fastapi };
constexpr ServiceLog enum_last(ServiceLog) { return ServiceLog::fastapi; }
std::string_view enum_name(ServiceLog log);

// "32G", "512m", "1024" -> bytes. Units b k m g t with optional b or ib, any case, powers of 1024;
// no sign, space or exponent. nullopt when malformed or over 2^63-1.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace dc
