// SPDX-License-Identifier: Apache-2.0
// The fields `devices`, `device_requests`, `cap_add` and `cap_drop` of containers/run. Front; every
// value is hostile.
#include "daemon/normalize_fields.hpp"

namespace dc::daemon {
namespace {

constexpr std::string_view kDevices =
    R"(must be a list of paths such as "/dev/x" or "/dev/x:/dev/x:rw")";

Result<DevicePath> read_path(std::string_view text, std::string_view name) {
  const auto clean = clean_path(text);
  auto path = DevicePath::parse(clean ? *clean : std::string(text));
  if (clean && path) return std::move(*path);
  return field_error(name, quote(text) + ": a device " + std::string(DevicePathRule::kExpected));
}

// Each letter once. m, to make further nodes, is never given; Docker's own default has it.
Read read_access(std::string_view letters, std::string_view name, Device& device) {
  device.read = letters.find('r') != std::string_view::npos;
  device.write = letters.find('w') != std::string_view::npos;
  const bool makes = letters.find('m') != std::string_view::npos;
  const std::size_t known =
      std::size_t{device.read} + std::size_t{device.write} + std::size_t{makes};
  if (letters.size() == known && (device.read || device.write)) return {};
  return field_error(name, "has permissions " + quote(letters) + R"(: use "r", "w" or "rw")");
}

// "host", "host:container" or "host:container:permissions".
Read add_device(std::string_view text, std::string_view name, std::vector<Device>& devices) {
  const std::size_t first = text.find(':');
  auto path = read_path(text.substr(0, first), name);
  if (!path) return fail(std::move(path.error()));
  Device device{std::move(*path)};
  if (first != std::string_view::npos) {
    const std::string_view rest = text.substr(first + 1);
    const std::size_t second = rest.find(':');
    const auto inside = read_path(rest.substr(0, second), name);
    if (!inside) return fail(inside.error());
    if (*inside != device.path) {
      return field_error(name, "has " + quote(text) +
                                   ": a device has the same path in the container as on the host");
    }
    if (second != std::string_view::npos) {
      auto access = read_access(rest.substr(second + 1), name, device);
      if (!access) return access;
    }
  }
  devices.push_back(std::move(device));
  return {};
}

// --- GPUs --------------------------------------------------------------------------------------

Read read_driver(Json value, std::string_view name, DeviceRequest& gpu) {
  if (is_falsy(value)) return {};
  auto driver = read_as<DriverName>(value, name);
  if (!driver) return fail(std::move(driver.error()));
  gpu.driver = std::move(*driver);
  return {};
}

Read read_gpu_count(Json value, std::string_view name, DeviceRequest& gpu) {
  std::int64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS && number == -1) {
    gpu.count = kAllGpus;
    return {};
  }
  auto count = read_integer(value, name, 1, kAllGpus - 1);
  if (!count) return field_error(name, "must be a number of GPUs from 1, or -1 for all");
  gpu.count = static_cast<std::uint32_t>(*count);
  return {};
}

// [["gpu"]], which is what is asked for in any case.
Read read_gpu_capabilities(Json value, std::string_view name, DeviceRequest&) {
  if (is_falsy(value)) return {};
  constexpr std::string_view kExpected = R"(must be [["gpu"]])";
  return read_list(value, name, kExpected, [&](Json all_of) {
    return read_strings(all_of, name, kExpected, [&](std::string_view capability) -> Read {
      if (capability == "gpu") return {};
      return field_error(name, kExpected);
    });
  });
}

Read refuse_choice(Json value, std::string_view name, DeviceRequest&) {
  if (is_falsy(value)) return {};
  return field_error(name, "is not offered: GPUs are asked for by driver and number");
}

constexpr auto kGpuMembers = std::to_array<Spelling<DeviceRequest>>({
    {"Driver", "driver", read_driver},
    {"Count", "count", read_gpu_count},
    {"Capabilities", "capabilities", read_gpu_capabilities},
    {"DeviceIDs", "device_ids", refuse_choice},
    {"Options", "options", refuse_choice},
});

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

}  // namespace

Read read_devices(Json value, std::string_view name, std::vector<Device>& devices) {
  return read_strings(value, name, kDevices,
                      [&](std::string_view text) { return add_device(text, name, devices); });
}

Read read_device_requests(Json value, std::string_view name, std::vector<DeviceRequest>& gpus) {
  constexpr std::string_view kExpected =
      R"(must be a list such as [{"Driver": "nvidia", "Count": 1, "Capabilities": [["gpu"]]}])";
  return read_list(value, name, kExpected, [&](Json element) -> Read {
    // Docker chooses among its drivers by the capability "gpu", and this is the one that has it.
    DeviceRequest gpu{*DriverName::parse("nvidia")};
    auto read = read_spellings(element, name, kGpuMembers, gpu);
    if (read) gpus.push_back(std::move(gpu));
    return read;
  });
}

Read read_capabilities(Json value, std::string_view name, std::vector<Capability>& list) {
  constexpr std::string_view kExpected = R"(must be a list of capabilities such as "IPC_LOCK")";
  return read_strings(value, name, kExpected, [&](std::string_view text) -> Read {
    const auto capability = parse_capability(trim(text));
    if (!capability) {
      return field_error(name, "names no capability: " + quote(text) +
                                   R"(; use a name of capabilities(7) such as "IPC_LOCK")");
    }
    list.push_back(*capability);
    return {};
  });
}

}  // namespace dc::daemon
