// SPDX-License-Identifier: Apache-2.0
// The POSIX rules of Python's shlex, not the shell's: no comments, no expansion, and a backslash
// before a newline keeps the newline; daemon_shlex_test.cpp compares the two. Front only.
#include "daemon/shlex.hpp"

namespace dc::daemon {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;  // also for a word that is empty so far: '' is one
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'') {
      if (++i == text.size()) return fail(Errc::invalid_request, "No escaped character");
      // Inside double quotes only the quote and the backslash lose their backslash.
      if (quote != 0 && text[i] != quote && text[i] != '\\') word += '\\';
      word += text[i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (!is_space(c)) {
      word += c;
      in_word = true;
    } else if (in_word) {
      words.push_back(std::exchange(word, {}));
      in_word = false;
    }
  }
  if (quote != 0) return fail(Errc::invalid_request, "No closing quotation");
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace dc::daemon
