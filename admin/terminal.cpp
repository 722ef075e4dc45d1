// SPDX-License-Identifier: Apache-2.0
// Escapes. Command line only.
#include "admin/terminal.hpp"
#include <algorithm>
#include "common/json_text.hpp"

namespace dc::admin {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: all are E2 80 or E2 81 and one byte more.
bool is_direction_mark(std::string_view text) {
  if (text.size() < 3 || text[0] != '\xE2') return false;
  const auto last = static_cast<unsigned char>(text[2]);
  if (text[1] == '\x81') return last >= 0xA6 && last <= 0xA9;
  return text[1] == '\x80' && (last == 0x8E || last == 0x8F || (last >= 0xAA && last <= 0xAE));
}

// By its first byte; 1 where the others are not there, so that none of what follows is swallowed.
std::size_t sequence_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead >= 0xF8   ? 1
                           : lead >= 0xF0 ? 4
                           : lead >= 0xE0 ? 3
                           : lead >= 0xC0 ? 2
                                          : 1;
  const std::string_view rest = text.substr(1, size - 1);
  const bool whole = rest.size() == size - 1 && std::all_of(rest.begin(), rest.end(), [](char c) {
                       return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
                     });
  return whole ? size : 1;
}

std::string direction_mark_escape(std::string_view text) {
  const unsigned low = (static_cast<unsigned>(text[1] & 0x3F) << 6) |
                       static_cast<unsigned>(text[2] & 0x3F);  // of U+2000 and what follows
  std::string out = "\\u2";
  for (const unsigned shift : {8U, 4U, 0U}) out += kHex[(low >> shift) & 0xF];
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    }
  }
  return out;
}

std::string printable_json(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const auto byte = static_cast<unsigned char>(line.front());
    std::size_t size = 1;
    if (byte >= 0x20 && byte < 0x7F) {
      out += line.front();
    } else if (is_direction_mark(line)) {
      size = 3;
      out += direction_mark_escape(line);
    } else {
      size = sequence_size(line);
      std::string quoted;
      append_json_string(quoted, line.substr(0, size));
      out += std::string_view(quoted).substr(1, quoted.size() - 2);
    }
    line.remove_prefix(size);
  }
  return out;
}

}  // namespace dc::admin
