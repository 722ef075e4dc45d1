// SPDX-License-Identifier: Apache-2.0
#include "common/image_ref.hpp"
#include "tests/unit/image_vectors.hpp"

using dc::Errc;
using dc::ImageRef;

TEST_CASE("image vectors have the canonical form of the table") {
  const auto vectors = dc::test::image_vectors();
  CHECK(vectors.size() > 100);
  for (const auto& vector : vectors) {
    CAPTURE(vector.image);
    const auto image = dc::test::parse(vector);
    CHECK(image.has_value() == vector.canonical.has_value());
    CHECK((vector.verdict == "invalid") == !vector.canonical.has_value());
    if (image && vector.canonical) CHECK(image->str() == *vector.canonical);
    if (!image) CHECK(image.error().code == Errc::invalid_request);
  }
}

TEST_CASE("a canonical reference parses to itself") {
  for (const auto& vector : dc::test::image_vectors()) {
    const auto image = dc::test::parse(vector);
    if (!image) continue;
    CAPTURE(image->str());
    const auto again = ImageRef::parse(image->str());
    REQUIRE(again.has_value());
    CHECK(*again == *image);
    CHECK(again->str().find('/') != std::string::npos);  // so it cannot be taken for an id
  }
}

TEST_CASE("the parts of a reference") {
  const auto tagged = ImageRef::parse("ghcr.io/tenstorrent/a/b:v1");
  REQUIRE(tagged.has_value());
  CHECK(tagged->domain() == "ghcr.io");
  CHECK(tagged->repository() == "tenstorrent/a/b");
  CHECK(tagged->tag() == "v1");
  CHECK(tagged->digest().empty());
  CHECK(tagged->name() == "ghcr.io/tenstorrent/a/b");

  const std::string digest = "sha256:" + std::string(64, 'a');
  const auto pinned = ImageRef::parse("alpine:3@" + digest);
  REQUIRE(pinned.has_value());
  CHECK(pinned->tag().empty());
  CHECK(pinned->digest() == digest);
}

TEST_CASE("a refusal says which part is wrong and echoes nothing") {
  const auto detail = [](std::string_view text) { return ImageRef::parse(text).error().detail; };
  CHECK(detail("") == "must not be empty");
  CHECK(detail("al\x01pine") == "must hold nothing but A-Z a-z 0-9 . _ - : / @ [ ]");
  CHECK(detail("alpine:-x").find("tag") != std::string::npos);
  CHECK(detail("alpine@sha256:12").find("digest") != std::string::npos);
  CHECK(detail("-a.b/c").find("registry") != std::string::npos);
  CHECK(detail("Evil").find("repository") != std::string::npos);
  CHECK(detail("Evil").find("Evil") == std::string::npos);
  CHECK(detail(std::string(64, 'a')).find("image id") != std::string::npos);
}

TEST_CASE("every single byte is either in the alphabet or refused") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = std::string("a") + static_cast<char>(byte) + "b";
    const auto image = ImageRef::parse(text);
    const bool lower = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
    const bool joins = byte == '.' || byte == '_' || byte == '-' || byte == '/' || byte == ':';
    CAPTURE(byte);
    CHECK(image.has_value() == (lower || joins));
  }
}
