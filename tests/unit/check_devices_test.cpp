// SPDX-License-Identifier: Apache-2.0
#include "policy/never.hpp"
#include "tests/unit/check_fixture.hpp"

using namespace dc;
using namespace dc::test;

namespace {

using Capabilities = std::vector<Capability>;

RunContainer with_devices(std::initializer_list<const char*> paths) {
  auto run = minimal_run();
  for (const char* path : paths) run.devices.push_back({parsed<DevicePath>(path), true, true});
  return run;
}

RunContainer with_capabilities(Capabilities add, Capabilities drop) {
  auto run = minimal_run();
  run.cap_add = std::move(add);
  run.cap_drop = std::move(drop);
  return run;
}

RunContainer with_gpus(std::initializer_list<std::pair<const char*, std::uint32_t>> requests) {
  auto run = minimal_run();
  for (const auto& [driver, count] : requests) {
    run.gpus.push_back({parsed<DriverName>(driver), count});
  }
  return run;
}

}  // namespace

TEST_CASE("devices come from the patterns alone") {
  const auto profile = sample_profile();
  for (const char* path : {"/dev/tenstorrent/0", "/dev/tenstorrent/31", "/dev/tenstorrent"}) {
    CAPTURE(path);
    CHECK(verdict(with_devices({path}), profile).empty());
  }
  for (const char* path : {"/dev/tenstorrent/0x", "/dev/tenstorrent/-1", "/dev/tenstorrent/00",
                           "/dev/tenstorrent/0/1", "/dev/tenstorrentx", "/dev/null", "/dev/snd"}) {
    CAPTURE(path);
    CHECK(verdict(with_devices({path}), profile) ==
          "device_not_allowed devices \"" + std::string(path) + "\"");
  }
}

TEST_CASE("devices that lead out of a container are never given") {
  auto profile = sample_profile();
  profile.mode = policy::Mode::audit;
  for (const char* name :
       {"mem",          "kmem",      "port",          "kmsg",         "fuse",         "kvm",
        "vhost-net",    "net/tun",   "net",           "loop0",        "loop-control", "mapper/root",
        "mapper",       "dm-0",      "sda",           "sda1",         "hda",          "vda",
        "xvda",         "nvme0",     "nvme0n1",       "ng0n1",        "mmcblk0",      "md0",
        "input/event0", "uinput",    "ttyS0",         "tty",          "tty1",         "console",
        "autofs",       "cuse",      "btrfs-control", "disk/by-id/x", "raw/raw0",     "sg0",
        "sr0",          "nbd0",      "zram0",         "ram0",         "watchdog",     "rtc0",
        "hpet",         "cpu/0/msr", "mcelog",        "snapshot",     "userfaultfd",  "vfio/vfio",
        "vfio/1",       "ptmx",      "vcs1",          "iommu"}) {
    CAPTURE(name);
    const std::string path = "/dev/" + std::string(name);
    CHECK(policy::is_never_given(parsed<DevicePath>(path)));
    CHECK(verdict(with_devices({path.c_str()}), profile) == "device_not_allowed");
  }
  for (const char* name : {"tenstorrent/0", "nvidia0", "dri/renderD128", "snd/pcmC0D0p", "null",
                           "memory", "consoles", "cpu_dma_latency", "kfd"}) {
    CAPTURE(name);
    CHECK_FALSE(policy::is_never_given(parsed<DevicePath>("/dev/" + std::string(name))));
  }
}

TEST_CASE("devices are asked for once, for something, and not on the host's network") {
  const auto profile = sample_profile();
  CHECK(verdict(with_devices({"/dev/tenstorrent/0", "/dev/tenstorrent/1"}), profile).empty());
  CHECK(verdict(with_devices({"/dev/tenstorrent/0", "/dev/tenstorrent/0"}), profile) ==
        "invalid_request");
  CHECK(verdict(with_devices({"/dev/tenstorrent", "/dev/tenstorrent/0"}), profile) ==
        "invalid_request");
  CHECK(verdict(with_devices({"/dev/tenstorrent/0", "/dev/tenstorrent"}), profile) ==
        "invalid_request");
  auto run = with_devices({"/dev/tenstorrent/0"});
  run.devices[0].write = false;
  CHECK(verdict(run, profile).empty());
  run.devices[0].read = false;
  CHECK(verdict(run, profile) == "invalid_request");
  run = with_devices({"/dev/tenstorrent/0"});
  run.network = parsed<NetworkName>("host");
  CHECK(verdict(run, profile) == "device_not_allowed");
  run = minimal_run();
  for (int i = 0; i < 64; ++i) {
    run.devices.push_back(
        {parsed<DevicePath>("/dev/tenstorrent/" + std::to_string(i)), true, true});
  }
  CHECK(verdict(run, profile).empty());
  run.devices.push_back({parsed<DevicePath>("/dev/tenstorrent/64"), true, true});
  CHECK(verdict(run, profile) == "invalid_request");
}

TEST_CASE("GPUs by driver and number") {
  auto profile = sample_profile();  // 4 of nvidia
  CHECK(verdict(with_gpus({{"nvidia", 4}}), profile).empty());
  CHECK(verdict(with_gpus({{"nvidia", 5}}), profile) == "device_not_allowed gpus.count 5");
  CHECK(verdict(with_gpus({{"nvidia", kAllGpus}}), profile) ==
        "device_not_allowed gpus.count \"all\"");
  CHECK(verdict(with_gpus({{"amd", 1}}), profile) == "device_not_allowed gpus.drivers \"amd\"");
  CHECK(verdict(with_gpus({{"nvidia", 0}}), profile) == "invalid_request");
  CHECK(verdict(with_gpus({{"nvidia", 1}, {"nvidia", 1}}), profile) == "invalid_request");
  profile.gpus.drivers.push_back(parsed<DriverName>("cdi"));
  CHECK(verdict(with_gpus({{"nvidia", 2}, {"cdi", 2}}), profile).empty());
  CHECK(verdict(with_gpus({{"nvidia", 2}, {"cdi", 3}}), profile) ==
        "device_not_allowed gpus.count 5");
  profile.gpus.count = kAllGpus;
  CHECK(verdict(with_gpus({{"nvidia", kAllGpus}}), profile).empty());
  auto run = with_gpus({{"nvidia", 1}});
  run.network = parsed<NetworkName>("host");
  CHECK(verdict(run, profile) == "device_not_allowed");
}

TEST_CASE("capabilities are added from the list, in the kernel's order") {
  const auto profile = sample_profile();
  using C = Capability;
  const auto run = allowed(with_capabilities({C::sys_nice, C::ipc_lock, C::sys_nice}, {}), profile);
  CHECK(run.cap_add == Capabilities{C::ipc_lock, C::sys_nice});
  CHECK(run.cap_drop.empty());
  CHECK(verdict(with_capabilities({C::net_admin}, {}), profile) ==
        "capability_not_allowed capabilities.allow \"NET_ADMIN\"");
  CHECK(verdict(with_capabilities({C::chown}, {}), profile).empty());  // it has that
  CHECK(verdict(with_capabilities({C::ipc_lock}, {C::ipc_lock}), profile) == "invalid_request");
  auto on_host = with_capabilities({C::ipc_lock}, {});
  on_host.network = parsed<NetworkName>("host");
  CHECK(verdict(on_host, profile) == "capability_not_allowed");
}

TEST_CASE("some capabilities are never added, in no mode and by no list") {
  using C = Capability;
  for (const auto mode : {policy::Mode::enforce, policy::Mode::audit}) {
    for (const Capability one :
         {C::sys_admin, C::sys_module, C::sys_rawio, C::sys_ptrace, C::sys_boot, C::sys_time,
          C::syslog, C::dac_read_search, C::bpf, C::perfmon, C::mac_admin, C::mac_override,
          C::checkpoint_restore, C::audit_control, C::wake_alarm, C::linux_immutable}) {
      CAPTURE(enum_name(one));
      auto profile = sample_profile();
      profile.mode = mode;
      profile.capabilities.allow = {one};
      CHECK(verdict(with_capabilities({one}, {}), profile) == "capability_not_allowed");
      profile.capabilities.base = {one};
      CHECK(policy::effective_capabilities(minimal_run(), profile).empty());
    }
  }
}

TEST_CASE("ALL is what the policy takes it for") {
  using C = Capability;
  auto profile = sample_profile();
  CHECK(allowed(with_capabilities({C::all}, {}), profile).cap_add == Capabilities{C::ipc_lock});
  CHECK(allowed(with_capabilities({C::all}, {C::ipc_lock}), profile).cap_add.empty());
  const auto bare = allowed(with_capabilities({}, {C::all}), profile);
  CHECK(bare.cap_drop == Capabilities{C::chown, C::dac_override, C::fowner, C::fsetid, C::kill,
                                      C::setgid, C::setuid, C::setpcap, C::net_bind_service,
                                      C::sys_chroot});
  CHECK(policy::effective_capabilities(bare, profile).empty());
  const auto one = allowed(with_capabilities({C::net_bind_service}, {C::all}), profile);
  CHECK(policy::effective_capabilities(one, profile) == Capabilities{C::net_bind_service});
  CHECK(policy::effective_capabilities(allowed(one, profile), profile) ==
        Capabilities{C::net_bind_service});
  profile.capabilities.all_means.clear();
  CHECK(verdict(with_capabilities({C::all}, {}), profile) ==
        "capability_not_allowed capabilities.all_means \"IPC_LOCK\"");
  profile.mode = policy::Mode::warn;
  CHECK(allowed(with_capabilities({C::all}, {}), profile).cap_add.empty());
}

TEST_CASE("what a container has in the end") {
  using C = Capability;
  const auto profile = sample_profile();
  const auto plain = policy::effective_capabilities(allowed(minimal_run(), profile), profile);
  CHECK(plain.size() == 10);
  CHECK(std::is_sorted(plain.begin(), plain.end()));
  const auto changed = allowed(with_capabilities({C::sys_nice}, {C::chown, C::net_raw}), profile);
  const auto effective = policy::effective_capabilities(changed, profile);
  CHECK(effective.size() == 10);
  CHECK(std::count(effective.begin(), effective.end(), C::sys_nice) == 1);
  CHECK(std::count(effective.begin(), effective.end(), C::chown) == 0);
  auto on_host = minimal_run();
  on_host.network = parsed<NetworkName>("host");
  const auto host = policy::effective_capabilities(allowed(on_host, profile), profile);
  CHECK(std::count(host.begin(), host.end(), C::net_bind_service) == 0);
  CHECK(host.size() == 9);
}
