// SPDX-License-Identifier: Apache-2.0
// The grammar of image references. Both sides; pure functions of untrusted text. Where the Engine's
// own parser is more liberal than these rules, they refuse; where they accept, both read the same.
#include "common/image_ref.hpp"
#include <charconv>
#include <cstdint>
#include <optional>
#include "common/limits.hpp"

namespace dc {
namespace {

using std::string_view;

constexpr string_view kHub = "docker.io";
constexpr string_view kLegacyHub = "index.docker.io";
constexpr string_view kOfficial = "library/";
constexpr string_view kDigestPrefix = "sha256:";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
constexpr bool is_repository_alnum(char c) { return is_digit(c) || is_lower(c); }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
constexpr bool is_reference_char(char c) {
  return is_alnum(c) || string_view("._:/@-[]").find(c) != string_view::npos;
}

bool all_of(string_view text, bool (*accept)(char)) {
  for (char c : text) {
    if (!accept(c)) return false;
  }
  return true;
}

bool is_hex64(string_view text) { return text.size() == 64 && all_of(text, is_hex); }

bool is_digest(string_view text) {
  return text.starts_with(kDigestPrefix) && is_hex64(text.substr(kDigestPrefix.size()));
}

bool is_tag(string_view text) {
  return !text.empty() && text.size() <= limits::kTag && text.front() != '.' &&
         text.front() != '-' &&
         all_of(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

// Calls accept on each piece of text between separators; true when it accepts them all.
bool each_part(string_view text, char separator, bool (*accept)(string_view)) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!accept(text.substr(0, end))) return false;
    if (end == string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_repository_part(string_view part) {
  if (part.empty() || !is_repository_alnum(part.front()) || !is_repository_alnum(part.back())) {
    return false;
  }
  for (std::size_t i = 0; i < part.size();) {
    std::size_t end = i;
    while (end < part.size() && !is_repository_alnum(part[end])) ++end;
    const string_view separator = part.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == string_view::npos;  // or none at all
    if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    i = end + 1;
  }
  return true;
}

bool is_host_label(string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_port(string_view text) {
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  return problem == std::errc() && end == text.data() + text.size() && port != 0;
}

// "ghcr.io", "localhost:5000", "[::1]:5000".
bool is_host(string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == string_view::npos || close == 1) return false;
    const auto is_ipv6_char = [](char c) {
      return is_hex(c) || (c >= 'A' && c <= 'F') || c == ':';
    };
    if (!all_of(text.substr(1, close - 1), is_ipv6_char)) return false;
    end = close + 1;
  } else {
    end = text.find(':');
    if (!each_part(text.substr(0, end), '.', is_host_label)) return false;
  }
  if (end == string_view::npos || end == text.size()) return true;
  return text[end] == ':' && is_port(text.substr(end + 1));
}

// The Engine's own test of whether what stands before the first slash is a registry.
bool names_host(string_view first) {
  if (first == "localhost") return true;
  for (char c : first) {
    if (c == '.' || c == ':' || is_upper(c)) return true;
  }
  return false;
}

struct Name {
  string_view domain;
  std::string repository;
};

Name split_domain(string_view name) {
  const std::size_t slash = name.find('/');
  const bool has_host = slash != string_view::npos && names_host(name.substr(0, slash));
  string_view domain = has_host ? name.substr(0, slash) : kHub;
  const string_view path = has_host ? name.substr(slash + 1) : name;
  if (domain == kLegacyHub) domain = kHub;
  const bool official = domain == kHub && path.find('/') == string_view::npos;
  return {domain, std::string(official ? kOfficial : string_view()) + std::string(path)};
}

struct Parts {
  string_view name;
  std::optional<string_view> tag, digest;
};

// A colon begins a tag only after the last slash; before it stands the registry's port.
Parts split_version(string_view text) {
  Parts parts;
  if (const std::size_t at = text.find('@'); at != string_view::npos) {
    parts.digest = text.substr(at + 1);
    text = text.substr(0, at);
  }
  const std::size_t colon = text.rfind(':');
  const std::size_t slash = text.rfind('/');
  if (colon != string_view::npos && (slash == string_view::npos || colon > slash)) {
    parts.tag = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  parts.name = text;
  return parts;
}

tl::unexpected<Error> invalid(string_view what) {
  return fail(Errc::invalid_request, std::string(what));
}

Result<Parts> split(string_view text) {
  if (text.empty()) return invalid("must not be empty");
  if (text.size() > limits::kImageReference) return invalid("must be at most 512 bytes");
  if (!all_of(text, is_reference_char)) {
    return invalid("must hold nothing but A-Z a-z 0-9 . _ - : / @ [ ]");
  }
  if (is_hex64(text) || text.starts_with(kDigestPrefix)) {
    return invalid("must name a repository, not an image id");
  }
  return split_version(text);
}

}  // namespace

Result<ImageRef> ImageRef::parse(string_view text) {
  const auto parts = split(text);
  if (!parts) return fail(parts.error());
  if (parts->tag && !is_tag(*parts->tag)) {
    return invalid("must have a tag of 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -");
  }
  if (parts->digest && !is_digest(*parts->digest)) {
    return invalid("must have a digest of sha256: and 64 lower-case hexadecimal digits");
  }
  const Name name = split_domain(parts->name);
  if (!is_host(name.domain)) {
    return invalid("must begin with a registry such as ghcr.io or localhost:5000");
  }
  if (!each_part(name.repository, '/', is_repository_part)) {
    return invalid(
        "must have a repository of a-z 0-9, with single . _ - or __ between them, "
        "in parts separated by /");
  }
  if (name.domain.size() + 1 + name.repository.size() > limits::kRepository) {
    return invalid("must have at most 255 bytes of registry and repository");
  }
  ImageRef ref;
  ref.domain_ = name.domain;
  ref.repository_ = name.repository;
  if (parts->digest) {
    ref.digest_ = *parts->digest;
  } else {
    ref.tag_ = parts->tag.value_or("latest");
  }
  ref.canonical_ = ref.name() + (parts->digest ? "@" + ref.digest_ : ":" + ref.tag_);
  return ref;
}

Result<ImageRef> ImageRef::parse(string_view name, string_view tag) {
  const auto parts = split(name);
  if (!parts) return fail(parts.error());
  if (parts->tag || parts->digest) {
    return invalid("must not carry a tag or digest when the tag is given on its own");
  }
  if (!is_tag(tag)) {
    return invalid("must have a tag of 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -");
  }
  return parse(std::string(name) + ":" + std::string(tag));
}

std::string ImageRef::familiar() const {
  for (const std::string_view implied : {"docker.io/library/", "docker.io/"}) {
    if (canonical_.starts_with(implied)) return canonical_.substr(implied.size());
  }
  return canonical_;
}

std::string ImageRef::name() const { return domain_ + "/" + repository_; }

}  // namespace dc
