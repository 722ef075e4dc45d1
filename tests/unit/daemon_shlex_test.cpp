// SPDX-License-Identifier: Apache-2.0
// daemon/shlex: cases by hand, then every short string over the special characters against Python's
// own shlex where this host has one.
#include <doctest/doctest.h>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>
#include "daemon/shlex.hpp"

using dc::daemon::split_words;
using Words = std::vector<std::string>;

TEST_CASE("shlex splits as Python's shlex.split") {
  const std::vector<std::pair<std::string, Words>> cases = {
      {"", {}},
      {"   ", {}},
      {"a", {"a"}},
      {" a \t b\nc\r", {"a", "b", "c"}},
      {"sh -c 'echo \"hi\"; sleep 1'", {"sh", "-c", "echo \"hi\"; sleep 1"}},
      {"a''b", {"ab"}},
      {"''", {""}},
      {"\"\" x", {"", "x"}},
      {"a\\ b", {"a b"}},
      {"\"a\\\"b\\\\c\\$\"", {"a\"b\\c\\$"}},
      {"'a\\b'", {"a\\b"}},
      {"a\\\nb", {"a\nb"}},
      {"# not a comment", {"#", "not", "a", "comment"}},
      {"a;b|c", {"a;b|c"}},
      {"\xc3\xa4 \xe2\x82\xac", {"\xc3\xa4", "\xe2\x82\xac"}},
  };
  for (const auto& [text, words] : cases) {
    CAPTURE(text);
    const auto split = split_words(text);
    REQUIRE(split);
    CHECK(*split == words);
  }
  CHECK(split_words("'a").error().detail == "No closing quotation");
  CHECK(split_words("\"a\\\"").error().detail == "No closing quotation");
  CHECK(split_words("a\\").error().detail == "No escaped character");
  CHECK(split_words("\"a\\").error().detail == "No escaped character");
}

namespace {

constexpr std::string_view kAlphabet = "a '\"\\\n$";

// One line of output for each input: words in hexadecimal, or "!" for an error.
std::string digest(std::string_view text) {
  const auto split = split_words(text);
  if (!split) return "!" + split.error().detail + "\n";
  std::string line;
  for (const auto& word : *split) {
    for (char c : word) {
      std::array<char, 3> hex{};
      std::snprintf(hex.data(), hex.size(), "%02x", static_cast<unsigned char>(c));
      line += hex.data();
    }
    line += ",";
  }
  return line + "\n";
}

constexpr const char* kPython =
    "/usr/bin/python3 -I -c '\n"
    "import itertools, shlex, sys\n"
    "for size in range(6):\n"
    "  for text in itertools.product(\"a \\x27\\x22\\\\\\n$\", repeat=size):\n"
    "    try:\n"
    "      print(\"\".join(w.encode().hex() + \",\" for w in shlex.split(\"\".join(text))))\n"
    "    except ValueError as e:\n"
    "      print(\"!\" + str(e))\n"
    "' 2>/dev/null";

std::string run(const char* command) {
  std::string output;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command, "r"), ::pclose);
  std::array<char, 4096> buffer{};
  while (pipe) {
    const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
    if (size == 0) break;
    output.append(buffer.data(), size);
  }
  return output;
}

}  // namespace

TEST_CASE("shlex agrees with Python on every string of up to five special characters") {
  const std::string expected = run(kPython);
  if (expected.empty()) {
    MESSAGE("no /usr/bin/python3 here: not compared");
    return;
  }
  std::string ours;
  std::vector<std::string> level = {""};
  for (int size = 0; size < 6; ++size) {
    std::vector<std::string> next;
    for (const auto& text : level) {
      ours += digest(text);
      for (char c : kAlphabet) next.push_back(text + c);
    }
    level = std::move(next);
  }
  CHECK(ours == expected);
}
