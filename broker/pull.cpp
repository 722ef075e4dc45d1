// SPDX-License-Identifier: Apache-2.0
// Reads the progress lines of a pull. Broker only.
#include "broker/pull.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "broker/engine_error.hpp"
#include "broker/engine_request.hpp"
#include "common/json_reader.hpp"
#include "common/types.hpp"

namespace dc::broker {
namespace {

struct Pull {
  std::weak_ptr<EngineExchange> exchange;
  std::uint64_t started = uv_hrtime();
  std::string line;
  std::string error;

  // False when a line is over its cap.
  bool take(std::string_view bytes) {
    extend();
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line += bytes.substr(0, end);
      if (line.size() > limits::kPullLine) return false;
      if (end == std::string_view::npos) return true;
      read_line();
      bytes.remove_prefix(end + 1);
    }
    return true;
  }

  void read_line() {
    const JsonText text(std::exchange(line, {}));
    if (auto message = json_string(json_member(text.view(), "error"))) error = std::move(*message);
  }

  // Each line earns another stall time, up to the whole pull's.
  void extend() {
    const auto spent = std::chrono::milliseconds((uv_hrtime() - started) / 1'000'000);
    if (const auto running = exchange.lock()) {
      running->extend(
          std::clamp(limits::kPullTime - spent, limits::milliseconds(0), limits::kPullStall));
    }
  }
};

Error pull_error(const std::string& message) {
  const auto shown = Text<512>::clip(message);
  spdlog::warn("a pull failed: {}", shown.view());
  // dockerd gives one text for "no such image" and "not yours": pull access denied.
  for (const std::string_view known : {"not found", "manifest unknown", "access denied",
                                       "does not exist", "unauthorized", "no matching manifest"}) {
    if (message.find(known) != std::string::npos) {
      return {Errc::not_found, "Image not found in its registry", {}};
    }
  }
  return {Errc::engine_failure, "The image could not be pulled",
          "see the broker's log for the Engine's reason"};
}

}  // namespace

void pull_image(Engine& engine, const ImageRef& image, std::function<void(Result<void>)> pulled) {
  auto pull = std::make_shared<Pull>();
  EngineRequest request = request::pull_image(image);
  request.deadline = limits::kPullStall;
  request.on_data = [pull](std::string_view bytes) { return pull->take(bytes); };
  pull->exchange = engine.send(std::move(request), [pull, pulled = std::move(pulled)](
                                                       const Result<EngineResponse>& response) {
    pull->read_line();  // the last one may come without a newline
    if (!response) return pulled(fail(response.error()));
    if (!pull->error.empty()) return pulled(fail(pull_error(pull->error)));
    if (response->status == 200) return pulled({});
    const JsonText body(response->body);
    pulled(fail(pull_error(json_string(json_member(body.view(), "message")).value_or(""))));
  });
}

}  // namespace dc::broker
