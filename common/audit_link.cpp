// SPDX-License-Identifier: Apache-2.0
// Reading and writing the audit's links. Broker and command line.
#include "common/audit_link.hpp"
#include <algorithm>
#include <charconv>
#include "common/json_reader.hpp"

namespace dc {
namespace {

constexpr std::string_view kSeq = "{\"seq\":";
constexpr std::string_view kPrev = ",\"prev\":\"";

// Takes `prefix` off the front of `text`, if it is there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

std::optional<std::string> take_hash(std::string_view& text) {
  const std::string_view hash = text.substr(0, kNoLine.size());
  const bool hex = std::all_of(hash.begin(), hash.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (hash.size() != kNoLine.size() || !hex) return std::nullopt;
  text.remove_prefix(hash.size());
  return std::string(hash);
}

}  // namespace

std::string begin_line(const AuditLink& link) {
  return std::string(kSeq) + std::to_string(link.seq) + std::string(kPrev) + link.prev + '"';
}

std::optional<AuditLink> read_link(std::string_view line) {
  std::string_view rest = line;
  if (!take(rest, kSeq)) return std::nullopt;
  const auto seq = take_number(rest);
  if (!seq || !take(rest, kPrev)) return std::nullopt;
  auto prev = take_hash(rest);
  if (!prev || !take(rest, "\"") || !rest.ends_with('}')) return std::nullopt;
  const JsonText document{std::string(line)};
  if (!for_each_member(document.view(), [](auto, auto) {})) return std::nullopt;
  return AuditLink{*seq, std::move(*prev)};
}

std::string write_head(const AuditHead& head) {
  const std::string seq = std::to_string(head.seq);
  return std::string(20 - seq.size(), '0') + seq + ' ' + head.hash + '\n';
}

std::optional<AuditHead> read_head(std::string_view text) {
  if (text.size() != kHeadSize) return std::nullopt;
  const auto seq = take_number(text);
  if (!seq || !take(text, " ")) return std::nullopt;
  auto hash = take_hash(text);
  if (!hash || text != "\n") return std::nullopt;
  return AuditHead{*seq, std::move(*hash)};
}

}  // namespace dc
