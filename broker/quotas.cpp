// SPDX-License-Identifier: Apache-2.0
// The list of what is ours, and the admission that follows it. Broker only; what a list says of one
// counts where its labels prove it ours.
#include "broker/quotas.hpp"
#include <utility>
#include "broker/container_view.hpp"
#include "broker/engine_request.hpp"

namespace dc::broker {

Ledger::Holdings Quotas::read_containers(std::string_view list) const {
  Ledger::Holdings found;
  for_each_element(list, [&](std::string_view container) {
    const OwnerLabels labels = read_owner_labels(json_member(container, "Labels"));
    const auto image = ImageId::parse(json_text(container, "ImageID"));
    if (!image) return;
    auto owner = ownership_.proven_owner(labels, *image);
    if (!owner) return;
    Holding holding{std::move(*owner)};
    const std::string state = json_text(container, "State");
    holding.live = state != "exited" && state != "dead" && state != "created";
    read_holds(labels.holds, holding);
    found.emplace(labels.nonce, std::move(holding));
  });
  return found;
}

Ledger::Holdings Quotas::read_networks(std::string_view list) const {
  Ledger::Holdings found;
  for_each_element(list, [&](std::string_view network) {
    const OwnerLabels labels = read_owner_labels(json_member(network, "Labels"));
    const auto name = NetworkName::parse(json_text(network, "Name"));
    if (!name) return;
    if (auto owner = ownership_.proven_owner(labels, *name)) {
      found.emplace(labels.nonce, Holding{std::move(*owner), 0, 1});
    }
  });
  return found;
}

void Quotas::admit(std::string nonce, Holding holding, policy::ProfilePtr profile,
                   std::function<void(Result<AdmissionPtr>)> admitted) {
  const bool network = holding.networks > 0;
  Ledger& ledger = network ? networks_ : containers_;
  const auto asked = ledger.now();
  const auto listed = [this, asked, network, &ledger, nonce = std::move(nonce),
                       holding = std::move(holding), profile = std::move(profile),
                       admitted = std::move(admitted)](Result<EngineResponse> response) mutable {
    const auto list = read_document(std::move(response), EngineStep::find);
    if (!list) return admitted(fail(list.error()));
    ledger.reconcile(asked, network ? read_networks(list->view()) : read_containers(list->view()));
    if (auto room = ledger.take(nonce, std::move(holding), *profile); !room) {
      return admitted(fail(room.error()));
    }
    admitted(std::make_shared<Admission>(ledger, nonce));
  };
  engine_.send(network ? request::list_networks() : request::list_own(false), listed);
}

}  // namespace dc::broker
