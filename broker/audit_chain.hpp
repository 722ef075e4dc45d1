// SPDX-License-Identifier: Apache-2.0
// The audit file: lines that each carry the hash of the one before, and the head in the state
// directory that says which was the last. Broker only. What stands in the file at start is not
// trusted: this is what finds out that it was changed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include "common/audit_link.hpp"
#include "common/error.hpp"
#include "common/fd.hpp"

namespace dc::broker {

// Opened for reading and appending, and for reading and writing; `path` is the file's.
struct AuditFiles {
  Fd file, head;
  std::string path;
};

class AuditChain {
 public:
  // What the files showed at start.
  enum class Found : unsigned char {
    nothing,   // the first line ever is to come
    whole,     // the file goes on where it ended
    new_file,  // empty, but there have been lines: it was rotated while nobody wrote
    broken,    // file and head do not belong together
  };

  // Reads the end of the file, and the head.
  explicit AuditChain(AuditFiles files);
  [[nodiscard]] Found found() const { return found_; }
  // Of `broken`: what does not fit, for people.
  [[nodiscard]] const std::string& breakage() const { return breakage_; }

  // Writes a line of these members, JSON without braces. False: not, or not whole; errno is 0 when
  // it was cut short.
  bool append(std::string_view members);
  // What a write that was cut short has left after the last whole line. The next line must be an
  // event with its hash, or nobody could tell it from tampering.
  [[nodiscard]] const std::string& torn() const { return torn_; }
  [[nodiscard]] std::uint64_t seq() const { return last_.seq; }

  // Takes up a new, empty file at the path. On an error the old one stays.
  Result<void> reopen();

 private:
  struct End;
  [[nodiscard]] End read_end();
  void resume(const End& end, const std::optional<AuditHead>& head);
  void commit(std::string_view line);

  AuditFiles files_;
  AuditHead last_{0, std::string(kNoLine)};
  std::string torn_;
  bool newline_owed_ = false;  // the file does not end with one
  bool head_failing_ = false;
  Found found_ = Found::nothing;
  std::string breakage_;
};

}  // namespace dc::broker
