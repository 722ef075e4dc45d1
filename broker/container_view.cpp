// SPDX-License-Identifier: Apache-2.0
// Reads an inspect document and edits it in place for a client. Broker only.
#include "broker/container_view.hpp"
#include <algorithm>
#include <map>
#include <utility>
#include "broker/engine_request.hpp"
#include "common/json_text.hpp"

namespace dc::broker {
namespace {

constexpr std::size_t kShownTags = 16;
std::string string_or_empty(std::string_view json) { return json_string(json).value_or(""); }

void read_config(ContainerView& out) {
  for_each_member(out.config, [&](std::string_view key, std::string_view json) {
    if (key == "Env") out.environment = json;
    if (key == "Image") out.image = string_or_empty(json);
    if (key == "Labels" && !json_is_null(json)) out.label_map = json;
  });
  if (!out.label_map.empty()) out.labels = read_owner_labels(out.label_map);
}

std::string masked_environment(std::string_view environment) {
  JsonWriter out;
  out.open('[');
  for_each_element(environment, [&](std::string_view json) {
    const std::string variable = string_or_empty(json);
    out.string(variable.substr(0, variable.find('=')) + "=***");
  });
  return out.close(']').take();
}

std::string labels_without_proof(std::string_view labels) {
  JsonWriter out;
  out.open('{');
  for_each_member(labels, [&](std::string_view key, std::string_view json) {
    if (key != kProofLabel) out.key(key).raw(json);
  });
  return out.close('}').take();
}

}  // namespace

OwnerLabels read_owner_labels(std::string_view labels) {
  OwnerLabels out;
  for_each_member(labels, [&](std::string_view key, std::string_view json) {
    if (key == kOwnerLabel) out.owner = string_or_empty(json);
    if (key == kNonceLabel) out.nonce = string_or_empty(json);
    if (key == kProofLabel) out.proof = string_or_empty(json);
    if (key == kTransientLabel) out.transient = json == "\"true\"";
    if (key == kHoldsLabel) out.holds = string_or_empty(json);
  });
  return out;
}

Result<ContainerView> read_container(const JsonText& document) {
  std::string id, name, status, image_id;
  std::string_view config, host_config, mounts;
  const bool whole =
      for_each_member(document.view(), [&](std::string_view key, std::string_view json) {
        if (key == "Id") id = string_or_empty(json);
        if (key == "Name") name = string_or_empty(json);
        if (key == "Image") image_id = string_or_empty(json);
        if (key == "State") status = string_or_empty(json_member(json, "Status"));
        if (key == "Config") config = json;
        if (key == "HostConfig") host_config = json;
        if (key == "Mounts") mounts = json;
      });
  auto container_id = ContainerId::parse(id);
  if (!whole || !container_id || json_is_null(config) || json_is_null(host_config)) {
    return fail(Errc::engine_failure, "The Docker Engine's answer is not a container");
  }
  if (name.starts_with('/')) name.erase(0, 1);
  ContainerView out{std::move(*container_id),
                    name,
                    status,
                    image_id,
                    {},
                    {},
                    config,
                    host_config,
                    mounts,
                    {},
                    {}};
  read_config(out);
  return out;
}

policy::ContainerFacts facts_of(const ContainerView& container, const Ownership& ownership) {
  policy::ContainerFacts facts;
  const auto content = ImageId::parse(container.image_id);
  if (content) facts.owner = ownership.proven_owner(container.labels, *content);
  if (auto image = ImageRef::parse(container.image)) facts.image = std::move(*image);
  facts.name = container.name;
  return facts;
}

Result<InspectedPtr> read_inspect(Result<EngineResponse> response) {
  auto document = read_document(std::move(response), EngineStep::find);
  if (!document) return fail(document.error());
  auto view = read_container(*document);
  if (!view) return fail(view.error());
  return std::make_shared<const Inspected>(Inspected{std::move(*document), std::move(*view)});
}

std::string shown_document(const Inspected& container, bool mask_environment) {
  const std::string_view document = container.document.view();
  std::map<std::size_t, std::pair<std::size_t, std::string>> edits;  // by offset: size, replacement
  const auto replace = [&](std::string_view part, std::string text) {
    edits[static_cast<std::size_t>(part.data() - document.data())] = {part.size(), std::move(text)};
  };
  const ContainerView& view = container.view;
  if (!view.labels.proof.empty()) replace(view.label_map, labels_without_proof(view.label_map));
  if (mask_environment && !json_is_null(view.environment)) {
    replace(view.environment, masked_environment(view.environment));
  }
  std::string out;
  out.reserve(document.size() + 256);
  std::size_t copied = 0;
  for (const auto& [offset, edit] : edits) {
    out.append(document.substr(copied, offset - copied)).append(edit.second);
    copied = offset + edit.first;
  }
  return out.append(document.substr(copied));
}

// The tags at their most and one chunk of data fit a frame.
static_assert(kShownTags * 1024 + limits::kChunk + 1024 <= limits::kFrame);

void send_document(const ReplyPtr& reply, const Inspected& container, const Tags& tags,
                   bool mask_environment, std::function<void()> sent) {
  std::string document = shown_document(container, mask_environment);
  ContainerDocument head;
  head.size = static_cast<std::uint32_t>(document.size());
  if (const auto own = tags.find(container.view.image_id); own != tags.end()) {
    for (const std::string& tag : own->second) {
      if (head.image_tags.size() == kShownTags) break;
      head.image_tags.push_back(Text<1024>::clip(tag));
    }
  }
  send_bytes(reply, std::move(document), std::move(sent), std::move(head));
}

}  // namespace dc::broker
