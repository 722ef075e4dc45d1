// SPDX-License-Identifier: Apache-2.0
// A run and its verdict, for the tests of the rules.
#pragma once

#include <doctest/doctest.h>
#include "policy/authorize.hpp"
#include "tests/unit/samples.hpp"

namespace dc::test {

inline RunContainer minimal_run() { return RunContainer{parsed<ImageRef>("alpine")}; }

// "" when allowed, else the code and, where a key of the policy would allow it, that key and what
// it would need: "mount_not_allowed mounts {...}".
inline std::string verdict(const Result<RunContainer>& result) {
  if (result) return {};
  const Error& error = result.error();
  std::string text(errc_name(error.code));
  CHECK_FALSE(error.detail.empty());
  CHECK(error.hint.empty() == error.rule.empty());
  if (!error.rule.empty()) text += " " + error.rule + " " + error.wanted;
  return text;
}
inline std::string verdict(const RunContainer& run, const policy::Profile& profile) {
  return verdict(judged(run, profile));
}

// A run that the profile allows, as it comes out.
inline RunContainer allowed(const RunContainer& run, const policy::Profile& profile) {
  auto result = judged(run, profile);
  REQUIRE_MESSAGE(result.has_value(), result.error().detail);
  return std::move(*result);
}

}  // namespace dc::test
