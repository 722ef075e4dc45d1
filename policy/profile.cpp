// SPDX-License-Identifier: Apache-2.0
// Image entries and addresses of the policy. Both sides. Entries are the administrator's, but are
// parsed by the rules for client input, and compared part by part, never as text.
#include "policy/profile.hpp"
#include <arpa/inet.h>
#include <array>

namespace dc::policy {
namespace {

// Appended to a prefix, it makes a reference whose parse gives the prefix's parts. Two parts, so
// that "docker.io/" stands for all of that registry and not for its library/.
constexpr std::string_view kProbe = "x/x";

bool looks_like_host(std::string_view name) {
  return name == "localhost" || name.find('.') != std::string_view::npos;
}

}  // namespace

Result<ImagePattern> ImagePattern::parse(std::string_view text) {
  ImagePattern pattern;
  pattern.text_ = text;
  const std::string_view stem = text.substr(0, text.empty() ? 0 : text.size() - 1);
  if (text.ends_with('/')) {
    auto probe = ImageRef::parse(std::string(text) + std::string(kProbe));
    if (!probe) return fail(probe.error());
    pattern.kind_ = Kind::prefix;
    pattern.domain_ = probe->domain();
    pattern.repository_ = probe->repository();
    pattern.repository_.resize(pattern.repository_.size() - kProbe.size());
    return pattern;
  }
  const std::string_view before_colon = text.substr(0, text.find(':'));
  if (text.find('/') == std::string_view::npos && looks_like_host(before_colon)) {
    return fail(Errc::invalid_request, "must end in / when it names a whole registry");
  }
  if (text.ends_with(':')) {
    auto every = ImageRef::parse(stem, "latest");
    if (!every) return fail(every.error());
    pattern.kind_ = Kind::repository;
    pattern.domain_ = every->domain();
    pattern.repository_ = every->repository();
    return pattern;
  }
  if (ImageRef::parse(text, "latest")) {
    const std::string name(text);
    return fail(Errc::invalid_request, "must have an ending: write \"" + name +
                                           ":\" for every tag or \"" + name + ":latest\"");
  }
  auto exact = ImageRef::parse(text);
  if (!exact) return fail(exact.error());
  pattern.kind_ = Kind::reference;
  pattern.domain_ = exact->domain();
  pattern.repository_ = exact->repository();
  pattern.version_ = exact->digest().empty() ? exact->tag() : exact->digest();
  return pattern;
}

bool ImagePattern::matches(const ImageRef& image) const {
  if (image.domain() != domain_) return false;
  switch (kind_) {
    case Kind::prefix: return image.repository().starts_with(repository_);
    case Kind::repository: return image.repository() == repository_;
    case Kind::reference:
      return image.repository() == repository_ &&
             (image.digest().empty() ? image.tag() : image.digest()) == version_;
  }
  return false;
}

bool AddressRule::accepts(std::string_view text) {
  const std::string terminated(text);
  if (text.find('\0') != std::string_view::npos) return false;
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, terminated.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, terminated.c_str(), parsed.data()) == 1;
}

}  // namespace dc::policy
