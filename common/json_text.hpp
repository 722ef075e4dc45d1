// SPDX-License-Identifier: Apache-2.0
// Writing JSON. Both sides: the front's answers, the broker's Engine requests and audit lines.
// Every byte of text is hostile and is escaped here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dc {

// Appends `text` as a JSON string with its quotes. Escapes control characters, those of C1 too,
// U+2028 and U+2029; bytes that are not valid UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Builds one JSON document; commas are placed by itself. Calls must nest as JSON does.
class JsonWriter {
 public:
  JsonWriter& open(char bracket) {  // '{' or '['
    separate();
    out_ += bracket;
    first_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  JsonWriter& key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    out_ += ':';
    first_ = true;  // no comma before the value
    return *this;
  }
  JsonWriter& string(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
  }
  JsonWriter& number(std::int64_t value) { return raw(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& raw(std::string_view json) {  // text that is JSON already
    separate();
    out_ += json;
    return *this;
  }
  [[nodiscard]] const std::string& str() const { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string out_;
  bool first_ = true;
};

}  // namespace dc
