// SPDX-License-Identifier: Apache-2.0
// HostConfig of a new container: its limits, mounts, devices and rights, and the constants that
// confine it. Broker only. Every member that is sent is compared after (check_created.cpp).
#include <unistd.h>
#include <algorithm>
#include "broker/create_container.hpp"
#include "common/json_text.hpp"

namespace dc::broker {
namespace {

// The Engine refuses more processors than there are.
std::uint64_t host_nano_cpus() {
  return static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)) * 1'000'000'000U;
}

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string boolean(bool value) { return value ? "true" : "false"; }

// A JSON array; `write` writes one element.
template <class List, class Write>
std::string array_of(const List& list, const Write& write) {
  JsonWriter out;
  out.open('[');
  for (const auto& element : list) write(out, element);
  return out.close(']').take();
}

template <class List>
std::string texts(const List& list) {
  return array_of(list, [](JsonWriter& out, const auto& text) { out.string(text.view()); });
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

// Objects and never "Binds", with which the Engine would make a missing source. What is mounted
// below a source on the host stays outside, so that read-only is read-only to the last directory.
std::string mounts(const RunContainer& run) {
  return array_of(run.mounts, [](JsonWriter& out, const Mount& mount) {
    out.open('{').key("Type").string(mount.is_bind() ? "bind" : "volume");
    out.key("Source").string(mount.source.view()).key("Target").string(mount.target.view());
    out.key("ReadOnly").boolean(mount.read_only.value_or(true));
    if (mount.is_bind()) {
      out.key("BindOptions").open('{').key("Propagation").string("rprivate");
      out.key("NonRecursive").boolean(true).close('}');
    }
    out.close('}');
  });
}

std::string tmpfs(const RunContainer& run) {
  Members members;
  for (const Tmpfs& one : run.tmpfs) {
    std::string options = "noexec,nosuid,nodev,size=" + number(one.size.value_or(0));
    if (one.mode) {
      std::string octal;
      for (std::uint32_t rest = *one.mode; rest != 0; rest /= 8) {
        octal.insert(octal.begin(), static_cast<char>('0' + rest % 8));
      }
      options += ",mode=0" + octal;
    }
    if (one.uid) options += ",uid=" + number(*one.uid);
    if (one.gid) options += ",gid=" + number(*one.gid);
    members.emplace(one.target.str(), in_quotes(options));
  }
  return object(members);
}

std::string devices(const HostView& host) {
  return array_of(host.devices, [](JsonWriter& out, const DeviceNode& node) {
    out.open('{').key("PathOnHost").string(node.path).key("PathInContainer").string(node.path);
    const std::string access = std::string(node.read ? "r" : "") + (node.write ? "w" : "");
    out.key("CgroupPermissions").string(access).close('}');
  });
}

std::string device_requests(const RunContainer& run) {
  return array_of(run.gpus, [](JsonWriter& out, const DeviceRequest& gpu) {
    out.open('{').key("Driver").string(gpu.driver.view()).key("Count");
    out.number(gpu.count == kAllGpus ? -1 : std::int64_t{gpu.count});
    out.key("Capabilities").raw(R"([["gpu"]])").close('}');
  });
}

std::string ulimits(const RunContainer& run) {
  const auto limit = [](std::uint64_t value) {
    return value == kUnlimited ? -1 : static_cast<std::int64_t>(value);
  };
  return array_of(run.ulimits, [&](JsonWriter& out, const Ulimit& one) {
    out.open('{').key("Name").string(enum_name(one.name)).key("Hard").number(limit(one.hard));
    out.key("Soft").number(limit(one.soft)).close('}');
  });
}

std::string log_config(const RunContainer& run) {
  Members options;
  if (run.log->max_size) options["max-size"] = in_quotes(number(*run.log->max_size));
  if (run.log->max_files) options["max-file"] = in_quotes(number(*run.log->max_files));
  return object({{"Type", in_quotes(enum_name(run.log->driver))}, {"Config", object(options)}});
}

std::string capabilities(const ContainerPlan& plan) {
  const auto list = policy::effective_capabilities(plan.allowed.command(), plan.allowed.profile());
  return array_of(list, [](JsonWriter& out, Capability one) { out.string(enum_name(one)); });
}

std::string extra_hosts(const RunContainer& run) {
  return array_of(run.extra_hosts, [](JsonWriter& out, const ExtraHost& host) {
    out.string(host.name.str() + ":" + host.address.str());
  });
}

}  // namespace

Members host_config(const ContainerPlan& plan) {
  const RunContainer& run = plan.allowed.command();
  return {
      {"AutoRemove", boolean(run.auto_remove && !plan.labels.transient)},
      {"CapAdd", capabilities(plan)},
      {"CapDrop", R"(["ALL"])"},
      {"CgroupnsMode", in_quotes("private")},
      {"DeviceRequests", device_requests(run)},
      {"Devices", devices(plan.host)},
      {"Dns", texts(run.dns)},
      {"ExtraHosts", extra_hosts(run)},
      {"GroupAdd", texts(run.groups)},
      {"Init", boolean(run.init)},
      {"IpcMode", in_quotes("private")},
      {"LogConfig", log_config(run)},
      {"Memory", number(*run.memory)},
      {"MemorySwap", number(*run.memswap)},
      {"Mounts", mounts(run)},
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
      // Not the Engine's default, which may be one that gives GPUs to who sets a variable.
      {"Runtime", in_quotes("runc")},
      {"SecurityOpt", R"(["no-new-privileges:true"])"},
      {"ShmSize", number(*run.shm)},
      {"Tmpfs", tmpfs(run)},
      {"Ulimits", ulimits(run)},
  };
}

}  // namespace dc::broker
