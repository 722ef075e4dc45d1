// SPDX-License-Identifier: Apache-2.0
// Options and output of the audit's subcommands. Command line only.
#include "admin/audit_command.hpp"
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <deque>
#include "admin/audit_reader.hpp"
#include "admin/audit_verify.hpp"
#include "admin/state_files.hpp"
#include "admin/terminal.hpp"

namespace dc::admin {
namespace {

constexpr std::size_t kMostLines = 100'000;   // of tail -n; they are held in memory
constexpr useconds_t kFollowPause = 200'000;  // between two looks at the file

int failed(const Error& error) {
  (void)std::fprintf(stderr, "docker-control: %s\n", printable(error.detail).c_str());
  return 1;
}

// False: standard output is closed.
bool print(const std::string& line) {
  return std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
         std::fputc('\n', stdout) != EOF;
}

bool show(const std::string& line, bool json) {
  if (json) return print(printable_json(line));
  const auto record = read_record(line);
  return print(record ? to_text(*record) : "(not a line of the audit)  " + printable(line));
}

// Prints what the file gains, and what the one that takes its place does. Ends only when nobody
// reads.
int follow(LineReader reader, bool json) {
  while (true) {
    while (reader.next()) {
      if (!show(reader.text(), json)) return 1;
    }
    if (std::fflush(stdout) != 0) return 1;
    if (reader.replaced()) {
      // What was written between the last look and the rotation.
      while (reader.next()) {
        if (!show(reader.text(), json)) return 1;
      }
      if (auto next = LineReader::open(reader.file())) {
        reader = std::move(*next);
        continue;
      }
    }
    ::usleep(kFollowPause);
  }
}

}  // namespace

AuditCommand::AuditCommand(CLI::App& app)
    : audit_(app.add_subcommand("audit", "Check and read the audit file")),
      verify_(audit_->add_subcommand("verify", "Check that no line was changed, cut out or moved")),
      tail_(audit_->add_subcommand("tail", "Print the last lines")),
      search_(audit_->add_subcommand("search", "Print the lines that match")) {
  audit_->require_subcommand(1);
  verify_
      ->add_option("files", files_,
                   "files in the order of their lines, the oldest first; - for "
                   "standard input")
      ->type_name("FILE");
  verify_->add_option("--head", head_, "the audit.head to compare the end with")->type_name("FILE");
  tail_->add_option("file", file_, "another file")->type_name("FILE");
  tail_->add_option("-n,--lines", count_, "how many")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{0}, kMostLines));
  tail_->add_flag("-f,--follow", follow_, "go on with what is written, across rotation");
  tail_->add_flag("--json", json_, "the lines themselves");
  add_search(*search_);
}

void AuditCommand::add_search(CLI::App& search) {
  const auto time = [](std::string& text) {
    const auto parsed = parse_time(text, std::time(nullptr));
    if (!parsed) return std::string("must be like 2026-01-31, 2026-01-31T12:00:00Z, 15m or 7d");
    text = *parsed;
    return std::string();
  };
  search.add_option("--service", filter_.service, "whose requests")->type_name("NAME");
  search.add_option("--operation", filter_.operation, "such as containers.run")->type_name("NAME");
  search.add_option("--decision", filter_.decision, "allow or deny")
      ->type_name("WORD")
      ->check(CLI::IsMember({"allow", "deny"}));
  search.add_option("--object", filter_.object, "a container's id, or how it begins")
      ->type_name("ID");
  search.add_option("--peer", filter_.peer, "a client's address, with or without port")
      ->type_name("ADDR");
  search.add_option("--since", filter_.since, "from this time on, UTC, or this long ago")
      ->type_name("TIME")
      ->transform(CLI::Validator(time, ""));
  search.add_option("--until", filter_.until, "before this time, UTC, or this long ago")
      ->type_name("TIME")
      ->transform(CLI::Validator(time, ""));
  search.add_flag("--json", json_, "the lines themselves");
  search.add_option("files", files_, "other files; - for standard input")->type_name("FILE");
}

int AuditCommand::run() const {
  if (verify_->parsed()) return verify();
  const int status = tail_->parsed() ? tail() : search();
  return std::fflush(stdout) == 0 ? status : 1;
}

int AuditCommand::verify() const {
  // Lines alone do not show that the last ones were cut off, so the default is both.
  const bool defaults = files_.empty();
  const std::string head_file = !head_.empty() ? head_
                                : defaults     ? std::string(kStateDir) + "/audit.head"
                                               : "";
  std::optional<AuditHead> before;
  if (!head_file.empty()) {
    auto head = read_head_file(head_file);
    if (!head) return failed(head.error());
    before = *head;
  }
  ChainVerifier verifier(
      before,
      [](const std::string& where, const std::string& what) {
        (void)print(printable(where) + ": " + what);
      },
      [](const std::string& where, const std::string& what) {
        (void)print(printable(where) + ": note: " + what);
      });
  for (const std::string& file : defaults ? std::vector<std::string>{kAuditFile} : files_) {
    auto reader = LineReader::open(file);
    if (!reader) return failed(reader.error());
    while (reader->next()) verifier.line(file, reader->number(), reader->text());
    if (!reader->text().empty() && !reader->at_line()) {
      verifier.line(file, reader->number() + 1, reader->text());
    }
  }
  std::optional<AuditHead> after;
  if (before) {
    auto head = read_head_file(head_file);
    if (!head) return failed(head.error());
    after = *head;
  }
  verifier.finish(after);
  (void)print(std::to_string(verifier.lines()) + " lines, seq " + std::to_string(verifier.first()) +
              " to " + std::to_string(verifier.last()) + ": " +
              (verifier.problems() == 0 ? "the chain is whole"
                                        : std::to_string(verifier.problems()) + " problems") +
              (before ? "" : "; whether the end was cut off was not checked (--head)"));
  return std::fflush(stdout) == 0 && verifier.problems() == 0 ? 0 : 1;
}

int AuditCommand::tail() const {
  if (follow_ && file_ == "-") {
    (void)std::fprintf(stderr, "docker-control: standard input cannot be followed\n");
    return 2;
  }
  auto reader = LineReader::open(file_.empty() ? kAuditFile : file_);
  if (!reader) return failed(reader.error());
  std::deque<std::string> lines;
  while (reader->next()) {
    lines.push_back(reader->text());
    if (lines.size() > count_) lines.pop_front();
  }
  for (const std::string& line : lines) {
    if (!show(line, json_)) return 1;
  }
  return follow_ ? follow(std::move(*reader), json_) : 0;
}

int AuditCommand::search() const {
  for (const std::string& file : files_.empty() ? std::vector<std::string>{kAuditFile} : files_) {
    auto reader = LineReader::open(file);
    if (!reader) return failed(reader.error());
    while (reader->next()) {
      const auto record = read_record(reader->text());
      if (!record || !matches(*record, filter_)) continue;
      if (!show(reader->text(), json_)) return 1;
    }
  }
  return 0;
}

}  // namespace dc::admin
