// SPDX-License-Identifier: Apache-2.0
// Device nodes on the host. Broker only. dockerd would walk a directory to any depth and follow
// links; here each node is found by its pattern and looked at.
#include <dirent.h>
#include <sys/sysmacros.h>
#include <algorithm>
#include <array>
#include <memory>
#include "broker/host_paths.hpp"

namespace dc::broker {
namespace {

Subject subject_of(std::string_view path) {
  return {Errc::device_not_allowed, "The device \"" + std::string(path) + "\""};
}

// Devices that give the host away under whatever name a node of them has; the numbers are the
// kernel's fixed ones (devices.txt). -1: every minor.
struct Number {
  unsigned major;
  int minor;
};
constexpr auto kNever = std::to_array<Number>({
    {1, 1},     // mem
    {1, 2},     // kmem
    {1, 4},     // port
    {1, 11},    // kmsg
    {1, 12},    // oldmem
    {4, -1},    // consoles and serial lines
    {5, -1},    // tty, console, ptmx
    {7, -1},    // vcs
    {10, 130},  // watchdog
    {10, 144},  // nvram
    {10, 196},  // vfio
    {10, 200},  // tun
    {10, 203},  // cuse
    {10, 223},  // uinput
    {10, 228},  // hpet
    {10, 229},  // fuse
    {10, 231},  // snapshot
    {10, 232},  // kvm
    {10, 234},  // btrfs-control
    {10, 235},  // autofs
    {10, 236},  // device-mapper
    {10, 237},  // loop-control
    {10, 238},  // vhost-net
    {10, 239},  // uhid
    {10, 241},  // vhost-vsock
    {13, -1},   // input
    {21, -1},   // SCSI disks and others as characters
    {29, -1},   // frame buffers
    {90, -1},   // flash memory
    {136, -1},  // pseudo-terminals
    {162, -1},  // disks, raw
    {202, -1},  // registers of the processor
    {203, -1},  // and what it is
});

bool is_never_given(dev_t node) {
  return std::any_of(kNever.begin(), kNever.end(), [node](const Number& number) {
    return number.major == major(node) &&
           (number.minor < 0 || static_cast<unsigned>(number.minor) == minor(node));
  });
}

Result<DeviceNode> look_at_node(const std::string& path, const Device& device,
                                const struct stat& info) {
  const Subject subject = subject_of(path);
  if (!S_ISCHR(info.st_mode)) return refuse(subject, "is no character device");
  if (is_never_given(info.st_rdev)) {
    return refuse(subject, "is one that can never be given to a container, by another name");
  }
  return DeviceNode{path, device.read, device.write, identity_of(info)};
}

// Names of what is in a directory that walk() has found to be nobody's but root's.
std::vector<std::string> entries_of(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr) {
    names.emplace_back(static_cast<const char*>(entry->d_name));
  }
  // Numbers in their order: the shorter first.
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return names;
}

}  // namespace

Result<std::vector<DeviceNode>> look_at_device(const Device& device,
                                               const policy::Profile& profile) {
  const std::string& path = device.path.str();
  const Subject subject = subject_of(path);
  const auto parts = walk(path, subject);
  if (!parts) return fail(parts.error());
  const auto is_meant = [&](const std::string& node) {
    return std::any_of(profile.devices.begin(), profile.devices.end(),
                       [&](const policy::DevicePattern& pattern) { return pattern.matches(node); });
  };
  const bool is_parent =
      std::any_of(profile.devices.begin(), profile.devices.end(),
                  [&](const policy::DevicePattern& pattern) { return pattern.is_in(path); });
  std::vector<std::string> paths;
  if (!S_ISDIR(parts->back().st_mode)) {
    if (is_parent && !is_meant(path)) return refuse(subject, "is no directory of devices");
    paths.push_back(path);
  } else {
    for (const std::string& name : entries_of(path)) {
      const auto node = DevicePath::parse(path + "/" + name);
      if (node && is_meant(node->str())) paths.push_back(node->str());
    }
    if (paths.empty()) return missing(subject, "holds none of the devices that the policy lists");
    if (paths.size() > limits::kDevices) return refuse(subject, "holds too many devices");
  }
  std::vector<DeviceNode> nodes;
  for (const std::string& each : paths) {
    const auto found = walk(each, subject_of(each));
    if (!found) return fail(found.error());
    auto node = look_at_node(each, device, found->back());
    if (!node) return fail(node.error());
    nodes.push_back(std::move(*node));
  }
  return nodes;
}

}  // namespace dc::broker
