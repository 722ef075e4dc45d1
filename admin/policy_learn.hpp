// SPDX-License-Identifier: Apache-2.0
// From refusals on record to the smallest policy that would have allowed them. Command line only;
// audit lines may have been tampered with, so nothing of them is printed that was not read by the
// policy's own loader first.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dc::admin {

// By key: the values that were wanted, in TOML.
using Wishes = std::map<std::string, std::set<std::string>>;
using ServiceWishes = std::map<std::string, Wishes>;

class Lessons {
 public:
  // Only of one service; empty: of all.
  explicit Lessons(std::string service) : service_(std::move(service)) {}

  // A line of the audit; what is none, or was not refused by a key of the policy, counts for
  // nothing.
  void learn(std::string_view line);

  // TOML: what is to be added, or, with the text of a policy file that loads, each key that changes
  // as it has to be. It loads, in the place of what the file has; values that would keep it from
  // loading are left out. Empty: nothing was refused.
  [[nodiscard]] std::string to_toml(std::string_view policy);
  // What was refused and cannot be learnt, for people; to_toml() adds what it leaves out.
  [[nodiscard]] std::vector<std::string> left_out() const;

 private:
  void add(const std::string& service, const std::string& rule, const std::string& wanted);
  void leave_out_conflicts(std::string_view policy);

  std::string service_;
  ServiceWishes wishes_;
  std::set<std::string> unknown_;
};

}  // namespace dc::admin
