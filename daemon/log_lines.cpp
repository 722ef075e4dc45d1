// SPDX-License-Identifier: Apache-2.0
// Lines of a container's output. Front only; see the head of log_lines.hpp.
#include "daemon/log_lines.hpp"
#include <algorithm>
#include <array>
#include <cstdint>

namespace dc::daemon {
namespace {

struct Word {
  std::string_view text;
  std::uint8_t rank;  // in kTypes; the highest in a line counts
};
constexpr std::array<std::string_view, 4> kTypes = {"log", "event", "warning", "error"};
// Sorted by their first letter. WARN stands for WARNING too.
constexpr std::array<Word, 9> kWords = {{{"ERROR", 3},
                                         {"EXCEPTION", 3},
                                         {"FAILED", 3},
                                         {"FATAL", 3},
                                         {"INFO", 1},
                                         {"LISTENING", 1},
                                         {"READY", 1},
                                         {"STARTED", 1},
                                         {"WARN", 2}}};

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Where the words that begin with a byte are found in kWords; its size where there is none.
constexpr auto kFirstWord = [] {
  std::array<std::uint8_t, 256> first{};
  for (std::size_t byte = 0; byte < first.size(); ++byte) {
    std::size_t at = 0;
    while (at < kWords.size() && kWords[at].text[0] != upper(static_cast<char>(byte))) ++at;
    first[byte] = static_cast<std::uint8_t>(at);
  }
  return first;
}();

bool begins_with(std::string_view text, std::string_view upper_case) {
  return text.size() >= upper_case.size() &&
         std::equal(upper_case.begin(), upper_case.end(), text.begin(),
                    [](char a, char b) { return a == upper(b); });
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the bytes that `fits` off the front of `text`; false: there were none.
template <class Fits>
bool take_some(std::string_view& text, const Fits& fits) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), fits);
  const auto size = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(size);
  return size > 0;
}

bool take_text(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
constexpr bool is_lead(char c) { return static_cast<unsigned char>(c) >= 0xc0; }

}  // namespace

void LineCutter::fill(std::string_view& text) {
  const std::size_t size = limits::kLogLine - begun_.size();
  begun_ += text.substr(0, size);
  text.remove_prefix(size);
}

// How much of what has begun may go out when `next` is the byte after it: where the cut would be in
// a sequence, what is before that. Of four bytes in a row at least one is no continuation.
std::size_t LineCutter::piece_size(char next) const {
  if (!is_continuation(next)) return begun_.size();
  for (std::size_t back = 1; back <= 3; ++back) {
    if (is_lead(begun_[begun_.size() - back])) return begun_.size() - back;
  }
  return begun_.size();
}

std::string_view line_type(std::string_view line) {
  std::uint8_t rank = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    std::size_t word = kFirstWord[static_cast<unsigned char>(line[at])];
    if (word == kWords.size()) continue;
    for (const char first = upper(line[at]); word < kWords.size() && kWords[word].text[0] == first;
         ++word) {
      if (kWords[word].rank > rank && begins_with(line.substr(at), kWords[word].text)) {
        rank = kWords[word].rank;
      }
    }
    if (rank == kTypes.size() - 1) break;
  }
  return kTypes[rank];
}

bool is_access_line(std::string_view line) {
  const auto space = [](char c) { return c == ' ' || c == '\t'; };
  if (!take_text(line, "INFO:") || !take_some(line, space)) return false;
  // The peer: an address, a colon and a port.
  const std::string_view peer = line.substr(0, line.find(' '));
  const std::size_t colon = peer.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  std::string_view port = peer.substr(colon + 1);
  if (!take_some(port, is_digit) || !port.empty()) return false;
  line.remove_prefix(peer.size());
  const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (!take_text(line, " - \"") || !take_some(line, letter) || !take_text(line, " ")) return false;
  // Nothing that the path holds can be taken for its end: uvicorn escapes it.
  const std::size_t version = line.find(" HTTP/");
  if (version == std::string_view::npos || version == 0) return false;
  line.remove_prefix(version + std::string_view(" HTTP/").size());
  const auto number = [](char c) { return is_digit(c) || c == '.'; };
  if (!take_some(line, number) || !take_text(line, "\" ")) return false;
  const std::string_view status = line.substr(0, line.find(' '));
  return status.size() == 3 && std::all_of(status.begin(), status.end(), is_digit);
}

}  // namespace dc::daemon
