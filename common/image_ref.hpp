// SPDX-License-Identifier: Apache-2.0
// Image references, parsed and made canonical exactly as the Engine does, so that a comparison is
// of parts and never of text. Both sides; trusts nothing. Rules and vectors: threat model
// section 2.4.
#pragma once

#include <string>
#include <string_view>
#include "common/error.hpp"

namespace dc {

class ImageRef {
 public:
  // "alpine" -> docker.io/library/alpine:latest. A digest wins over a tag. Image ids are refused.
  // Errc::invalid_request with one sentence that says what is wrong.
  static Result<ImageRef> parse(std::string_view text);
  // parse(name) with the tag in its own argument, as two-field requests give it; refused when
  // `name` brings a tag or digest of its own, or `tag` is empty or a digest.
  static Result<ImageRef> parse(std::string_view name, std::string_view tag);

  [[nodiscard]] const std::string& domain() const& { return domain_; }          // docker.io
  [[nodiscard]] const std::string& repository() const& { return repository_; }  // library/alpine
  [[nodiscard]] const std::string& tag() const& { return tag_; }        // empty with a digest
  [[nodiscard]] const std::string& digest() const& { return digest_; }  // sha256:<64 hex> or empty

  // domain/repository: what the Engine's `fromImage` takes.
  [[nodiscard]] std::string name() const;
  // As people write it: without docker.io and library.
  [[nodiscard]] std::string familiar() const;
  // Fully qualified: domain/repository:tag or domain/repository@digest. Never looks like an id.
  [[nodiscard]] const std::string& str() const& { return canonical_; }
  [[nodiscard]] std::string_view view() const& { return canonical_; }
  std::string_view view() && = delete;
  friend bool operator==(const ImageRef&, const ImageRef&) = default;

 private:
  ImageRef() = default;
  std::string domain_, repository_, tag_, digest_, canonical_;
};

}  // namespace dc
