// SPDX-License-Identifier: Apache-2.0
// The lists of what no policy can hand out. Both sides. An entry too many costs an administrator a
// detour, one too few the host.
#include "policy/never.hpp"
#include <algorithm>
#include <array>
#include "common/text_rules.hpp"

namespace dc::policy {
namespace {

using rules::is_under;

// Neither these nor what they lie in, nor what lies in them.
constexpr auto kSecretPlaces = std::to_array<std::string_view>(
    {"/bin", "/boot", "/dev", "/efi", "/etc", "/ostree", "/proc", "/root", "/run", "/sbin", "/sys",
     "/sysroot", "/usr",
     // Logs and queues: sudo's and our own, cron's jobs.
     "/var/backups", "/var/lock", "/var/log", "/var/run", "/var/spool",
     // Container managers keep images, layers, volumes and keys there.
     "/var/lib/buildkit", "/var/lib/cni", "/var/lib/containerd", "/var/lib/containers",
     "/var/lib/crio", "/var/lib/docker", "/var/lib/docker-control", "/var/lib/etcd",
     "/var/lib/incus", "/var/lib/kubelet", "/var/lib/libvirt", "/var/lib/lxc", "/var/lib/lxd",
     "/var/lib/machines", "/var/lib/portables", "/var/lib/rancher", "/var/lib/snapd",
     // What the system itself runs and trusts.
     "/nix", "/snap", "/var/lib/AccountsService", "/var/lib/apt", "/var/lib/cloud", "/var/lib/dbus",
     "/var/lib/dkms", "/var/lib/dpkg", "/var/lib/polkit-1", "/var/lib/private", "/var/lib/rpm",
     "/var/lib/sss", "/var/lib/sudo", "/var/lib/systemd"});

// The first part of a path: "/lib64" of "/lib64/ld.so".
std::string_view first_part(std::string_view path) { return path.substr(0, path.find('/', 1)); }

// A file system of huge pages: shared memory and nothing else.
bool is_huge_pages(std::string_view path) {
  constexpr std::string_view kHugePages = "/dev/hugepages";
  return path.starts_with(kHugePages) &&
         path.find('/', kHugePages.size()) == std::string_view::npos;
}

// A user's home as a whole, or a hidden part of it: keys, and programs that start at login.
// Programs keep large data in .cache.
bool is_of_a_home(std::string_view path) {
  if (!path.starts_with("/home/")) return false;
  const std::size_t inside = path.find('/', std::string_view("/home/").size());
  if (inside == std::string_view::npos) return true;
  const std::string_view rest = path.substr(inside);
  return rest.starts_with("/.") && !is_under(rest, "/.cache");
}

}  // namespace

std::span<const std::string_view> secret_places() { return kSecretPlaces; }

std::string never_mounted(std::string_view path) {
  if (path == "/") return "it would give away the whole host";
  if (is_huge_pages(path)) return {};
  for (const std::string_view place : kSecretPlaces) {
    if (is_under(path, place) || is_under(place, path)) {
      return "it would give away " + std::string(place);
    }
  }
  if (first_part(path).starts_with("/lib")) return "it would give away the host's libraries";
  if (path == "/home" || is_of_a_home(path)) {
    return "it would give away a user's keys and start-up files";
  }
  if (path.ends_with(".sock")) return "sockets are never mounted";
  return {};
}

namespace {

// Below /dev: a name, all names that begin so (*), or a directory and what lies in it (/).
constexpr auto kNeverGiven = std::to_array<std::string_view>(
    {// Disks, and buses that lead to them.
     "bcache*", "block/", "bsg/", "bus/", "hidraw*", "i2c-*", "spidev*", "usbmon*", "dax*", "disk/",
     "dm-*", "drbd*", "fd*", "hd*", "loop*", "mapper/", "md*", "megaraid*", "mmcblk*", "mpt*",
     "mtd*", "nbd*", "ng*", "nvme*", "pmem*", "ram*", "raw*", "rbd*", "sd*", "sg*", "sr*", "ublk*",
     "vd*", "xvd*", "zd*", "zram*", "zvol/",
     // Memory, ports and registers of the machine.
     "cpu/", "crash", "gpiochip*", "kmem", "mcelog", "mei*", "mem", "nvram", "oldmem", "port",
     "tpm*", "uio*", "xen/",
     // Virtual machines and buses handed to user space.
     "iommu", "kvm*", "userfaultfd", "vfio*", "vhost*",
     // The kernel's log, file systems, network and sleep.
     "autofs", "btrfs-control", "cuse", "fuse", "initctl", "kmsg", "net/", "ppp", "snapshot",
     "tap*", "tun",
     // Screens, keyboards, consoles.
     "console", "fb*", "hvc*", "input/", "ptmx", "pts/", "tty*", "uhid", "uinput", "userio", "vcs*",
     // Clocks and the machine's restart.
     "hpet", "ipmi*", "rtc*", "watchdog*"});

bool is_meant(std::string_view entry, std::string_view name) {
  const std::string_view stem = entry.substr(0, entry.size() - 1);
  if (entry.ends_with('*')) return name.starts_with(stem);
  if (entry.ends_with('/')) return is_under(name, stem);
  return name == entry;
}

}  // namespace

bool is_never_given(const DevicePath& path) {
  const std::string_view name = path.view().substr(std::string_view("/dev/").size());
  return std::any_of(kNeverGiven.begin(), kNeverGiven.end(),
                     [name](std::string_view entry) { return is_meant(entry, name); });
}

bool is_never_had(Capability capability) {
  switch (capability) {
    case Capability::dac_read_search:  // opens any file of the host by its handle
    case Capability::linux_immutable:
    case Capability::sys_module:
    case Capability::sys_rawio:
    case Capability::sys_ptrace:
    case Capability::sys_pacct:
    case Capability::sys_admin:
    case Capability::sys_boot:
    case Capability::sys_time:
    case Capability::audit_control:
    case Capability::audit_read:
    case Capability::mac_override:
    case Capability::mac_admin:
    case Capability::syslog:
    case Capability::wake_alarm:
    case Capability::block_suspend:
    case Capability::perfmon:
    case Capability::bpf:
    case Capability::checkpoint_restore: return true;
    default: return false;
  }
}

bool is_network_capability(Capability capability) {
  return capability == Capability::net_bind_service || capability == Capability::net_broadcast ||
         capability == Capability::net_admin || capability == Capability::net_raw;
}

}  // namespace dc::policy
