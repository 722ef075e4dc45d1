// SPDX-License-Identifier: Apache-2.0
// What the paths that the policy lets a container have lead to on the host: looked at before the
// container is made and again before it starts. Broker only. The paths are the policy's, what
// stands there is hostile: nothing is followed, opened for reading or made.
#pragma once

#include <sys/stat.h>
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>
#include "common/commands.hpp"
#include "policy/profile.hpp"

namespace dc::broker {

// What stood at a path, as far as it must not change until the container has started.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  dev_t node = 0;  // of a device node: which device it is
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// One device node that a container gets.
struct DeviceNode {
  std::string path;
  bool read, write;
  FileIdentity identity;
  friend bool operator==(const DeviceNode&, const DeviceNode&) = default;
};

// All of the host that an allowed run is given.
struct HostView {
  std::vector<FileIdentity> sources;  // of its bind mounts, in their order
  std::vector<DeviceNode> devices;    // directories expanded to their nodes
  friend bool operator==(const HostView&, const HostView&) = default;
};

class HostPaths {
 public:
  // `own`: directories that no container may have, besides those that the policy never gives away:
  // our own and that of docker.sock.
  explicit HostPaths(std::vector<std::string> own) : own_(std::move(own)) {}

  // One more, such as the Engine's data root.
  void protect(const std::string& directory) {
    if (std::find(own_.begin(), own_.end(), directory) == own_.end()) own_.push_back(directory);
  }

  // Errors: mount_not_allowed and device_not_allowed when something else stands there than the
  // policy can mean, conflict when nothing does. They name what the caller sent, never the host's
  // paths; those are in the log.
  [[nodiscard]] Result<HostView> look(const RunContainer& run,
                                      const policy::Profile& profile) const;

 private:
  [[nodiscard]] Result<FileIdentity> look_at_source(const Mount& mount) const;
  std::vector<std::string> own_;
};

// --- for host_devices.cpp ------------------------------------------------------------------------

// What a sentence about a path is about.
struct Subject {
  Errc code;
  std::string name;  // `The device "/dev/x"`
};
tl::unexpected<Error> refuse(const Subject& subject, std::string_view problem,
                             std::string hint = {});
tl::unexpected<Error> missing(const Subject& subject, std::string_view problem);

// What stands at each part of a path in its one spelling, "/" first, the path itself last. No
// symbolic link anywhere in it, and nobody but root can put something else in its place: every
// directory above the last part is root's and not writable by others.
Result<std::vector<struct stat>> walk(std::string_view path, const Subject& subject);

FileIdentity identity_of(const struct stat& info);

// The nodes that a device of a run stands for: itself, or those in the directory that the
// profile's patterns mean, in their numbers' order.
Result<std::vector<DeviceNode>> look_at_device(const Device& device,
                                               const policy::Profile& profile);

}  // namespace dc::broker
