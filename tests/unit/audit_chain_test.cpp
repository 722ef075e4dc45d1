// SPDX-License-Identifier: Apache-2.0
// The audit's chain in the broker: what it goes on from at start, and what it does when writes
// fail.
#include "broker/audit_chain.hpp"
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>
#include "broker/audit.hpp"
#include "common/digest.hpp"

namespace {

using namespace dc;
using namespace dc::broker;
using Found = AuditChain::Found;

class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dc-unit-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string path(const char* name) const { return path_ / name; }
  [[nodiscard]] AuditFiles files() const {
    return {Fd(::open(path("audit").c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640)),
            Fd(::open(path("head").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)), path("audit")};
  }
  [[nodiscard]] std::string read(const char* name) const {
    std::ostringstream text;
    text << std::ifstream(path(name), std::ios::binary).rdbuf();
    return text.str();
  }
  void write(const char* name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream text(read("audit"));
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  }

 private:
  std::filesystem::path path_;
};

// Files may not grow beyond this size while it lives: a write across it is cut short, and one from
// it fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t size) {
    ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{size, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

void check_whole(const Scratch& scratch) {
  std::string prev(kNoLine);
  std::uint64_t seq = 0;
  for (const std::string& line : scratch.lines()) {
    CAPTURE(line);
    const auto link = read_link(line);
    REQUIRE(link.has_value());
    CHECK(link->seq == ++seq);
    CHECK(link->prev == prev);
    prev = sha256_hex(line);
  }
  CHECK(scratch.read("head") == write_head({seq, prev}));
}

}  // namespace

TEST_CASE("SHA-256: the vectors of FIPS 180") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("links are read from whole lines only") {
  const std::string line = begin_line({7, std::string(kNoLine)}) + R"(,"a":{"b":1}})";
  REQUIRE(read_link(line).has_value());
  CHECK(read_link(line)->seq == 7);
  for (std::size_t size = 0; size < line.size(); ++size) {
    CHECK_FALSE(read_link(line.substr(0, size)).has_value());
  }
  CHECK_FALSE(read_link(' ' + line).has_value());
  CHECK_FALSE(read_link(R"({"seq":-1,"prev":")" + std::string(kNoLine) + R"("})").has_value());
  CHECK_FALSE(
      read_link(R"({"seq":99999999999999999999,"prev":")" + std::string(kNoLine) + R"("})"));
  CHECK_FALSE(read_link(R"({"seq":1,"prev":")" + std::string(64, 'A') + R"("})").has_value());
}

TEST_CASE("heads are of one size and read back") {
  for (const std::uint64_t seq : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
    const std::string text = write_head({seq, std::string(64, 'a')});
    CHECK(text.size() == kHeadSize);
    REQUIRE(read_head(text).has_value());
    CHECK(read_head(text)->seq == seq);
  }
  CHECK_FALSE(read_head("").has_value());
  CHECK_FALSE(read_head(std::string(kHeadSize, '0')).has_value());
}

TEST_CASE("the chain goes on after a restart") {
  const Scratch scratch;
  for (int start = 0; start < 3; ++start) {
    AuditChain chain(scratch.files());
    CHECK(chain.found() == (start == 0 ? Found::nothing : Found::whole));
    CHECK(chain.append(R"("a":1)"));
    CHECK(chain.append(R"("a":2)"));
  }
  CHECK(scratch.lines().size() == 6);
  check_whole(scratch);
}

TEST_CASE("a head that is one line behind is no break, two are") {
  const Scratch scratch;
  std::vector<std::string> heads;
  {
    AuditChain chain(scratch.files());
    for (int line = 0; line < 3; ++line) {
      REQUIRE(chain.append(R"("a":1)"));
      heads.push_back(scratch.read("head"));
    }
  }
  scratch.write("head", heads[1]);
  CHECK(AuditChain(scratch.files()).found() == Found::whole);
  scratch.write("head", heads[0]);
  CHECK(AuditChain(scratch.files()).found() == Found::broken);
  scratch.write("head", "");
  CHECK(AuditChain(scratch.files()).found() == Found::broken);
  scratch.write("head", "nonsense");
  CHECK(AuditChain(scratch.files()).found() == Found::broken);
  std::string other = heads[1];
  other[30] = other[30] == '0' ? '1' : '0';
  scratch.write("head", other);
  CHECK(AuditChain(scratch.files()).found() == Found::broken);
}

TEST_CASE("what was cut off leaves a gap in the numbers") {
  const Scratch scratch;
  {
    AuditChain chain(scratch.files());
    for (int line = 0; line < 5; ++line) REQUIRE(chain.append(R"("a":1)"));
  }
  scratch.write("audit", scratch.lines()[0] + '\n');
  AuditChain chain(scratch.files());
  CHECK(chain.found() == Found::broken);
  REQUIRE(chain.append(R"("a":1)"));
  const auto link = read_link(scratch.lines()[1]);
  CHECK(link->seq == 6);
  CHECK(link->prev == sha256_hex(scratch.lines()[0]));
}

TEST_CASE("a file that is gone is a new one, garbage is recorded as torn") {
  const Scratch scratch;
  REQUIRE(AuditChain(scratch.files()).append(R"("a":1)"));
  scratch.write("audit", "");
  CHECK(AuditChain(scratch.files()).found() == Found::new_file);
  scratch.write("audit", "some\ngarbage");
  CHECK(AuditChain(scratch.files()).torn() == "some\ngarbage");
  scratch.write("audit", std::string(2 * 1024 * 1024, 'x'));
  CHECK(AuditChain(scratch.files()).found() == Found::broken);
}

// At each byte at which a write may be cut, before and after a restart.
TEST_CASE("a write that is cut short never breaks the chain") {
  const auto level = spdlog::get_level();
  spdlog::set_level(spdlog::level::off);  // each cut is a critical line
  for (const bool restart : {false, true}) {
    std::size_t size = 0;
    for (std::size_t cut = 1; cut == 1 || cut <= size; ++cut) {
      CAPTURE(cut);
      const Scratch scratch;
      auto audit = std::make_unique<Audit>(scratch.files());
      REQUIRE(audit->event("first", "line"));
      const std::size_t begin = scratch.read("audit").size();
      size = begin;
      {
        const FileSizeLimit limit(begin + cut);
        CHECK_FALSE(audit->event("second", "line"));
        CHECK_FALSE(audit->event("second", "line"));
        CHECK_FALSE(audit->writable());
      }
      if (restart) audit = std::make_unique<Audit>(scratch.files());
      REQUIRE(audit->event("third", "line"));
      CHECK(audit->writable());
      // Drop the fragments that the line after them names; what is left is a chain.
      std::string kept, torn;
      for (const std::string& line : scratch.lines()) {
        if (!read_link(line)) {
          torn += (torn.empty() ? "" : "\n") + line;
          continue;
        }
        if (!torn.empty()) CHECK(line.find(R"("torn":")" + sha256_hex(torn)) != std::string::npos);
        torn.clear();
        kept += line + '\n';
      }
      scratch.write("audit", kept);
      check_whole(scratch);
      CHECK(scratch.lines().back().find("third") != std::string::npos);
    }
  }
  spdlog::set_level(level);
}

TEST_CASE("a new file is taken up only when it is one") {
  const Scratch scratch;
  AuditChain chain(scratch.files());
  REQUIRE(chain.append(R"("a":1)"));
  CHECK_FALSE(chain.reopen().has_value());  // the same
  const std::string first = scratch.lines()[0];
  std::filesystem::rename(scratch.path("audit"), scratch.path("old"));
  std::filesystem::create_symlink(scratch.path("old"), scratch.path("audit"));
  CHECK_FALSE(chain.reopen().has_value());
  std::filesystem::remove(scratch.path("audit"));
  scratch.write("audit", "x");
  CHECK_FALSE(chain.reopen().has_value());
  std::filesystem::remove(scratch.path("audit"));
  REQUIRE(chain.append(R"("a":2)"));  // into the old one
  REQUIRE(chain.reopen().has_value());
  REQUIRE(chain.append(R"("a":3)"));
  REQUIRE(scratch.lines().size() == 1);
  CHECK(read_link(scratch.lines()[0])->seq == 3);
}
