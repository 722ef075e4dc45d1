// SPDX-License-Identifier: Apache-2.0
// docker-control policy check|explain|learn|diff|show: all offline, on the code that the service
// itself runs. Command line only.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace dc::admin {

class PolicyCommand {
 public:
  explicit PolicyCommand(CLI::App& app);
  [[nodiscard]] bool parsed() const { return policy_->parsed(); }
  // The exit status. 2: the file cannot be read, or (but for check) does not load. 1: check found
  // problems, explain a refusal, diff a difference. 0: all else.
  [[nodiscard]] int run() const;

 private:
  void add_explain(CLI::App& explain);
  void add_learn(CLI::App& learn);
  [[nodiscard]] int check() const;
  [[nodiscard]] int explain() const;
  [[nodiscard]] int learn() const;
  [[nodiscard]] int diff() const;
  [[nodiscard]] int show() const;

  CLI::App *policy_, *check_, *explain_, *learn_, *diff_, *show_;
  std::string file_, other_, service_, operation_, path_, scope_;
  std::vector<std::string> query_, audit_files_;
  bool strict_ = false, json_ = false;
};

}  // namespace dc::admin
