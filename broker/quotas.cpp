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
    read_holds(labels.holds, holding);
    holding.live = holding.restarts || (state != "exited" && state != "dead" && state != "created");
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

namespace {

// What a question is about besides the containers of one service, whose name it then is.
constexpr std::string_view kEverybody = "*containers";
constexpr std::string_view kNetworks = "*networks";

}  // namespace

// The containers of one service, so that no other can make its lists long, but where a device may
// be anybody's.
void Quotas::admit(std::string nonce, Holding holding, policy::ProfilePtr profile,
                   std::function<void(Result<AdmissionPtr>)> admitted) {
  const std::string about(holding.networks > 0      ? kNetworks
                          : holding.devices.empty() ? holding.service.view()
                                                    : kEverybody);
  questions_[about].next.push_back(
      {std::move(nonce), std::move(holding), std::move(profile), std::move(admitted)});
  if (!questions_[about].under_way) ask(about);
}

void Quotas::ask(const std::string& about) {
  Question& question = questions_[about];
  question.under_way = true;
  const bool networks = about == kNetworks;
  const auto asked = (networks ? networks_ : containers_).now();
  const auto waiting = std::make_shared<std::vector<Waiting>>(std::exchange(question.next, {}));
  const ServiceName* only = about.starts_with('*') ? nullptr : &waiting->front().holding.service;
  engine_.send(networks ? request::list_networks() : request::list_own(false, only),
               [this, about, asked, waiting](Result<EngineResponse> response) {
                 answered(about, asked, *waiting, std::move(response));
               });
}

void Quotas::answered(const std::string& about, Ledger::Moment asked,
                      const std::vector<Waiting>& waiting, Result<EngineResponse> response) {
  const auto list = read_document(std::move(response), EngineStep::find);
  const bool networks = about == kNetworks;
  Ledger& ledger = networks ? networks_ : containers_;
  if (list) {
    ledger.reconcile(asked, networks ? read_networks(list->view()) : read_containers(list->view()),
                     about.starts_with('*') ? nullptr : &waiting.front().holding.service);
  }
  for (const Waiting& one : waiting) {
    if (!list) {
      one.admitted(fail(list.error()));
    } else if (auto room = ledger.take(one.nonce, one.holding, *one.profile); !room) {
      one.admitted(fail(room.error()));
    } else {
      one.admitted(std::make_shared<Admission>(ledger, one.nonce));
    }
  }
  Question& question = questions_[about];
  question.under_way = false;
  if (!question.next.empty()) return ask(about);
  questions_.erase(about);
}

}  // namespace dc::broker
