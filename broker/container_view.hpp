// SPDX-License-Identifier: Apache-2.0
// What the broker reads out of a container's inspect document: who owns it, and the document as a
// caller may see it. Broker only; every string in it is hostile, its JSON framing is the Engine's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "broker/engine.hpp"
#include "broker/engine_watch.hpp"
#include "broker/ownership.hpp"
#include "broker/reply.hpp"
#include "common/json_reader.hpp"
#include "common/messages.hpp"
#include "policy/authorize.hpp"

namespace dc::broker {

// Views into the inspect document that it was read from. Empty where the Engine gave nothing.
struct ContainerView {
  ContainerId id;
  std::string name;    // without the leading slash
  std::string status;  // "running", "exited", ...
  std::string image_id;
  std::string image;  // as the creator named it
  OwnerLabels labels;
  std::string_view config, host_config, mounts, environment, label_map;  // JSON
};

// Our labels in a JSON object of labels, whatever they are worth.
OwnerLabels read_owner_labels(std::string_view labels);

// Errc::engine_failure when the document is not a container's.
Result<ContainerView> read_container(const JsonText& document);

// An inspect document with what was read out of it; shared by the steps that wait for something.
struct Inspected {
  JsonText document;
  ContainerView view;
};
using InspectedPtr = std::shared_ptr<const Inspected>;

// The container in the answer to an inspect. Errors as the Engine gave them, 404 as not_found.
Result<InspectedPtr> read_inspect(Result<EngineResponse> response);

policy::ContainerFacts facts_of(const ContainerView& container, const Ownership& ownership);

// The document as a client may see it: without the proof label, and with the variables' names alone
// where `mask_environment`.
std::string shown_document(const Inspected& container, bool mask_environment);

// Sends the shown document to the front in frames, as credit allows.
// `sent` runs when the last byte is on its way; without it, the last frame ends the answer.
void send_document(const ReplyPtr& reply, const Inspected& container, const Tags& tags,
                   bool mask_environment, std::function<void()> sent);

}  // namespace dc::broker
