// SPDX-License-Identifier: Apache-2.0
// The rules of the validated types. Both sides; pure functions of untrusted text.
#include "common/types.hpp"
#include <simdjson.h>
#include <string.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include "common/text_rules.hpp"

namespace dc {
namespace {

using namespace rules;

bool is_not_control(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }

bool is_absolute_path(std::string_view text) {
  return !text.empty() && text.size() <= limits::kPath && text.front() == '/' &&
         is_plain_text(text);
}

// Whether a part between slashes, the last one if it is not empty, is `unwanted`.
bool has_part(std::string_view path, bool (*unwanted)(std::string_view)) {
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    if (unwanted(rest.substr(0, slash))) return true;
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return false;
}

}  // namespace

bool is_plain_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos &&
         simdjson::validate_utf8(text.data(), text.size());
}

bool ContainerRefRule::accepts(std::string_view text) {
  return is_name(text, limits::kContainerRef);
}
bool ContainerNameRule::accepts(std::string_view text) {
  return text.size() >= 2 && is_name(text, limits::kName) && !is_id_like(text);
}
bool ContainerIdRule::accepts(std::string_view text) {
  return text.size() == 64 && all_of(text, is_hex);
}
bool ImageIdRule::accepts(std::string_view text) {
  return text.substr(0, 7) == "sha256:" && ContainerIdRule::accepts(text.substr(7));
}
bool NetworkNameRule::accepts(std::string_view text) { return is_name(text, limits::kName); }

bool HostNameRule::accepts(std::string_view text) {
  if (text.empty() || text.size() > limits::kName) return false;
  char before = '.';
  for (char c : text) {
    if (!is_alnum(c) && c != '-' && c != '_' && c != '.') return false;
    // Empty label, or one that does not begin and end with a letter or digit.
    if ((before == '.' && !is_alnum(c)) || (c == '.' && !is_alnum(before))) return false;
    before = c;
  }
  return is_alnum(before);
}

bool AuthorityRule::accepts(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const std::size_t end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return false;
  const std::string_view host = text.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  const std::string_view port = text.substr(bracketed ? end + 1 : end);
  if (host.empty() || host.size() > limits::kHostHeader) return false;
  if (!all_of(host, bracketed ? is_address_char : is_host_char)) return false;
  return port.empty() ||
         (port.front() == ':' && port.size() <= 6 && all_of(port.substr(1), is_digit));
}

bool OriginRule::accepts(std::string_view text) {
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) return false;
  const std::string_view authority = text.substr(secure ? 8 : 7);
  return AuthorityRule::accepts(authority) && !authority.ends_with(':') &&
         !authority.ends_with(secure ? ":443" : ":80") &&
         all_of(authority, [](char c) { return c < 'A' || c > 'Z'; });
}

bool UserSpecRule::accepts(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return is_user_part(text);
  return is_user_part(text.substr(0, colon)) && is_user_part(text.substr(colon + 1));
}

bool WorkingDirRule::accepts(std::string_view text) {
  if (!is_absolute_path(text) || text.find('\\') != std::string_view::npos) return false;
  return !has_part(
             text,
             [](std::string_view part) { return part.empty() || part == "." || part == ".."; }) &&
         !is_under(text, "/proc") && !is_under(text, "/sys") && !is_under(text, "/dev");
}

bool DirectoryPathRule::accepts(std::string_view text) {
  return is_absolute_path(text) && all_of(text, is_not_control) &&
         !has_part(text, [](std::string_view part) { return part == ".."; });
}

bool PullIdRule::accepts(std::string_view text) {
  return !text.empty() && text.size() <= 64 && all_of(text, is_name_char);
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // what was moved away may still stand there
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

Result<Password> Password::parse(std::string_view text) {
  if (!text.empty() && text.size() <= limits::kPassword && is_plain_text(text) &&
      all_of(text, is_not_control)) {
    return Password(text);
  }
  return fail(Errc::invalid_request, "must be 1 to " + std::to_string(limits::kPassword) +
                                         " bytes of text without control characters");
}
Password& Password::operator=(Password&& other) noexcept {
  text_.swap(other.text_);
  return *this;
}
Password::~Password() { wipe(text_); }

bool VariableNameRule::accepts(std::string_view text) {
  return !text.empty() && text.size() <= 256 && !is_digit(text.front()) &&
         all_of(text, [](char c) { return is_alnum(c) || c == '_'; });
}

bool LabelKeyRule::accepts(std::string_view text) {
  if (text.empty() || text.size() > limits::kLabelKey) return false;
  if (!all_of(text, [](char c) { return is_name_char(c) || c == '/'; })) return false;
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return !lower.starts_with(kLabelNamespace);
}

bool ServiceNameRule::accepts(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         all_of(text, [](char c) { return is_name_char(c) || c == ':' || c == '@'; });
}

namespace {
constexpr std::array<std::string_view, 4> kRestartNames = {"no", "on-failure", "always",
                                                           "unless-stopped"};
constexpr std::array<std::string_view, 7> kStateNames = {
    "created", "running", "paused", "restarting", "removing", "exited", "dead"};
}  // namespace

std::string_view enum_name(Restart restart) {
  return kRestartNames[static_cast<std::size_t>(restart)];
}
std::optional<Restart> parse_restart(std::string_view name) {
  return find_enum<Restart>(kRestartNames, name);
}
std::string_view enum_name(ContainerState state) {
  return kStateNames[static_cast<std::size_t>(state)];
}
std::optional<ContainerState> parse_state(std::string_view name) {
  return find_enum<ContainerState>(kStateNames, name);
}
std::string_view enum_name(ServiceLog log) {
  constexpr std::array<std::string_view, 3> kNames = {"service", "startup", "fastapi"};
  return kNames[static_cast<std::size_t>(log)];
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || text.empty()) return std::nullopt;
  std::string unit(text.substr(static_cast<std::size_t>(end - text.data())));
  for (char& c : unit) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  unsigned shift = 0;
  if (!unit.empty() && unit != "b") {
    const std::size_t power = std::string_view("kmgt").find(unit[0]);
    if (power == std::string_view::npos) return std::nullopt;
    const std::string_view rest = std::string_view(unit).substr(1);
    if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
    shift = static_cast<unsigned>(power + 1) * 10;
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number > (kMax >> shift)) return std::nullopt;
  return number << shift;
}

}  // namespace dc
