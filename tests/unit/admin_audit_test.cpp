// SPDX-License-Identifier: Apache-2.0
// The audit's command line: verifying, choosing, showing.
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "admin/audit_record.hpp"
#include "admin/audit_verify.hpp"
#include "admin/terminal.hpp"
#include "common/digest.hpp"

namespace {

using namespace dc;
using namespace dc::admin;

std::vector<std::string> chain_of(std::size_t count) {
  std::vector<std::string> lines;
  std::string prev(kNoLine);
  for (std::uint64_t seq = 1; seq <= count; ++seq) {
    lines.push_back(begin_line({seq, prev}) + R"(,"event":"result"})");
    prev = sha256_hex(lines.back());
  }
  return lines;
}

struct Verdict {
  std::vector<std::string> problems, notes;
};

Verdict verify(const std::vector<std::string>& lines, std::optional<AuditHead> before = {},
               const std::optional<AuditHead>& after = {}) {
  Verdict verdict;
  const auto into = [](std::vector<std::string>& list) {
    return [&list](const std::string& where, const std::string& what) {
      list.push_back(where + ' ' + what);
    };
  };
  ChainVerifier verifier(std::move(before), into(verdict.problems), into(verdict.notes));
  for (std::size_t i = 0; i < lines.size(); ++i) verifier.line("f", i + 1, lines[i]);
  verifier.finish(after);
  CHECK(verifier.problems() == verdict.problems.size());
  return verdict;
}

bool says(const Verdict& verdict, const std::string& text) {
  return verdict.problems.size() == 1 && verdict.problems[0].find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("a whole chain, and its end by the head") {
  const auto lines = chain_of(5);
  const AuditHead third{3, sha256_hex(lines[2])}, fourth{4, sha256_hex(lines[3])},
      last{5, sha256_hex(lines[4])};
  CHECK(verify(lines).problems.empty());
  CHECK(verify(lines, last, last).problems.empty());
  CHECK(verify(lines, third, last).problems.empty());     // a broker that lives
  CHECK(verify(lines, fourth, fourth).problems.empty());  // one that ended before the head
  CHECK(says(verify(lines, third, third), "f:5 goes on after the head"));
  CHECK(says(verify(lines, AuditHead{7, last.hash}, AuditHead{7, last.hash}),
             "f:5 the end is cut off: by the head, the lines with seq 6 to 7 are missing"));
  CHECK(says(verify(lines, AuditHead{5, third.hash}, AuditHead{5, third.hash}), "f:5 edited"));
  CHECK(says(verify({}, last, last), "cut off"));
  CHECK(verify({}).problems.empty());
}

TEST_CASE("files before the given ones are not missed") {
  auto lines = chain_of(5);
  lines.erase(lines.begin(), lines.begin() + 2);
  const auto verdict = verify(lines);
  CHECK(verdict.problems.empty());
  CHECK(verdict.notes.size() == 1);
}

TEST_CASE("each bit of a line counts") {
  const auto whole = chain_of(3);
  for (std::size_t at = 0; at < whole[1].size(); ++at) {
    auto lines = whole;
    lines[1][at] = static_cast<char>(lines[1][at] ^ 1);
    CHECK_FALSE(verify(lines).problems.empty());
  }
}

TEST_CASE("torn lines are in order only with their record") {
  auto lines = chain_of(2);
  const std::string torn = R"({"seq":3,"pr)";
  const auto record = [&](const std::string& hash) {
    return begin_line({3, sha256_hex(lines[1])}) + R"(,"event":"torn_line","torn":")" + hash +
           "\"}";
  };
  auto good = lines;
  good.insert(good.end(), {torn, torn, record(sha256_hex(torn + '\n' + torn))});
  CHECK(verify(good).problems.empty());
  CHECK(verify(good).notes.size() == 1);
  auto bad = lines;
  bad.insert(bad.end(), {torn, record(sha256_hex("other"))});
  CHECK(says(verify(bad), "f:3 not a line of the audit"));
  auto gone = lines;
  gone.push_back(record(sha256_hex(torn)));
  CHECK(says(verify(gone), "f:3 the torn bytes that this line records are gone"));
  auto at_end = lines;
  at_end.push_back(torn);
  CHECK(says(verify(at_end), "f:3 not a whole line"));
}

TEST_CASE("what the broker found itself is a problem too") {
  auto lines = chain_of(1);
  lines.push_back(begin_line({2, sha256_hex(lines[0])}) +
                  R"(,"event":"audit_chain_broken","detail":"x\u001b[2J"})");
  const auto verdict = verify(lines);
  REQUIRE(verdict.problems.size() == 1);
  CHECK(verdict.problems[0].find("\\x1b[2J") != std::string::npos);
}

TEST_CASE("times of a search") {
  CHECK(parse_time("2026-01-31", 0) == "2026-01-31T00:00:00.000Z");
  CHECK(parse_time("2026-01-31T12:34:56", 0) == "2026-01-31T12:34:56.000Z");
  CHECK(parse_time("2026-01-31T12:34:56Z", 0) == "2026-01-31T12:34:56.000Z");
  CHECK(parse_time("1h", 1767225600) == "2025-12-31T23:00:00.000Z");
  for (const char* bad : {"", "now", "2026", "2026-1-31", "2026-01-31 12:34:56", "2026-01-31T12:34",
                          "31.01.2026", "-1h"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time(bad, 0).has_value());
  }
}

TEST_CASE("records are chosen by every filter") {
  const auto record = read_record(
      begin_line({1, std::string(kNoLine)}) +
      R"(,"time":"2026-01-31T12:00:00.500Z","event":"result","service":"a","peer":"[::1]:80",)"
      R"("operation":"containers.stop","decision":"allow","outcome":"success","object":"0123456789abcdef"})");
  REQUIRE(record.has_value());
  CHECK(matches(*record, {}));
  CHECK(matches(*record, {"a", "containers.stop", "allow", "0123", "::1",
                          "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:01.000Z"}));
  CHECK(matches(*record, {.peer = "[::1]:80"}));
  CHECK_FALSE(matches(*record, {.service = "b"}));
  CHECK_FALSE(matches(*record, {.operation = "containers.run"}));
  CHECK_FALSE(matches(*record, {.decision = "deny"}));
  CHECK_FALSE(matches(*record, {.object = "1"}));
  CHECK_FALSE(matches(*record, {.peer = "::"}));
  CHECK_FALSE(matches(*record, {.since = "2026-01-31T12:00:01.000Z"}));
  CHECK_FALSE(matches(*record, {.until = "2026-01-31T12:00:00.000Z"}));
  CHECK(to_text(*record) ==
        "2026-01-31T12:00:00.500Z  a  containers.stop  allow/success  0123456789ab  -");
  CHECK_FALSE(read_record("{}").has_value());
}

TEST_CASE("nothing hostile reaches the terminal") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  all += "\u202e\u2066\u200f\u0085";
  for (const std::string& shown : {printable(all), printable_json(all)}) {
    for (const char c : shown) CHECK(static_cast<unsigned char>(c) >= 0x20);
    for (const char* mark : {"\x7f", "\u202e", "\u2066", "\u200f", "\u0085"}) {
      CHECK(shown.find(mark) == std::string::npos);
    }
  }
  CHECK(printable("\\x1b") == "\\\\x1b");
  CHECK(printable_json("\"\u202eé\"") == "\"\\u202eé\"");
}
