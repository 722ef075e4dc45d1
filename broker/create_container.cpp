// SPDX-License-Identifier: Apache-2.0
// Serialises a container for the Engine and compares the Engine's answer. Broker only. One list of
// HostConfig members serves both: what is sent is what must be there, and nothing else may be.
#include "broker/create_container.hpp"
#include <unistd.h>
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include "common/json_text.hpp"

namespace dc::broker {
namespace {

// Docker's default capabilities without MKNOD, NET_RAW, AUDIT_WRITE and SETFCAP.
constexpr std::string_view kCapabilities =
    R"(["CHOWN","DAC_OVERRIDE","FOWNER","FSETID","KILL","NET_BIND_SERVICE","SETGID","SETPCAP","SETUID","SYS_CHROOT"])";
// In the host's network a low port would be the host's.
constexpr std::string_view kHostCapabilities =
    R"(["CHOWN","DAC_OVERRIDE","FOWNER","FSETID","KILL","SETGID","SETPCAP","SETUID","SYS_CHROOT"])";
constexpr std::string_view kLogConfig =
    R"({"Type":"json-file","Config":{"max-file":"3","max-size":"10m"}})";

// Members that the Engine fills in by itself and that grant nothing.
constexpr std::array<std::string_view, 5> kEngineMembers = {
    "ConsoleSize", "Isolation", "MaskedPaths", "ReadonlyPaths", "Runtime"};

// Members of a JSON object in the spelling of the Engine's own encoder.
using Members = std::map<std::string, std::string, std::less<>>;

// The Engine refuses more processors than there are.
std::uint64_t host_nano_cpus() {
  return static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)) * 1'000'000'000U;
}

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string boolean(bool value) { return value ? "true" : "false"; }

std::string object(const Members& members) {
  JsonWriter out;
  out.open('{');
  for (const auto& [key, json] : members) out.key(key).raw(json);
  return out.close('}').take();
}

template <class List>
std::string array_of(const List& list) {
  JsonWriter out;
  out.open('[');
  for (const auto& text : list) out.string(text.view());
  return out.close(']').take();
}

std::string port_key(const Port& port) {
  return std::to_string(port.container) + (port.protocol == Protocol::tcp ? "/tcp" : "/udp");
}

std::string port_bindings(const ContainerPlan& plan) {
  std::map<std::string, std::string> bindings;
  const std::string address = in_quotes(plan.allowed.profile().port_address.view());
  for (const Port& port : plan.allowed.command().ports) {
    std::string& list = bindings[port_key(port)];
    list += list.empty() ? "[" : ",";
    list += R"({"HostIp":)" + address + R"(,"HostPort":)" +
            in_quotes(port.host ? std::to_string(*port.host) : "") + "}";
  }
  Members members;
  for (auto& [key, list] : bindings) members.emplace(key, list + "]");
  return object(members);
}

Members host_config(const ContainerPlan& plan) {
  const RunContainer& run = plan.allowed.command();
  return {
      {"AutoRemove", boolean(run.auto_remove && !plan.labels.transient)},
      {"CapAdd", std::string(plan.network_mode == "host" ? kHostCapabilities : kCapabilities)},
      {"CapDrop", R"(["ALL"])"},
      {"CgroupnsMode", in_quotes("private")},
      {"Init", boolean(run.init)},
      {"IpcMode", in_quotes("private")},
      {"LogConfig", std::string(kLogConfig)},
      {"Memory", number(*run.memory)},
      {"MemorySwap", number(*run.memory)},
      {"NanoCpus", number(std::min(*run.nano_cpus, host_nano_cpus()))},
      {"NetworkMode", in_quotes(plan.network_mode)},
      {"OomKillDisable", "false"},
      {"PidsLimit", number(*run.pids)},
      {"PortBindings", port_bindings(plan)},
      {"Privileged", "false"},
      {"PublishAllPorts", "false"},
      {"ReadonlyRootfs", boolean(run.read_only)},
      {"RestartPolicy", R"({"Name":)" + in_quotes(enum_name(run.restart.kind)) +
                            R"(,"MaximumRetryCount":)" + number(run.restart.retries) + "}"},
      {"SecurityOpt", R"(["no-new-privileges:true"])"},
      {"ShmSize", number(*run.shm)},
  };
}

Members labels_of(const ContainerPlan& plan) {
  Members labels;
  for (const Label& label : plan.allowed.command().labels) {
    labels.emplace(label.key.str(), in_quotes(label.value.view()));
  }
  labels.insert_or_assign(std::string(kOwnerLabel), in_quotes(plan.labels.owner));
  labels.insert_or_assign(std::string(kNonceLabel), in_quotes(plan.labels.nonce));
  labels.insert_or_assign(std::string(kProofLabel), in_quotes(plan.labels.proof));
  // Always set: an image's labels are merged in where we set none.
  labels.insert_or_assign(std::string(kTransientLabel), in_quotes(boolean(plan.labels.transient)));
  return labels;
}

// null, [], {}, "", 0 and false: a feature that is not in use.
bool is_unused(std::string_view json) {
  constexpr std::array<std::string_view, 6> kUnused = {"null", "[]", "{}", "\"\"", "0", "false"};
  return json.empty() || std::find(kUnused.begin(), kUnused.end(), json) != kUnused.end();
}

// Capabilities: newer Engines sort them and write CAP_ before each.
std::set<std::string> capability_set(std::string_view json) {
  std::set<std::string> out;
  for_each_element(json, [&](std::string_view element) {
    std::string name = json_string(element).value_or("?");
    if (name.starts_with("CAP_")) name.erase(0, 4);
    out.insert(std::move(name));
  });
  return out;
}

bool log_options_hold(std::string_view found) {
  const std::string_view options = json_member(found, "Config");
  return json_member(found, "Type") == R"("json-file")" &&
         json_member(options, "max-file") == R"("3")" &&
         json_member(options, "max-size") == R"("10m")";
}

bool same(std::string_view key, std::string_view sent, std::string_view found) {
  if (key == "CapAdd" || key == "CapDrop") return capability_set(sent) == capability_set(found);
  // The host's configuration may add options to the log's, such as compression.
  if (key == "LogConfig") return log_options_hold(found);
  return sent == found || (is_unused(sent) && is_unused(found));
}

// The first member of HostConfig that is not as it was sent; empty when all are.
std::string differing_member(const Members& sent, std::string_view host_config_json) {
  std::string differing;
  std::map<std::string, std::string_view, std::less<>> found;  // views into the document
  for_each_member(host_config_json, [&](std::string_view key, std::string_view json) {
    found.insert_or_assign(std::string(key), json);
    const bool filled_in =
        std::find(kEngineMembers.begin(), kEngineMembers.end(), key) != kEngineMembers.end();
    if (!sent.contains(key) && !filled_in && !is_unused(json)) differing = key;
  });
  for (const auto& [key, json] : sent) {
    const JsonText text(json);
    if (!same(key, text.view(), found[key])) differing = key;
  }
  return differing;
}

}  // namespace

std::string create_body(const ContainerPlan& plan) {
  const RunContainer& run = plan.allowed.command();
  Members body = {{"Image", in_quotes(run.image.view())},
                  {"Labels", object(labels_of(plan))},
                  {"HostConfig", object(host_config(plan))}};
  if (run.hostname) body["Hostname"] = in_quotes(run.hostname->view());
  if (run.user) body["User"] = in_quotes(run.user->view());
  if (run.working_dir) body["WorkingDir"] = in_quotes(run.working_dir->view());
  if (!run.command.empty()) body["Cmd"] = array_of(run.command);
  if (!run.entrypoint.empty()) body["Entrypoint"] = array_of(run.entrypoint);
  JsonWriter environment;
  environment.open('[');
  for (const Variable& variable : run.environment) {
    environment.string(variable.name.str() + "=" + variable.value.str());
  }
  body["Env"] = environment.close(']').take();
  Members exposed;
  for (const Port& port : run.ports) exposed.emplace(port_key(port), "{}");
  body["ExposedPorts"] = object(exposed);
  return object(body);
}

Result<void> check_created(const ContainerPlan& plan, const ContainerView& created) {
  const RunContainer& run = plan.allowed.command();
  std::string differing = differing_member(host_config(plan), created.host_config);
  if (created.image_id != plan.image.view()) differing = "Image";
  if (created.labels.proof != plan.labels.proof || created.labels.nonce != plan.labels.nonce) {
    differing = "Labels";
  }
  if (run.user && json_string(json_member(created.config, "User")) != run.user->view()) {
    differing = "User";
  }
  if (differing.empty()) return {};
  return fail(Errc::policy_not_enforced,
              "The Docker Engine did not apply " + differing + "; the container was removed",
              "see the broker's log and the Engine's warnings about missing kernel support");
}

}  // namespace dc::broker
