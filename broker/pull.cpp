// SPDX-License-Identifier: Apache-2.0
// Reads the progress lines of a pull. Broker only.
#include "broker/pull.hpp"
#include <spdlog/spdlog.h>
#include <memory>
#include "broker/engine_request.hpp"
#include "common/json_reader.hpp"
#include "common/types.hpp"

namespace dc::broker {
namespace {

struct Pull {
  std::string line;
  std::string error;

  // False when a line is over its cap.
  bool take(std::string_view bytes) {
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
  request.on_data = [pull](std::string_view bytes) { return pull->take(bytes); };
  engine.send(std::move(request), [pull, pulled = std::move(pulled)](
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
