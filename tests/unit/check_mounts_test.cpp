// SPDX-License-Identifier: Apache-2.0
#include "policy/never.hpp"
#include "tests/unit/check_fixture.hpp"

using namespace dc;
using namespace dc::test;

namespace {

// /srv/models ro, named "models"; /srv/rw rw; directories of /srv/work rw; /srv/fixed at /fixed.
policy::Profile mount_profile() {
  auto profile = sample_profile();
  profile.mounts.push_back({parsed<HostPath>("/srv/rw"), {}, {}, true, false});
  profile.mounts.push_back(
      {parsed<HostPath>("/srv/fixed"), {}, parsed<MountTarget>("/fixed"), false, false});
  profile.mounts.push_back({parsed<HostPath>("/dev/hugepages-1G"), {}, {}, true, false});
  return profile;
}

RunContainer mounting(const char* source, std::optional<bool> read_only = {},
                      const char* target = "/x") {
  auto run = minimal_run();
  run.mounts = {{parsed<MountSource>(source), parsed<MountTarget>(target), read_only}};
  return run;
}

}  // namespace

TEST_CASE("mounts come from the list alone, by path or by name") {
  const auto profile = mount_profile();
  struct Row {
    const char* source;
    std::optional<bool> read_only;
    const char* target;
    std::string refused;  // empty: allowed
  };
  const auto wanted = [](const std::string& source, const char* mode) {
    return "mount_not_allowed mounts {source = \"" + source + "\", mode = \"" + mode + "\"}";
  };
  const Row rows[] = {
      {"/srv/models", {}, "/x", ""},
      {"/srv/models", true, "/x", ""},
      {"/srv/models", false, "/x", wanted("/srv/models", "rw")},
      {"models", true, "/x", ""},
      {"models", false, "/x", wanted("/srv/models", "rw")},
      {"/srv/rw", {}, "/x", ""},
      {"/srv/rw", true, "/x", ""},
      {"/srv/rw", false, "/x", ""},
      {"/srv/rw/a", false, "/x", wanted("/srv/rw/a", "rw")},
      {"/srv/modelsX", true, "/x", wanted("/srv/modelsX", "ro")},
      {"/srv/models.evil", {}, "/x", wanted("/srv/models.evil", "rw")},
      {"/Srv/models", true, "/x", wanted("/Srv/models", "ro")},
      {"/srv", true, "/x", wanted("/srv", "ro")},
      {"/srv/work", {}, "/x", wanted("/srv/work", "rw")},
      {"/srv/work/a", {}, "/x", ""},
      {"/srv/work/a", false, "/x", ""},
      {"/srv/work/a/b", true, "/x", wanted("/srv/work/a/b", "ro")},
      {"/srv/workshop", true, "/x", wanted("/srv/workshop", "ro")},
      {"/srv/fixed", {}, "/fixed", ""},
      {"/srv/fixed", true, "/x", wanted("/srv/fixed", "ro")},
      {"/dev/hugepages-1G", false, "/dev/hugepages-1G", ""},
      {"cache", {}, "/x", ""},
      {"cache", false, "/x", ""},
      {"cache2", {}, "/x", "mount_not_allowed volumes \"cache2\""},
      {"Cache", {}, "/x", "mount_not_allowed volumes \"Cache\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source);
    CAPTURE(row.target);
    CHECK(verdict(mounting(row.source, row.read_only, row.target), profile) == row.refused);
  }
}

TEST_CASE("a mount comes out with a path and a mode") {
  const auto profile = mount_profile();
  const auto models = allowed(mounting("models"), profile);
  CHECK(models.mounts[0].source.view() == "/srv/models");
  CHECK(models.mounts[0].read_only == true);
  CHECK(allowed(mounting("/srv/rw"), profile).mounts[0].read_only == false);
  CHECK(allowed(mounting("/srv/work/a", true), profile).mounts[0].read_only == true);
  CHECK(allowed(mounting("cache"), profile).mounts[0].read_only == false);
  CHECK(allowed(models, profile).mounts[0].source.view() == "/srv/models");  // once more
}

TEST_CASE("what would give the host away is refused in every mode and whatever the list says") {
  auto profile = mount_profile();
  for (const char* path : {"/",
                           "/etc",
                           "/etc/ssl",
                           "/etc/docker-control",
                           "/root",
                           "/root/x",
                           "/boot",
                           "/usr",
                           "/usr/local/share",
                           "/bin",
                           "/sbin",
                           "/lib",
                           "/lib64",
                           "/lib32/x",
                           "/proc",
                           "/proc/1/root",
                           "/proc/self/cwd",
                           "/sys",
                           "/sys/fs/cgroup",
                           "/dev",
                           "/dev/shm",
                           "/dev/sda",
                           "/dev/hugepages-1G/x",
                           "/run",
                           "/run/docker.sock",
                           "/run/user/1000",
                           "/var",
                           "/var/run",
                           "/var/run/docker.sock",
                           "/var/lib",
                           "/var/lib/docker",
                           "/var/lib/docker/volumes/x/_data",
                           "/var/lib/containerd",
                           "/var/lib/kubelet/pods",
                           "/var/lib/docker-control",
                           "/var/lib/systemd",
                           "/var/log",
                           "/var/log/docker-control",
                           "/var/spool/cron",
                           "/home",
                           "/home/joe",
                           "/home/joe/.ssh",
                           "/home/joe/.config/autostart",
                           "/home/joe/.cachex",
                           "/srv/docker.sock",
                           "/sysroot/ostree"}) {
    CAPTURE(path);
    CHECK_FALSE(policy::never_mounted(path).empty());
    profile.mounts = {{parsed<HostPath>(path), {}, {}, true, false}};
    for (const auto mode : {policy::Mode::enforce, policy::Mode::warn, policy::Mode::audit}) {
      profile.mode = mode;
      CHECK(verdict(mounting(path, true), profile) == "mount_not_allowed");
    }
  }
  for (const char* path :
       {"/srv", "/srv/models", "/opt/app", "/mnt/data", "/data", "/etcetera", "/runs", "/library",
        "/var/lib/tt-studio", "/var/lib/dockers", "/var/opt", "/home/joe/data",
        "/home/joe/.cache/huggingface", "/dev/hugepages", "/dev/hugepages-2M", "/homes"}) {
    CAPTURE(path);
    // Everything whose name begins with lib lies with the host's libraries.
    CHECK(policy::never_mounted(path).empty() == (std::string_view(path) != "/library"));
  }
}

TEST_CASE("targets are named once and not inside what comes from elsewhere") {
  const auto profile = mount_profile();
  const auto with = [](std::initializer_list<const char*> mounts,
                       std::initializer_list<const char*> tmpfs) {
    auto run = minimal_run();
    for (const char* target : mounts) {
      run.mounts.push_back({parsed<MountSource>("/srv/rw"), parsed<MountTarget>(target), {}});
    }
    for (const char* target : tmpfs)
      run.tmpfs.push_back({parsed<MountTarget>(target), {}, {}, {}, {}});
    return run;
  };
  CHECK(verdict(with({"/a", "/b"}, {"/c"}), profile).empty());
  CHECK(verdict(with({"/a", "/ab"}, {"/a-b"}), profile).empty());
  CHECK(verdict(with({"/t/a"}, {"/t"}), profile).empty());
  CHECK(verdict(with({}, {"/t", "/t/a"}), profile).empty());
  CHECK(verdict(with({"/a", "/a"}, {}), profile) == "invalid_request");
  CHECK(verdict(with({}, {"/a", "/a"}), profile) == "invalid_request");
  CHECK(verdict(with({"/a"}, {"/a"}), profile) == "invalid_request");
  CHECK(verdict(with({"/a", "/a/b"}, {}), profile) == "invalid_request");
  CHECK(verdict(with({"/a/b/c", "/a"}, {}), profile) == "invalid_request");
  CHECK(verdict(with({"/a"}, {"/a/b"}), profile) == "invalid_request");
}

TEST_CASE("at most 32 mounts and 16 tmpfs") {
  const auto profile = mount_profile();
  auto run = minimal_run();
  const auto target = [](std::size_t i) { return parsed<MountTarget>("/m" + std::to_string(i)); };
  for (std::size_t i = 0; i < 32; ++i) {
    run.mounts.push_back({parsed<MountSource>("/srv/rw"), target(i), {}});
  }
  for (std::size_t i = 40; i < 56; ++i) run.tmpfs.push_back({target(i), {}, {}, {}, {}});
  CHECK(verdict(run, profile).empty());
  run.tmpfs.push_back({target(60), {}, {}, {}, {}});
  CHECK(verdict(run, profile) == "invalid_request");
  run.tmpfs.clear();
  run.mounts.push_back({parsed<MountSource>("/srv/rw"), target(61), {}});
  CHECK(verdict(run, profile) == "invalid_request");
}

TEST_CASE("tmpfs have a size and plain permissions") {
  const auto profile = mount_profile();
  auto run = minimal_run();
  run.tmpfs = {{parsed<MountTarget>("/t"), {}, 01777U, {}, {}}};
  CHECK(allowed(run, profile).tmpfs[0].size == 64ULL << 20);
  run.tmpfs[0].size = 1ULL << 30;
  CHECK(verdict(run, profile).empty());
  run.tmpfs[0].size = (1ULL << 30) + 1;
  CHECK(verdict(run, profile) == "limit_exceeded tmpfs.max \"1073741825\"");
  run.tmpfs[0].size = 0;
  CHECK(verdict(run, profile) == "invalid_request");
  run.tmpfs[0].size = 4096;
  run.tmpfs[0].mode = 02755;
  CHECK(verdict(run, profile) == "invalid_request");
}

TEST_CASE("no mode lets an unlisted place, volume or writing pass: it is the host's") {
  auto profile = mount_profile();
  for (const auto mode : {policy::Mode::warn, policy::Mode::audit}) {
    profile.mode = mode;
    for (const char* source : {"/srv/other", "unlisted"}) {
      policy::Judge judge(profile);
      const auto run = policy::check(mounting(source), judge);
      REQUIRE_FALSE(run.has_value());
      CHECK(run.error().code == Errc::mount_not_allowed);
      CHECK_FALSE(run.error().rule.empty());
      CHECK(judge.take_waived().empty());
    }
  }
}
