// SPDX-License-Identifier: Apache-2.0
// Config of a new container, and the body that carries it with HostConfig. Broker only.
#include "broker/create_container.hpp"
#include <algorithm>
#include "common/json_text.hpp"

namespace dc::broker {
namespace {

template <class List>
std::string texts(const List& list) {
  JsonWriter out;
  out.open('[');
  for (const auto& text : list) out.string(text.view());
  return out.close(']').take();
}

std::string environment(const RunContainer& run) {
  JsonWriter out;
  out.open('[');
  for (const Variable& variable : run.environment) {
    out.string(variable.name.str() + "=" + variable.value.str());
  }
  return out.close(']').take();
}

Members labels_of(const ContainerPlan& plan) {
  Members labels;
  for (const Label& label : plan.allowed.command().labels) {
    labels.emplace(label.key.str(), in_quotes(label.value.view()));
  }
  labels.insert_or_assign(std::string(kOwnerLabel), in_quotes(plan.labels.owner));
  labels.insert_or_assign(std::string(kNonceLabel), in_quotes(plan.labels.nonce));
  labels.insert_or_assign(std::string(kProofLabel), in_quotes(plan.labels.proof));
  labels.insert_or_assign(std::string(kHoldsLabel), in_quotes(holds_text(holding_of(plan))));
  // Always set: an image's labels are merged in where we set none.
  labels.insert_or_assign(std::string(kTransientLabel),
                          in_quotes(plan.labels.transient ? "true" : "false"));
  return labels;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string object(const Members& members) {
  JsonWriter out;
  out.open('{');
  for (const auto& [key, json] : members) out.key(key).raw(json);
  return out.close('}').take();
}

std::string port_key(const Port& port) {
  return std::to_string(port.container) + (port.protocol == Protocol::tcp ? "/tcp" : "/udp");
}

// What is left out the Engine takes from the image, so an interval of the image's has to be
// replaced even where the caller asks for something else of its health check.
std::string health_of(const RunContainer& run, const policy::Profile& profile,
                      std::string_view image_config) {
  const Healthcheck asked = run.healthcheck.value_or(Healthcheck{});
  const auto floored = [&](std::string_view key, const std::optional<std::uint64_t>& own) {
    if (own) return *own;
    const std::string_view image = json_member(image_config, "Healthcheck");
    const auto nanoseconds = json_integer(json_member(image, key)).value_or(0);
    if (nanoseconds <= 0) return std::uint64_t{0};  // Docker's own, which is long
    const auto found = static_cast<std::uint64_t>(nanoseconds);
    return found < profile.health_interval ? profile.health_interval : std::uint64_t{0};
  };
  Members members;
  const auto add = [&](const char* key, std::uint64_t value) {
    if (value != 0) members.emplace(key, std::to_string(value));
  };
  add("Interval", floored("Interval", asked.interval));
  add("StartInterval", floored("StartInterval", std::nullopt));
  add("Timeout", asked.timeout.value_or(0));
  add("StartPeriod", asked.start_period.value_or(0));
  add("Retries", asked.retries.value_or(0));
  if (!asked.test.empty()) members.emplace("Test", texts(asked.test));
  return members.empty() ? std::string() : object(members);
}

Holding holding_of(const ContainerPlan& plan) {
  const RunContainer& run = plan.allowed.command();
  Holding holding{plan.allowed.service(), 1, 0, true, *run.memory, *run.nano_cpus,
                  run.ports.size(),       {}};
  for (const DeviceNode& device : plan.host.devices) holding.devices.push_back(device.path);
  holding.exclusive = plan.allowed.profile().exclusive_devices;
  holding.restarts =
      run.restart.kind == Restart::always || run.restart.kind == Restart::unless_stopped;
  return holding;
}

Members config(const ContainerPlan& plan) {
  const RunContainer& run = plan.allowed.command();
  Members exposed;
  for (const Port& port : run.ports) exposed.emplace(port_key(port), "{}");
  Members members = {{"Env", environment(run)},
                     {"ExposedPorts", object(exposed)},
                     {"Labels", object(labels_of(plan))},
                     {"OpenStdin", run.stdin_open ? "true" : "false"},
                     {"Tty", run.tty ? "true" : "false"}};
  if (!run.command.empty()) members["Cmd"] = texts(run.command);
  if (!run.entrypoint.empty()) members["Entrypoint"] = texts(run.entrypoint);
  if (!plan.healthcheck.empty()) members["Healthcheck"] = plan.healthcheck;
  if (run.hostname) members["Hostname"] = in_quotes(run.hostname->view());
  if (run.stop_signal) members["StopSignal"] = in_quotes(run.stop_signal->view());
  if (run.stop_timeout) members["StopTimeout"] = std::to_string(*run.stop_timeout);
  if (run.user) members["User"] = in_quotes(run.user->view());
  // In the spelling that the Engine gives it.
  if (run.working_dir) {
    members["WorkingDir"] = in_quotes(clean_path(run.working_dir->view()).value_or("/"));
  }
  return members;
}

std::string create_body(const ContainerPlan& plan) {
  Members body = config(plan);
  body["Image"] = in_quotes(plan.allowed.command().image.view());
  body["HostConfig"] = object(host_config(plan));
  return object(body);
}

}  // namespace dc::broker
