// SPDX-License-Identifier: Apache-2.0
// How far a pull is, out of the Engine's lines about it. Broker only. What is in the lines comes
// from a registry: their length, the number of layers and every figure are capped.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include "common/json_text.hpp"
#include "common/types.hpp"

namespace dc::broker {

class PullProgress {
 public:
  // Takes the next bytes of the answer. False: a line is over limits::kPullLine.
  bool take(std::string_view bytes);
  // The text with which the pull failed, as hostile as the rest.
  [[nodiscard]] const std::optional<std::string>& error() const { return error_; }
  // What the Engine does at the moment, printable.
  [[nodiscard]] const std::string& message() const { return message_.str(); }
  // The members downloaded_bytes, total_bytes, layers_done and layers_total; none of them ever
  // falls. With `whole`, all that was to be downloaded counts as downloaded.
  void write(JsonWriter& out, bool whole) const;

 private:
  struct Layer {
    std::int64_t current = 0, total = 0;  // bytes
    bool done = false;
  };
  void read_line();
  void count(const std::string& id, std::string_view status, std::string_view detail);

  std::string line_;
  std::map<std::string, Layer> layers_;
  Text<limits::kPullMessage> message_ =
      Text<limits::kPullMessage>::clip("Waiting for the registry");
  std::optional<std::string> error_;
};

}  // namespace dc::broker
