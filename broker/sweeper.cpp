// SPDX-License-Identifier: Apache-2.0
// The sweep. Broker only; labels in the list are hostile until their proof holds.
#include "broker/sweeper.hpp"
#include <spdlog/spdlog.h>
#include "broker/container_view.hpp"
#include "broker/engine_request.hpp"

namespace dc::broker {

void Sweeper::start() {
  timer_.start(
      std::chrono::milliseconds(0), [this] { sweep(); }, limits::kSweepEvery);
}

void Sweeper::sweep() {
  engine_.send(request::list_own(true, nullptr),
               [this](const Result<EngineResponse>& response) { listed(response); });
}

void Sweeper::listed(const Result<EngineResponse>& response) {
  if (!response || response->status != 200) return;  // the next sweep tries again
  const JsonText document(response->body);
  for_each_element(document.view(), [this](std::string_view container) {
    const auto id = ContainerId::parse(json_text(container, "Id"));
    const OwnerLabels labels = read_owner_labels(json_member(container, "Labels"));
    if (!id || !(json_text(container, "State") == "created" || labels.transient)) return;
    if (active_.contains(labels.nonce)) return;
    const auto image = ImageId::parse(json_text(container, "ImageID"));
    if (!image || !ownership_.proven_owner(labels, *image)) return;
    spdlog::warn("removing container {}, left over by an interrupted run",
                 id->view().substr(0, 12));
    if (!audit_.event("sweep", "remove left-over container " + id->str())) return;
    protect(labels.nonce);  // from the next sweep, while this one is at it
    // Not one that runs: it may have been started since the list was made.
    engine_.send(request::discard(*id, false),
                 [this, nonce = labels.nonce](const Result<EngineResponse>&) { release(nonce); });
  });
}

}  // namespace dc::broker
