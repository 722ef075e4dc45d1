// SPDX-License-Identifier: Apache-2.0
#include "common/scopes.hpp"
#include <doctest/doctest.h>

using dc::parse_scope;
using dc::Scope;

TEST_CASE("every scope parses back from its name, alone") {
  for (unsigned i = 0; i <= static_cast<unsigned>(enum_last(Scope{})); ++i) {
    const auto scope = static_cast<Scope>(i);
    const auto parsed = parse_scope(dc::scope_name(scope));
    REQUIRE(parsed.has_value());
    CHECK(parsed->bits == 1U << i);
  }
}

TEST_CASE("a family is all its scopes and no other") {
  const auto images = parse_scope("images:*");
  REQUIRE(images.has_value());
  CHECK(images->has(Scope::images_read));
  CHECK(images->has(Scope::images_pull));
  CHECK(images->has(Scope::images_remove));
  CHECK_FALSE(images->has(Scope::containers_read));
}

TEST_CASE("what is not a scope is refused") {
  for (const char* name : {"", "*", ":", ":*", "*:*", "*:read", "containers", "containers:",
                           "containers:*x", "containers:READ", "container:read", "volumes:*",
                           "containers:read ", " containers:read", "containers:read:run"}) {
    CAPTURE(name);
    CHECK_FALSE(parse_scope(name).has_value());
  }
}

TEST_CASE("narrowing keeps what both have") {
  const auto containers = parse_scope("containers:*").value();
  const auto read = parse_scope("containers:read").value();
  const auto images = parse_scope("images:*").value();
  CHECK(containers.narrowed_by(read) == read);
  CHECK(read.narrowed_by(containers) == read);
  CHECK(containers.narrowed_by(images).bits == 0);
}
