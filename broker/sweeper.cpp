// SPDX-License-Identifier: Apache-2.0
// The sweep. Broker only; labels in the list are hostile until their proof holds.
#include "broker/sweeper.hpp"

#include <spdlog/spdlog.h>

#include "broker/engine_request.hpp"
#include "common/json_reader.hpp"

namespace dc::broker {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds kSoon = 1s;

struct Listed {
  std::string id, state, image, transient;
  OwnerLabels labels;
};

Listed read_listed(std::string_view container) {
  Listed out;
  for_each_member(container, [&](std::string_view key, std::string_view json) {
    if (key == "Id") out.id = json_string(json).value_or("");
    if (key == "State") out.state = json_string(json).value_or("");
    if (key == "ImageID") out.image = json_string(json).value_or("");
    if (key != "Labels" || json_is_null(json)) return;
    for_each_member(json, [&](std::string_view label, std::string_view value) {
      if (label == kOwnerLabel) out.labels.owner = json_string(value).value_or("");
      if (label == kNonceLabel) out.labels.nonce = json_string(value).value_or("");
      if (label == kProofLabel) out.labels.proof = json_string(value).value_or("");
      if (label == kTransientLabel) out.transient = json_string(value).value_or("");
    });
  });
  return out;
}

}  // namespace

void Sweeper::start() {
  timer_.start(
      0ms, [this] { sweep(); }, limits::kSweepEvery);
}

void Sweeper::release(const std::string& nonce, bool left_over) {
  active_.erase(nonce);
  if (left_over)
    timer_.start(
        kSoon, [this] { sweep(); }, limits::kSweepEvery);
}

void Sweeper::sweep() {
  engine_.send(request::list_left_over(),
               [this](const Result<EngineResponse>& response) { listed(response); });
}

void Sweeper::listed(const Result<EngineResponse>& response) {
  if (!response || response->status != 200) return;  // the next sweep tries again
  const JsonText document(response->body);
  for_each_element(document.view(), [this](std::string_view json) {
    const Listed container = read_listed(json);
    const auto id = ContainerId::parse(container.id);
    const bool half_made = container.state == "created";
    if (!id || !(half_made || container.transient == "true")) return;
    if (active_.contains(container.labels.nonce)) return;
    if (!ownership_.proven_owner(container.labels, container.image)) return;
    spdlog::warn("removing container {}, left over by an interrupted run",
                 id->view().substr(0, 12));
    if (!audit_.event("sweep", "remove left-over container " + id->str())) return;
    engine_.send(request::remove_container(*id, true, true), [](const Result<EngineResponse>&) {});
  });
}

}  // namespace dc::broker
