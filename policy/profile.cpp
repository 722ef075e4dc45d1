// SPDX-License-Identifier: Apache-2.0
// Image entries, device entries and names of the policy. Both sides. Entries are the
// administrator's, but are parsed by the rules for client input, and compared part by part, never
// as text.
#include "policy/profile.hpp"
#include "common/text_rules.hpp"

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

namespace {

constexpr std::string_view kNumber = "[0-9]+";

// The next part of a path and, in `path`, the rest.
std::string_view take_part(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 && (text.size() == 1 || text.front() != '0') &&
         rules::all_of(text, rules::is_digit);
}

bool part_matches(std::string_view pattern, std::string_view part) {
  const std::size_t number = pattern.find(kNumber);
  if (number == std::string_view::npos) return pattern == part;
  const std::string_view before = pattern.substr(0, number);
  const std::string_view after = pattern.substr(number + kNumber.size());
  return part.size() > before.size() + after.size() && part.starts_with(before) &&
         part.ends_with(after) &&
         is_number(part.substr(before.size(), part.size() - before.size() - after.size()));
}

bool path_matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    if (!part_matches(take_part(pattern), take_part(path))) return false;
  }
  return pattern.empty() && path.empty();
}

}  // namespace

Result<DevicePattern> DevicePattern::parse(std::string_view text) {
  // With a number in each place it has to be a device's path.
  std::string probe(text);
  std::size_t place = 0;
  while ((place = probe.find(kNumber)) != std::string::npos)
    probe.replace(place, kNumber.size(), "0");
  std::string_view rest = text;
  bool twice = false;
  while (rest.starts_with('/')) {
    const std::string_view part = take_part(rest);
    const std::size_t first = part.find(kNumber);
    twice = twice || (first != std::string_view::npos && part.rfind(kNumber) != first);
  }
  if (twice || !DevicePath::parse(probe)) {
    return fail(Errc::invalid_request,
                "must be a path under /dev in which [0-9]+, once in a part, stands for a number");
  }
  return DevicePattern(text);
}

bool DevicePattern::matches(std::string_view path) const {
  return path.starts_with('/') && path_matches(text_, path);
}

bool DevicePattern::is_in(std::string_view path) const {
  return path.starts_with('/') &&
         path_matches(std::string_view(text_).substr(0, text_.rfind('/')), path);
}

bool NamePatternRule::accepts(std::string_view text) {
  if (text.ends_with('*')) text.remove_suffix(1);
  return NetworkNameRule::accepts(text);
}

bool matches(const NamePattern& pattern, std::string_view name) {
  const std::string_view text = pattern.view();
  if (!text.ends_with('*')) return text == name;
  return name.starts_with(text.substr(0, text.size() - 1));
}

}  // namespace dc::policy
