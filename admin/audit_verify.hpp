// SPDX-License-Identifier: Apache-2.0
// The check of the audit's chain. Command line only; the lines may have been tampered with. The
// chain has no key: it finds every change but that of one who rebuilt all lines and the head too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/audit_link.hpp"

namespace dc::admin {

// Given the lines of one or more files in the order in which they were written. Reports what is
// wrong, and where, as it goes.
class ChainVerifier {
 public:
  // `where` is "FILE:LINE" of the line that is meant.
  using Report = std::function<void(const std::string& where, const std::string& what)>;
  // `before`: the head as it was before the lines were read; absent: the end is not checked.
  // `note` is told what is in order and yet worth knowing.
  ChainVerifier(std::optional<AuditHead> before, Report problem, Report note)
      : head_(std::move(before)), problem_(std::move(problem)), note_(std::move(note)) {}

  void line(const std::string& file, std::size_t number, std::string_view text);
  // After the last line. `after`: the head as it is now, which a living broker has moved on.
  void finish(const std::optional<AuditHead>& after);

  [[nodiscard]] std::size_t lines() const { return lines_; }
  [[nodiscard]] std::size_t problems() const { return problems_; }
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint64_t last() const { return last_ ? last_->seq : 0; }

 private:
  struct Line {
    std::string where;
    std::uint64_t seq;
    std::string hash;
  };
  struct Gap {
    std::uint64_t first, last;
  };

  void problem(const std::string& where, const std::string& what);
  void check_torn(const std::string& where, std::string_view text);
  // False: the line stands where it does not belong, and the chain goes on without it.
  bool check_place(const Line& line, const std::string& prev);
  void check_head(const Line& line);

  std::optional<AuditHead> head_;
  Report problem_, note_;
  std::size_t lines_ = 0, problems_ = 0;
  std::uint64_t first_ = 0;
  std::optional<Line> last_;
  std::vector<Gap> gaps_;
  std::optional<std::string> torn_;  // lines that are none of the chain's, since the last that is
  std::string torn_where_;
};

}  // namespace dc::admin
