// SPDX-License-Identifier: Apache-2.0
// Paths and deadlines of the Engine requests. Broker only.
#include "broker/engine_request.hpp"
#include "common/json_text.hpp"
#include "common/jwt.hpp"

namespace dc::broker::request {
namespace {

using namespace std::chrono_literals;

// RFC 3986 unreserved characters and those that `keep` names stay, all others are escaped.
std::string escaped(std::string_view text, std::string_view keep = "") {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos || keep.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 0xf];
  }
  return out;
}

EngineRequest get(std::string path) {
  EngineRequest request;
  request.path = std::move(path);
  return request;
}

EngineRequest mutate(Verb verb, std::string path, std::string body = {}) {
  EngineRequest request;
  request.verb = verb;
  request.path = std::move(path);
  request.body = std::move(body);
  request.deadline = limits::kMutateTime;
  // Some take minutes: on the pool, one caller's stops would hold up everybody's reads.
  request.long_lived = true;
  return request;
}

std::string container_path(std::string_view container, std::string_view rest) {
  return "/containers/" + escaped(container) + std::string(rest);
}

// By name, never by id: ids belong to everybody's images.
std::string image_path(const ImageRef& image, std::string_view rest) {
  return "/images/" + escaped(image.view(), "/:@") + std::string(rest);
}

// The value of X-Registry-Auth, for the registry of the image whatever the caller wrote.
std::string registry_auth(const RegistryLogin& login, const ImageRef& image) {
  const bool hub = image.domain() == "docker.io";
  std::string json;
  // Enough for all of it, so that no password stays behind in a smaller buffer.
  json.reserve(6 * (login.username.view().size() + login.password.view().size()) + 512);
  json += R"({"username":)";
  append_json_string(json, login.username.view());
  json += R"(,"password":)";
  append_json_string(json, login.password.view());
  json += R"(,"serveraddress":)";
  append_json_string(json, hub ? "https://index.docker.io/v1/" : image.domain());
  json += '}';
  while (json.size() % 3 != 0) json += ' ';  // the Engine wants padding unless it needs none
  std::string encoded = jwt::encode_base64url(json);
  wipe(json);
  return encoded;
}

// Nanoseconds as the Engine's "SECONDS.NANOSECONDS".
std::string seconds_text(std::uint64_t nanoseconds) {
  const std::string fraction = std::to_string(1'000'000'000 + nanoseconds % 1'000'000'000);
  return std::to_string(nanoseconds / 1'000'000'000) + "." + fraction.substr(1);
}

template <class List>
void write_strings(JsonWriter& out, const List& list) {
  out.open('[');
  for (const auto& text : list) out.string(text.view());
  out.close(']');
}

std::string label(std::string_view key, std::string_view value) {
  return std::string(key) + "=" + std::string(value);
}

}  // namespace

EngineRequest list_containers(const ListContainers& command, const ServiceName* owner) {
  JsonWriter filters;
  filters.open('{');
  if (!command.names.empty()) write_strings(filters.key("name"), command.names);
  if (!command.labels.empty() || owner != nullptr) {
    filters.key("label").open('[');
    for (const auto& text : command.labels) filters.string(text.view());
    if (owner != nullptr) filters.string(label(kOwnerLabel, owner->view()));
    filters.close(']');
  }
  if (!command.states.empty()) {
    filters.key("status").open('[');
    for (const ContainerState state : command.states) filters.string(enum_name(state));
    filters.close(']');
  }
  filters.close('}');
  std::string path = command.all ? "/containers/json?all=1" : "/containers/json?all=0";
  if (filters.str() != "{}") path += "&filters=" + escaped(filters.str());
  EngineRequest request = get(std::move(path));
  request.max_body = limits::kEngineBody;
  return request;
}

EngineRequest list_own(bool idle_only, const ServiceName* owner) {
  JsonWriter filters;
  filters.open('{').key("label").open('[').string(kNonceLabel);
  if (owner != nullptr) filters.string(label(kOwnerLabel, owner->view()));
  filters.close(']');
  if (idle_only) {
    filters.key("status").open('[').string("created").string("exited").string("dead").close(']');
  }
  filters.close('}');
  EngineRequest request = get("/containers/json?all=1&filters=" + escaped(filters.str()));
  request.max_body = limits::kEngineBody;
  return request;
}

EngineRequest inspect_container(const ContainerRef& container) {
  return get(container_path(container.view(), "/json"));
}

EngineRequest inspect_container(const ContainerId& container) {
  return get(container_path(container.view(), "/json"));
}

EngineRequest create_container(const std::optional<ContainerName>& name, std::string body) {
  std::string path = "/containers/create";
  if (name) path += "?name=" + escaped(name->view());
  return mutate(Verb::post, std::move(path), std::move(body));
}

EngineRequest start_container(const ContainerId& container) {
  return mutate(Verb::post, container_path(container.view(), "/start"));
}

EngineRequest act(const StartContainer&, const ContainerId& container) {
  return start_container(container);
}

EngineRequest act(const StopContainer& stop, const ContainerId& container) {
  EngineRequest request = mutate(
      Verb::post, container_path(container.view(), "/stop?t=" + std::to_string(stop.timeout)));
  request.deadline = limits::kStopGrace + stop.timeout * 1s;
  return request;
}

EngineRequest act(const RestartContainer& restart, const ContainerId& container) {
  EngineRequest request =
      mutate(Verb::post,
             container_path(container.view(), "/restart?t=" + std::to_string(restart.timeout)));
  request.deadline = limits::kMutateTime + restart.timeout * 1s;
  return request;
}

EngineRequest act(const RemoveContainer& remove, const ContainerId& container) {
  return mutate(Verb::del, container_path(container.view(),
                                          std::string("?force=") + (remove.force ? "1" : "0") +
                                              (remove.volumes ? "&v=1" : "&v=0")));
}

EngineRequest discard(const ContainerId& container, bool running_too) {
  const char* const query = running_too ? "?force=1&v=1" : "?force=0&v=1";
  return mutate(Verb::del, container_path(container.view(), query));
}

EngineRequest wait_container(const ContainerId& container) {
  EngineRequest request = mutate(Verb::post, container_path(container.view(), "/wait"));
  request.deadline = limits::kWaitTime;
  return request;
}

EngineRequest act(const RenameContainer& rename, const ContainerId& container) {
  return mutate(Verb::post,
                container_path(container.view(), "/rename?name=" + escaped(rename.name.view())));
}

// Two samples a second apart, so that the use of the processor can be told from them.
EngineRequest read_stats(const ContainerId& container) {
  EngineRequest request = get(container_path(container.view(), "/stats?stream=0"));
  request.long_lived = true;
  return request;
}

EngineRequest read_logs(const ReadLogs& command, const ContainerId& container) {
  const auto flag = [](const char* name, bool set) {
    return std::string(name) + (set ? "1" : "0");
  };
  std::string query = flag("?follow=", command.follow) + flag("&stdout=", command.out) +
                      flag("&stderr=", command.err) + flag("&timestamps=", command.timestamps) +
                      "&tail=" + (command.tail ? std::to_string(*command.tail) : "all");
  if (command.since) query += "&since=" + seconds_text(*command.since);
  if (command.until) query += "&until=" + seconds_text(*command.until);
  EngineRequest request = get(container_path(container.view(), "/logs" + query));
  request.long_lived = true;
  request.deadline = limits::kFollowTime;
  if (!command.follow) request.stall = limits::kMutateTime;
  return request;
}

EngineRequest inspect_image(const ImageRef& image) { return get(image_path(image, "/json")); }

EngineRequest pull_image(const PullImage& command) {
  const ImageRef& image = command.image;
  const std::string& version = image.digest().empty() ? image.tag() : image.digest();
  EngineRequest request =
      mutate(Verb::post, "/images/create?fromImage=" + escaped(image.name(), "/:") +
                             "&tag=" + escaped(version, ":"));
  request.deadline = limits::kPullTime;
  request.stall = limits::kPullStall;
  if (command.login) request.registry_auth = registry_auth(*command.login, image);
  return request;
}

EngineRequest remove_image(const RemoveImage& command) {
  return mutate(Verb::del, image_path(command.image,
                                      command.force ? "?force=1&noprune=0" : "?force=0&noprune=0"));
}

EngineRequest list_images() {
  EngineRequest request = get("/images/json");
  request.max_body = limits::kEngineBody;
  return request;
}

EngineRequest image_events(std::int64_t since) {
  EngineRequest request = get("/events?since=" + std::to_string(since) +
                              "&filters=" + escaped(R"({"type":["image"]})"));
  request.long_lived = true;
  request.deadline = 24h * 365;  // it ends with the Engine
  return request;
}

// Without standard error, so that du's complaints do not stand between its numbers.
EngineRequest create_du(const ContainerId& container, std::string_view unit,
                        const DirectoryPath& path) {
  JsonWriter body;
  body.open('{').key("AttachStdout").boolean(true).key("Cmd").open('[').string("du");
  body.string(unit).string("--").string(path.view()).close(']').close('}');
  return mutate(Verb::post, container_path(container.view(), "/exec"), body.take());
}

EngineRequest start_exec(const ExecId& exec) {
  return mutate(Verb::post, "/exec/" + exec.str() + "/start", R"({"Detach":false,"Tty":false})");
}

EngineRequest inspect_exec(const ExecId& exec) { return get("/exec/" + exec.str() + "/json"); }

EngineRequest list_networks() {
  EngineRequest request = get("/networks");
  request.max_body = limits::kEngineBody;
  return request;
}

EngineRequest inspect_network(const NetworkName& network) {
  return get("/networks/" + escaped(network.view()));
}

EngineRequest inspect_network(const NetworkId& network) {
  return get("/networks/" + network.str());
}

EngineRequest create_network(const NetworkName& network, const OwnerLabels& labels) {
  JsonWriter body;
  body.open('{').key("Name").string(network.view()).key("Driver").string("bridge");
  body.key("CheckDuplicate").boolean(true).key("Labels").open('{');
  body.key(kOwnerLabel).string(labels.owner).key(kNonceLabel).string(labels.nonce);
  body.key(kProofLabel).string(labels.proof).close('}').close('}');
  return mutate(Verb::post, "/networks/create", body.take());
}

EngineRequest remove_network(const NetworkId& network) {
  return mutate(Verb::del, "/networks/" + network.str());
}

// Nothing of the endpoint is the caller's: an alias or address could be a neighbour's.
EngineRequest act(const ConnectNetwork&, const NetworkId& network, const ContainerId& container) {
  return mutate(Verb::post, "/networks/" + network.str() + "/connect",
                R"({"Container":")" + container.str() + R"(","EndpointConfig":{}})");
}

EngineRequest act(const DisconnectNetwork& disconnect, const NetworkId& network,
                  const ContainerId& container) {
  return mutate(Verb::post, "/networks/" + network.str() + "/disconnect",
                R"({"Container":")" + container.str() + R"(","Force":)" +
                    (disconnect.force ? "true}" : "false}"));
}

EngineRequest inspect_volume(const VolumeName& volume) {
  return get("/volumes/" + escaped(volume.view()));
}

EngineRequest info() { return get("/info"); }

EngineRequest ping(std::chrono::milliseconds deadline) {
  EngineRequest request = get("/_ping");
  request.long_lived = true;  // health does not wait in a queue
  request.deadline = deadline;
  return request;
}

}  // namespace dc::broker::request
