// SPDX-License-Identifier: Apache-2.0
// tests/vectors/images.json, the one table of image references; tests/e2e reads the same file.
#pragma once

#include <doctest/doctest.h>
#include <simdjson.h>
#include <optional>
#include <string>
#include <vector>
#include "common/image_ref.hpp"

namespace dc::test {

struct ImageVector {
  std::string image;
  std::optional<std::string> tag;        // given in a field of its own
  std::optional<std::string> canonical;  // none: the reference is malformed
  std::string verdict;                   // allow, refuse, invalid: under packaging/policy.toml
};

inline std::vector<ImageVector> image_vectors() {
  simdjson::dom::parser parser;
  simdjson::dom::element file;
  REQUIRE(parser.load(SOURCE_ROOT "/tests/vectors/images.json").get(file) == simdjson::SUCCESS);
  simdjson::dom::array rows;
  REQUIRE(file.get(rows) == simdjson::SUCCESS);
  const auto member = [](simdjson::dom::element row, const char* key) {
    std::string_view text;
    const auto problem = row[key].get(text);
    return problem == simdjson::SUCCESS ? std::optional(std::string(text)) : std::nullopt;
  };
  std::vector<ImageVector> vectors;
  for (simdjson::dom::element row : rows) {
    vectors.push_back({member(row, "image").value(), member(row, "tag"), member(row, "canonical"),
                       member(row, "verdict").value()});
  }
  return vectors;
}

inline Result<ImageRef> parse(const ImageVector& vector) {
  return vector.tag ? ImageRef::parse(vector.image, *vector.tag) : ImageRef::parse(vector.image);
}

}  // namespace dc::test
