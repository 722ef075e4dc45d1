// SPDX-License-Identifier: Apache-2.0
// Reads the progress lines of a pull. Broker only; they are hostile.
#include "broker/pull_progress.hpp"
#include <algorithm>
#include <utility>
#include "common/json_reader.hpp"

namespace dc::broker {
namespace {

// What every client can read as a number.
constexpr std::int64_t kMostBytes = 1LL << 53;

std::int64_t bytes_of(std::string_view detail, std::string_view key) {
  const auto bytes = json_integer(json_member(detail, key));
  return std::clamp<std::int64_t>(bytes.value_or(0), 0, kMostBytes);
}

}  // namespace

bool PullProgress::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > limits::kPullLine) return false;
    if (end == std::string_view::npos) return true;
    read_line();
    bytes.remove_prefix(end + 1);
  }
  return true;
}

void PullProgress::read_line() {
  const JsonText text(std::exchange(line_, {}));
  std::string id, status;
  std::string_view detail;
  for_each_member(text.view(), [&](std::string_view key, std::string_view json) {
    if (key == "error") error_ = json_string(json).value_or("");
    if (key == "id") id = Text<limits::kPullLayerId>::clip(json_string(json).value_or("")).str();
    if (key == "status") status = json_string(json).value_or("");
    if (key == "progressDetail") detail = json;
  });
  if (status.empty()) return;
  message_ = Text<limits::kPullMessage>::clip(status + (id.empty() ? "" : " ") + id);
  // The first line has the tag where others have a layer.
  if (!id.empty() && !status.starts_with("Pulling from")) count(id, status, detail);
}

void PullProgress::count(const std::string& id, std::string_view status, std::string_view detail) {
  if (layers_.size() >= limits::kPullLayers && !layers_.contains(id)) return;
  Layer& layer = layers_[id];
  if (status == "Downloading") {
    layer.current = std::max(layer.current, bytes_of(detail, "current"));
    layer.total = std::max({layer.total, bytes_of(detail, "total"), layer.current});
  } else if (status.ends_with(" complete") || status == "Already exists") {
    layer.current = layer.total;
    layer.done = true;
  }
}

void PullProgress::write(JsonWriter& out, bool whole) const {
  std::int64_t current = 0, total = 0, done = 0;  // cannot overflow: few layers, capped figures
  for (const auto& [id, layer] : layers_) {
    current += layer.current;
    total += layer.total;
    done += layer.done ? 1 : 0;
  }
  out.key("downloaded_bytes").number(std::min(whole ? total : current, kMostBytes));
  out.key("total_bytes").number(std::min(total, kMostBytes));
  out.key("layers_done").number(done);
  out.key("layers_total").number(static_cast<std::int64_t>(layers_.size()));
}

}  // namespace dc::broker
