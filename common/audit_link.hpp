// SPDX-License-Identifier: Apache-2.0
// The form of the audit's chain: the members that each line begins with, and the head that is kept
// beside the file. Broker, which writes them, and command line, which verifies them. A line may
// have been tampered with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dc {

struct AuditLink {
  std::uint64_t seq = 0;  // the first line's is 1
  std::string prev;       // SHA-256 of the line before it, without its newline
};

// `prev` of the first line ever.
inline constexpr std::string_view kNoLine =
    "0000000000000000000000000000000000000000000000000000000000000000";

// {"seq":N,"prev":"HASH"  what a line begins with; more members and the brace follow.
std::string begin_line(const AuditLink& link);
// The link of a whole line without its newline. nullopt: cut short, or not a line of ours.
std::optional<AuditLink> read_link(std::string_view line);

// The last line that was written: its number and its hash.
struct AuditHead {
  std::uint64_t seq = 0;
  std::string hash;
};

// "NNNNNNNNNNNNNNNNNNNN HASH\n": of one size, so that writing it over the last one is all.
inline constexpr std::size_t kHeadSize = 20 + 1 + 64 + 1;
std::string write_head(const AuditHead& head);
std::optional<AuditHead> read_head(std::string_view text);

}  // namespace dc
