// SPDX-License-Identifier: Apache-2.0
// How many tokens of public-key algorithms that prove bad an address may have checked. Front only.
// A check takes the broker, which has one thread for everybody, 50 to 100 us; one of HS256 takes
// less than the request that brings it, and is not counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include "common/limits.hpp"

namespace dc::daemon {

class BadTokens {
 public:
  // Whether another token of this address may be checked at `now`, in milliseconds of a clock that
  // only rises.
  [[nodiscard]] bool may_try(std::string_view address, std::uint64_t now) const {
    const auto found = debts_.find(address);
    return found == debts_.end() || left(found->second, now) < limits::kBadTokensAtOnce;
  }

  // A token of this address was bad.
  void note(std::string_view address, std::uint64_t now) {
    if (debts_.size() >= limits::kBadTokenAddresses) {
      std::erase_if(debts_, [now](const auto& entry) { return left(entry.second, now) < 1; });
    }
    // Still full: somebody with very many addresses, whom this cannot hold up.
    if (debts_.size() >= limits::kBadTokenAddresses) debts_.clear();
    Debt& debt = debts_.try_emplace(std::string(address), Debt{0, now}).first->second;
    debt = {left(debt, now) + 1, now};
  }

 private:
  struct Debt {
    double tokens;
    std::uint64_t at;
  };
  static double left(const Debt& debt, std::uint64_t now) {
    const auto passed = static_cast<double>(now - debt.at);
    return std::max(debt.tokens - passed * limits::kBadTokens / 1e3, 0.0);
  }
  std::map<std::string, Debt, std::less<>> debts_;
};

}  // namespace dc::daemon
