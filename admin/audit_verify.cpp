// SPDX-License-Identifier: Apache-2.0
// Walks the chain. Command line only.
#include "admin/audit_verify.hpp"
#include <algorithm>
#include "admin/terminal.hpp"
#include "common/digest.hpp"
#include "common/json_reader.hpp"

namespace dc::admin {
namespace {

std::string seqs(std::uint64_t first, std::uint64_t last) {
  if (first == last) return "the line with seq " + std::to_string(first) + " is";
  return "the lines with seq " + std::to_string(first) + " to " + std::to_string(last) + " are";
}

}  // namespace

void ChainVerifier::problem(const std::string& where, const std::string& what) {
  ++problems_;
  problem_(where, what);
}

void ChainVerifier::line(const std::string& file, std::size_t number, std::string_view text) {
  ++lines_;
  std::string where = file + ':' + std::to_string(number);
  const auto link = read_link(text);
  if (!link) {
    if (!torn_) torn_where_ = where;
    torn_ = torn_ ? *torn_ + '\n' + std::string(text) : std::string(text);
    return;
  }
  check_torn(where, text);
  Line line{std::move(where), link->seq, sha256_hex(text)};
  if (!check_place(line, link->prev)) return;
  const JsonText document{std::string(text)};
  if (json_text(document.view(), "event") == "audit_chain_broken") {
    problem(line.where, "the broker found the chain broken when it started: " +
                            printable(json_text(document.view(), "detail")));
  }
  check_head(line);
  if (!last_) first_ = line.seq;
  last_ = std::move(line);
}

// What a write that was cut short has left is in order when the next line is the event that has its
// hash.
void ChainVerifier::check_torn(const std::string& where, std::string_view text) {
  const JsonText document{std::string(text)};
  const bool event = json_text(document.view(), "event") == "torn_line";
  if (!torn_) {
    // At the begin of a file, its torn bytes are at the end of the one before.
    if (event && last_) problem(where, "the torn bytes that this line records are gone");
    return;
  }
  if (event && json_text(document.view(), "torn") == sha256_hex(*torn_)) {
    note_(torn_where_, "was not written whole; the next line records it");
  } else {
    problem(torn_where_, "not a line of the audit: edited, cut or inserted");
  }
  torn_.reset();
}

bool ChainVerifier::check_place(const Line& line, const std::string& prev) {
  const bool begins = line.seq == 1 && prev == kNoLine;
  if (!last_) {
    if (line.seq > 1) {
      note_(line.where, "begins with seq " + std::to_string(line.seq) +
                            "; the lines before it are in files that were not given");
    } else if (!begins) {
      problem(line.where,
              "edited: has seq " + std::to_string(line.seq) + " and yet a line before it");
    }
    return true;
  }
  if (begins) {
    problem(line.where, "the chain begins anew");
    gaps_.clear();
    return true;
  }
  if (line.seq <= last_->seq) {
    const bool gone = std::any_of(gaps_.begin(), gaps_.end(), [&](const Gap& gap) {
      return gap.first <= line.seq && line.seq <= gap.last;
    });
    const std::string seq = "seq " + std::to_string(line.seq);
    problem(line.where, gone ? "reordered: " + seq + " belongs further up"
                             : "duplicated or inserted: " + seq + " was there already");
    return false;
  }
  if (line.seq > last_->seq + 1) {
    gaps_.push_back({last_->seq + 1, line.seq - 1});
    problem(line.where, seqs(last_->seq + 1, line.seq - 1) + " missing before this one");
  } else if (prev != last_->hash) {
    problem(last_->where, "edited: " + line.where + " has another hash for it");
  }
  return true;
}

void ChainVerifier::check_head(const Line& line) {
  if (head_ && line.seq == head_->seq && line.hash != head_->hash) {
    problem(line.where, "edited: the head has another hash for it");
  }
}

void ChainVerifier::finish(const std::optional<AuditHead>& after) {
  if (torn_) {
    problem(torn_where_, "not a whole line of the audit: edited, or cut while it was written");
  }
  if (!head_) return;
  const std::string where = last_ ? last_->where : "the end";
  if (last() < head_->seq) {
    problem(where, "the end is cut off: by the head, " + seqs(last() + 1, head_->seq) +
                       " missing after this one");
  }
  // The head is written after the line.
  if (after && last() > after->seq + 1) {
    problem(where, "goes on after the head, which ends with seq " + std::to_string(after->seq));
  }
}

}  // namespace dc::admin
