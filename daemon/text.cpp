// SPDX-License-Identifier: Apache-2.0
// Escaping. Front only; every input may be hostile.
#include "daemon/text.hpp"

namespace dc::daemon {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

}  // namespace

std::string escape(std::string_view bytes, std::size_t max) {
  std::string out;
  for (char c : bytes.substr(0, max)) {
    if (c >= 0x20 && c <= 0x7e && c != '\\' && c != '"') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  if (bytes.size() > max) out += "...";
  return out;
}

std::string quote(std::string_view bytes) { return '"' + escape(bytes, 64) + '"'; }

}  // namespace dc::daemon
