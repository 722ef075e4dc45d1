// SPDX-License-Identifier: Apache-2.0
// docker-control audit verify|tail|search. Command line only.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>
#include "admin/audit_record.hpp"

namespace dc::admin {

class AuditCommand {
 public:
  explicit AuditCommand(CLI::App& app);
  [[nodiscard]] bool parsed() const { return audit_->parsed(); }
  // The exit status: 0; 1 for a chain that is broken or a file that cannot be read; 2 for wrong
  // usage.
  [[nodiscard]] int run() const;

 private:
  void add_search(CLI::App& audit);
  [[nodiscard]] int verify() const;
  [[nodiscard]] int tail() const;
  [[nodiscard]] int search() const;

  CLI::App *audit_, *verify_, *tail_, *search_;
  std::vector<std::string> files_;
  std::string head_;
  std::string file_;
  std::size_t count_ = 10;
  bool follow_ = false, json_ = false;
  AuditFilter filter_;
};

}  // namespace dc::admin
