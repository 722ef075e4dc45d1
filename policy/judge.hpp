// SPDX-License-Identifier: Apache-2.0
// One command under one profile: where refusals that a policy could lift are made, and where modes
// warn and audit let them pass. Both sides.
#pragma once

#include <string>
#include <utility>
#include <vector>
#include "policy/profile.hpp"
#include "policy/rules.hpp"

namespace dc::policy {

// The key of the policy file that would allow what is refused, and the TOML value that it would
// need.
struct Remedy {
  std::string key;
  std::string wanted;
  std::string advice = {};  // instead of "add WANTED to KEY"
};

class Judge {
 public:
  explicit Judge(const Profile& profile) : profile_(profile) {}
  [[nodiscard]] const Profile& profile() const { return profile_; }

  // Refuses what a key of the policy could allow. Modes warn and audit only note it: the check goes
  // on as if it were allowed. What nothing can allow is refused with fail() and not here.
  Result<void> refuse(Errc code, std::string detail, Remedy remedy) {
    Error error = refusal(code, std::move(detail), std::move(remedy));
    if (profile_.mode == Mode::enforce) return fail(std::move(error));
    waived_.push_back(std::move(error));
    return {};
  }
  // The same for a part of the host, in every mode: whether two paths, volumes or devices are safe
  // together is for the administrator to say, and the loader has not seen what nobody listed.
  tl::unexpected<Error> refuse_host(Errc code, std::string detail, Remedy remedy) {
    return fail(refusal(code, std::move(detail), std::move(remedy)));
  }
  // What would have been refused.
  [[nodiscard]] std::vector<Error> take_waived() { return std::move(waived_); }

 private:
  [[nodiscard]] Error refusal(Errc code, std::string detail, Remedy remedy) const {
    const std::string what =
        remedy.advice.empty() ? "add " + remedy.wanted + " to " + remedy.key : remedy.advice;
    return {code, std::move(detail),
            what + " of " + section_name(profile_.service.view()) + " in the policy file",
            std::move(remedy.key), std::move(remedy.wanted)};
  }

  const Profile& profile_;
  std::vector<Error> waived_;
};

}  // namespace dc::policy
