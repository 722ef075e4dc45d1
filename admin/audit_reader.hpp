// SPDX-License-Identifier: Apache-2.0
// The lines of audit files. Command line only; the files may have been tampered with.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include "common/error.hpp"

namespace dc::admin {

inline constexpr const char* kAuditFile = "/var/log/docker-control/audit.jsonl";

class LineReader {
 public:
  // "-" is standard input.
  static Result<LineReader> open(const std::string& file);

  // The next line, without its newline. False at the end of the file; what is there without a
  // newline stays in text(), and a later call goes on with it, since the file may grow.
  bool next();
  [[nodiscard]] const std::string& text() const { return text_; }
  // text() is a line, and not what a file without a last newline ends with.
  [[nodiscard]] bool at_line() const { return complete_; }
  [[nodiscard]] const std::string& file() const { return name_; }
  [[nodiscard]] std::size_t number() const { return number_; }  // of the line, from 1
  // The path leads to another file by now, or this one was cut.
  [[nodiscard]] bool replaced() const;

 private:
  struct Closer {
    void operator()(std::FILE* file) const {
      if (file != stdin) (void)std::fclose(file);
    }
  };
  LineReader(std::string name, std::FILE* file) : name_(std::move(name)), file_(file) {}

  std::string name_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::string text_;
  std::size_t number_ = 0;
  bool complete_ = true;  // text_ is a line that was handed out
};

}  // namespace dc::admin
