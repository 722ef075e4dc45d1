// SPDX-License-Identifier: Apache-2.0
// Networks: create, list, remove, and who is on them. Broker only. A create is a transaction, as a
// run is: what is not as it was asked for is removed.
#include <spdlog/spdlog.h>
#include <algorithm>
#include "broker/find_container.hpp"
#include "broker/find_network.hpp"
#include "common/json_text.hpp"

namespace dc::broker {
namespace {

// What is not a network, or has a name that no request could hold, is not found.
Result<Network> read_network(std::string_view json) {
  auto id = NetworkId::parse(json_text(json, "Id"));
  auto name = NetworkName::parse(json_text(json, "Name"));
  if (!id || !name) return fail(Errc::not_found, "Network not found");
  bool plain = true;
  for (const char* mode : {"Internal", "Attachable", "ConfigOnly", "Ingress"}) {
    plain = plain && json_member(json, mode) == "false";
  }
  // The host's configuration may set these for every network, and Docker 28 always shows some.
  for_each_member(json_member(json, "Options"), [&plain](std::string_view option, auto) {
    plain = plain && (option == "com.docker.network.driver.mtu" ||
                      option.starts_with("com.docker.network.enable_ipv"));
  });
  const bool local_bridge =
      json_text(json, "Driver") == "bridge" && json_text(json, "Scope") == "local";
  return Network{std::move(*id), std::move(*name), read_owner_labels(json_member(json, "Labels")),
                 local_bridge, plain};
}

// In both spellings: clients of the service that we replace look for either.
void write_network(JsonWriter& out, std::string_view json) {
  out.open('{');
  for (std::string key : {"Id", "Name", "Driver", "Scope", "Created"}) {
    const std::string_view value = json_member(json, key);
    out.key(key).raw(json_is_null(value) ? R"("")" : value);
    key[0] = static_cast<char>(key[0] | 0x20);
    out.key(key).raw(json_is_null(value) ? R"("")" : value);
  }
  out.close('}');
}

template <class X>
bool may_see(const policy::Allowed<X>& allowed, const Network& network, const Context& context) {
  const auto owner = context.ownership.proven_owner(network.labels, network.name);
  return policy::may_see_network(allowed.service(), allowed.profile(), owner, network.name);
}

// `found` runs for a local bridge that the caller may see; what follows uses its id, so that one
// made anew under the same name is not touched. All others are answered here.
template <class X>
void find_network(const policy::Allowed<X>& allowed, const ReplyPtr& reply, Context& context,
                  std::function<void(const Network&)> found) {
  const auto judge = [allowed, reply, &context,
                      found = std::move(found)](Result<EngineResponse> response) {
    const auto network = read_bridge(std::move(response), allowed.command().network);
    if (!network) return reply->fail(network.error());
    if (may_see(allowed, *network, context)) return found(*network);
    reply->deny({Errc::not_found, "Network not found", {}});
  };
  context.engine.send(request::inspect_network(allowed.command().network), judge);
}

// Connect and disconnect: the container must be the caller's to manage.
template <class X>
void change_members(const policy::Allowed<X>& allowed, const ReplyPtr& reply, Context& context) {
  find_network(allowed, reply, context, [allowed, reply, &context](const Network& network) {
    const auto act = [allowed, reply, &context, id = network.id](const InspectedPtr& container) {
      context.engine.send(request::act(allowed.command(), id, container->view.id),
                          [reply](const Result<EngineResponse>& response) {
                            finish_act(reply, EngineStep::connect, response);
                          });
    };
    find_container(allowed, Right::manage, reply, context, act);
  });
}

// Ends a create: what is not as it was asked for is removed.
void judge_created(const NetworkId& id, const Result<Network>& made, const OwnerLabels& labels,
                   const ReplyPtr& reply, Context& context) {
  if (made && made->plain && made->labels == labels) return reply->done();
  const Error error = !made ? made.error()
                            : Error{Errc::policy_not_enforced,
                                    "The Docker Engine made another network than asked for",
                                    "see default-network-opts in the Engine's configuration"};
  spdlog::error("removing network {}: {}", id.view(), error.detail);
  context.engine.send(request::remove_network(id),
                      [reply, error](const Result<EngineResponse>&) { reply->fail(error); });
}

}  // namespace

Result<Network> read_bridge(Result<EngineResponse> response, const NetworkName& name) {
  const auto document = read_document(std::move(response), EngineStep::network);
  if (!document) return fail(document.error());
  auto network = read_network(document->view());
  if (network && network->name != name) return fail(Errc::not_found, "Network not found");
  if (!network || network->local_bridge) return network;
  return fail(Errc::network_not_allowed, "The network is not a local bridge",
              "only bridge networks of this host can be used");
}

void execute(const policy::Allowed<CreateNetwork>& allowed, const ReplyPtr& reply,
             Context& context) {
  const NetworkName& name = allowed.command().network;
  OwnerLabels labels{allowed.service().str(), make_nonce(), {}};
  labels.proof = context.ownership.proof(allowed.service(), labels.nonce, name);
  const auto admitted = [name, labels, reply, &context](const Result<AdmissionPtr>& place) {
    if (!place) return reply->fail(place.error());
    const auto created = [name, labels, reply, &context,
                          place = *place](Result<EngineResponse> response) {
      const auto document = read_document(std::move(response), EngineStep::network, 201);
      if (!document) return reply->fail(document.error());
      const auto id = NetworkId::parse(json_text(document->view(), "Id"));
      if (!id) return reply->fail({Errc::engine_failure, "The Docker Engine gave no id", {}});
      reply->about(id->view());
      const auto inspected = [name, labels, reply, &context, id = *id,
                              place](Result<EngineResponse> network) {
        judge_created(id, read_bridge(std::move(network), name), labels, reply, context);
      };
      context.engine.send(request::inspect_network(*id), inspected);
    };
    context.engine.send(request::create_network(name, labels), created);
  };
  context.quotas.admit(labels.nonce, Holding{allowed.service(), 0, 1}, allowed.shared_profile(),
                       admitted);
}

void execute(const policy::Allowed<ListNetworks>& allowed, const ReplyPtr& reply,
             Context& context) {
  context.engine.send(
      request::list_networks(), [allowed, reply, &context](Result<EngineResponse> response) {
        const auto document = read_document(std::move(response), EngineStep::network);
        if (!document) return reply->fail(document.error());
        const auto& names = allowed.command().names;
        JsonWriter out;
        out.open('[');
        for_each_element(document->view(), [&](std::string_view json) {
          const auto network = read_network(json);
          if (!network || !may_see(allowed, *network, context)) return;
          const bool wanted = std::find(names.begin(), names.end(), network->name) != names.end();
          if (wanted || names.empty()) write_network(out, json);
        });
        send_bytes(reply, out.close(']').take());
      });
}

void execute(const policy::Allowed<RemoveNetwork>& allowed, const ReplyPtr& reply,
             Context& context) {
  find_network(allowed, reply, context, [allowed, reply, &context](const Network& network) {
    reply->about(network.id.view());
    if (context.ownership.proven_owner(network.labels, network.name) != allowed.service()) {
      return reply->deny({Errc::scope_denied, "This network was not made by this service", {}});
    }
    context.engine.send(request::remove_network(network.id),
                        [reply](const Result<EngineResponse>& response) {
                          finish_act(reply, EngineStep::network, response);
                        });
  });
}

void execute(const policy::Allowed<ConnectNetwork>& allowed, const ReplyPtr& reply,
             Context& context) {
  change_members(allowed, reply, context);
}

void execute(const policy::Allowed<DisconnectNetwork>& allowed, const ReplyPtr& reply,
             Context& context) {
  change_members(allowed, reply, context);
}

}  // namespace dc::broker
