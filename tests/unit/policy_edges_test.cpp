// SPDX-License-Identifier: Apache-2.0
// The edges of the rules, one by one: each case fails when a comparison of policy/ is turned round
// (tests/mutation).
#include <doctest/doctest.h>
#include "policy/authorize.hpp"
#include "policy/load.hpp"
#include "policy/rules.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using test::judged;
using test::parsed;

namespace {

template <class X>
bool allowed(X command, const policy::Profile& profile = test::sample_profile()) {
  return judged(std::move(command), profile).has_value();
}

RunContainer minimal_run() { return RunContainer{parsed<ImageRef>("alpine")}; }

bool loads(const std::string& lines) {
  return policy::load("[service.a]\n" + lines + "\n").problems.empty();
}

std::size_t warnings(const std::string& lines) {
  return policy::load("[service.a]\n" + lines + "\n").warnings.size();
}

PullImage pull_with(const char* image, const char* server) {
  return {
      parsed<ImageRef>(image),
      RegistryLogin{parsed<Text<256>>("joe"), parsed<Password>("pw"),
                    server != nullptr ? std::optional(parsed<Text<256>>(server)) : std::nullopt},
      std::nullopt};
}

}  // namespace

TEST_CASE("what check() refuses is not authorised") {
  const auto snapshot = test::snapshot_of(test::sample_profile());
  RunContainer run{parsed<ImageRef>("evil/x:1")};
  const auto result = policy::authorize(run, test::sample_caller(), snapshot);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Errc::image_not_allowed);
}

TEST_CASE("the Engine's own networks are neither made nor removed, listed or not") {
  for (const char* name : {"bridge", "host", "none"}) {
    CHECK_FALSE(allowed(CreateNetwork{parsed<NetworkName>(name)}));
    CHECK_FALSE(allowed(RemoveNetwork{parsed<NetworkName>(name)}));
  }
  CHECK(allowed(CreateNetwork{parsed<NetworkName>("tt_studio_network")}));
  CHECK_FALSE(allowed(CreateNetwork{parsed<NetworkName>("another")}));
}

TEST_CASE("a running container joins listed networks and the listed bridge, not host and none") {
  const auto container = parsed<ContainerRef>("web");
  const auto connect = [&](const char* name, const policy::Profile& profile) {
    const auto network = parsed<NetworkName>(name);
    const bool joins = allowed(ConnectNetwork{network, container}, profile);
    CHECK(joins == allowed(DisconnectNetwork{network, container, false}, profile));
    return joins;
  };
  auto profile = test::sample_profile();
  CHECK(connect("bridge", profile));
  CHECK(connect("tt_studio_network", profile));
  CHECK_FALSE(connect("host", profile));
  CHECK_FALSE(connect("none", profile));
  CHECK_FALSE(connect("another", profile));
  profile.networks.clear();
  CHECK_FALSE(connect("bridge", profile));
}

TEST_CASE("a registry's password goes to the registry of the image") {
  auto profile = test::sample_profile();
  CHECK(allowed(pull_with("ghcr.io/tenstorrent/x:1", nullptr), profile));
  CHECK(allowed(pull_with("ghcr.io/tenstorrent/x:1", "ghcr.io"), profile));
  CHECK(allowed(pull_with("ghcr.io/tenstorrent/x:1", "https://ghcr.io/v2/"), profile));
  CHECK_FALSE(allowed(pull_with("ghcr.io/tenstorrent/x:1", "evil.example"), profile));
  CHECK_FALSE(allowed(pull_with("ghcr.io/tenstorrent/x:1", "docker.io"), profile));
  CHECK_FALSE(allowed(pull_with("ghcr.io/tenstorrent/x:1", "index.docker.io"), profile));
  for (const char* hub : {"docker.io", "index.docker.io", "https://index.docker.io/v1/"}) {
    CHECK(allowed(pull_with("alpine:3", hub), profile));
  }
  CHECK_FALSE(allowed(pull_with("alpine:3", "ghcr.io"), profile));
  CHECK_FALSE(allowed(pull_with("evil/x:1", nullptr), profile));
  CHECK_FALSE(allowed(PullImage{parsed<ImageRef>("evil/x:1"), std::nullopt, std::nullopt}));
  CHECK(allowed(PullImage{parsed<ImageRef>("alpine:3"), std::nullopt, std::nullopt}));
}

TEST_CASE("logs of stdout, of stderr, of both, but not of neither") {
  ReadLogs logs{parsed<ContainerRef>("web")};
  CHECK(allowed(logs));
  logs.out = false;
  CHECK(allowed(logs));
  logs.err = false;
  CHECK_FALSE(allowed(logs));
  logs.out = true;
  CHECK(allowed(logs));
}

TEST_CASE("figures at their edges") {
  MeasureDirectory measure{parsed<ContainerRef>("web"), parsed<DirectoryPath>("/x")};
  for (const auto& [timeout, good] :
       {std::pair{limits::kMeasureTimeMin, true}, std::pair{limits::kMeasureTimeMin - 1, false},
        std::pair{limits::kMeasureTimeMax, true}, std::pair{limits::kMeasureTimeMax + 1, false}}) {
    measure.timeout = timeout;
    CHECK(allowed(measure) == good);
  }
  CHECK(allowed(ReadServiceLog{ServiceLog::service, limits::kServiceLogLines}));
  CHECK_FALSE(allowed(ReadServiceLog{ServiceLog::service, limits::kServiceLogLines + 1}));
  ListNetworks list;
  list.names.assign(limits::kFilterValues, parsed<NetworkName>("a"));
  CHECK(allowed(list));
  list.names.push_back(parsed<NetworkName>("a"));
  CHECK_FALSE(allowed(list));
  auto run = minimal_run();
  auto profile = test::sample_profile();
  for (std::size_t i = 0; i < limits::kGroups; ++i) {
    run.groups.push_back(parsed<Group>(std::to_string(i)));
    profile.groups.push_back(run.groups.back());
  }
  CHECK(allowed(run, profile));
  run.groups.push_back(parsed<Group>("999"));
  profile.groups.push_back(run.groups.back());
  CHECK_FALSE(allowed(run, profile));
}

TEST_CASE("so many requests for GPUs") {
  auto profile = test::sample_profile();
  profile.gpus.count = kAllGpus;
  auto run = minimal_run();
  for (std::size_t i = 0; i < limits::kGpuRequests; ++i) {
    run.gpus.push_back({parsed<DriverName>("d" + std::to_string(i)), 1});
    profile.gpus.drivers.push_back(run.gpus.back().driver);
  }
  CHECK(allowed(run, profile));
  run.gpus.push_back({parsed<DriverName>("more"), 1});
  profile.gpus.drivers.push_back(run.gpus.back().driver);
  CHECK_FALSE(allowed(run, profile));
}

TEST_CASE("who sees a network: everything, its owner, or whom it is listed for") {
  auto profile = test::sample_profile();
  const auto me = parsed<ServiceName>(test::kService);
  const auto other = parsed<ServiceName>("other");
  const auto unlisted = parsed<NetworkName>("another");
  const auto listed = parsed<NetworkName>("tt_studio_network");
  profile.visible = policy::Visible::all;
  CHECK(policy::may_see_network(me, profile, other, unlisted));
  profile.visible = policy::Visible::owned;
  CHECK_FALSE(policy::may_see_network(me, profile, other, unlisted));
  CHECK_FALSE(policy::may_see_network(me, profile, std::nullopt, unlisted));
  CHECK(policy::may_see_network(me, profile, me, unlisted));
  CHECK(policy::may_see_network(me, profile, other, listed));
}

TEST_CASE("a mode lifts one refusal and not the next: each wish of a list is judged") {
  auto profile = test::sample_profile();
  profile.mode = policy::Mode::audit;
  auto run = minimal_run();
  run.ports = {{80, Protocol::tcp, std::nullopt}, {81, Protocol::tcp, 22}};
  CHECK_FALSE(allowed(run, profile));  // 22 can never be published
  run.ports = {{80, Protocol::tcp, std::nullopt}};
  CHECK(allowed(run, profile));
  run = minimal_run();
  run.groups = {parsed<Group>("44"), parsed<Group>("44")};
  CHECK_FALSE(allowed(run, profile));
  run.groups.pop_back();
  CHECK(allowed(run, profile));
  run = minimal_run();
  run.restart = {Restart::on_failure, limits::kRestartRetries + 1};
  profile.restart.clear();
  CHECK_FALSE(allowed(run, profile));
  run.restart.retries = 0;
  const auto judged_run = judged(run, profile);
  REQUIRE(judged_run.has_value());
  CHECK(judged_run->restart.retries == limits::kRestartRetries);
  run = minimal_run();
  run.log = LogConfig{LogDriver::journald, 1 << 20, std::nullopt};
  CHECK_FALSE(allowed(run, profile));
  run.log->max_size.reset();
  CHECK(allowed(run, profile));
  run = minimal_run();
  run.dns.assign(2, parsed<IpAddress>("10.0.0.1"));
  policy::Judge judge(profile);
  REQUIRE(policy::check(run, judge).has_value());
  CHECK(judge.take_waived().size() == 2);
  run = minimal_run();
  run.extra_hosts.assign(2, {parsed<HostName>("db"), parsed<HostAddress>("10.0.0.1")});
  policy::Judge second(profile);
  REQUIRE(policy::check(run, second).has_value());
  CHECK(second.take_waived().size() == 2);
  run = minimal_run();
  run.name = parsed<ContainerName>("taken-1");
  run.hostname = parsed<HostName>("taken-2");
  profile.reserved_names = {parsed<policy::NamePattern>("taken-*")};
  policy::Judge third(profile);
  REQUIRE(policy::check(run, third).has_value());
  CHECK(third.take_waived().size() == 2);
}

TEST_CASE("restart policies other than on-failure take no count") {
  auto profile = test::sample_profile();
  profile.restart = {Restart::always};
  auto run = minimal_run();
  run.restart = {Restart::always, 0};
  const auto result = judged(run, profile);
  REQUIRE(result.has_value());
  CHECK(result->restart.retries == 0);
}

TEST_CASE("no limit is without an end, in no mode") {
  auto profile = test::sample_profile();
  profile.mode = policy::Mode::audit;
  constexpr std::uint64_t kMost = (1ULL << 63U) - 1;
  auto run = minimal_run();
  run.memory = 1ULL << 30;
  run.memswap = kMost + 1;
  CHECK_FALSE(allowed(run, profile));
  run.memswap.reset();
  run.pids = kMost + 1;
  CHECK_FALSE(allowed(run, profile));
}

TEST_CASE("a ulimit that is not listed is refused, and says so") {
  auto run = minimal_run();
  run.ulimits = {{UlimitName::nofile, 10, 10}};
  auto profile = test::sample_profile();
  profile.ulimits.clear();
  const auto unlisted = judged(run, profile);
  REQUIRE_FALSE(unlisted.has_value());
  CHECK(unlisted.error().detail == "The ulimit nofile is not in the policy");
  profile.ulimits = {{UlimitName::nofile, 9, 9}};
  const auto over = judged(run, profile);
  REQUIRE_FALSE(over.has_value());
  CHECK(over.error().detail == "The ulimit nofile is over the policy's maximum of 9");
}

TEST_CASE("subdirs means what lies directly in a directory, whatever its name's length") {
  auto profile = test::sample_profile();
  profile.mounts = {{parsed<HostPath>("/srv/j"), std::nullopt, std::nullopt, true, true}};
  const auto mounts = [&](const char* source) {
    auto run = minimal_run();
    run.mounts = {{parsed<MountSource>(source), parsed<MountTarget>("/m"), std::nullopt}};
    return judged(run, profile);
  };
  CHECK(mounts("/srv/j/a").has_value());
  CHECK_FALSE(mounts("/srv/j").has_value());
  CHECK_FALSE(mounts("/srv/ja").has_value());
  CHECK_FALSE(mounts("/srv/j/a/b").has_value());
  profile.mounts = {{parsed<HostPath>("/srv/m"), std::nullopt, std::nullopt, false, false}};
  CHECK(mounts("/srv/x").error().detail == "Mount source not in allowed list");
  auto run = minimal_run();
  run.mounts = {{parsed<MountSource>("/srv/m"), parsed<MountTarget>("/m"), false}};
  CHECK(judged(run, profile).error().detail ==
        "Mount source is allowed at another target or read-only alone");
}

TEST_CASE("numbers in a device's name: nine digits, no zero before") {
  const auto pattern = parsed<policy::DevicePattern>("/dev/x/[0-9]+");
  CHECK(pattern.matches("/dev/x/123456789"));
  CHECK_FALSE(pattern.matches("/dev/x/1234567890"));
  CHECK(pattern.matches("/dev/x/0"));
  CHECK_FALSE(pattern.matches("/dev/x/01"));
  CHECK_FALSE(pattern.matches("/dev/x/"));
  const auto framed = parsed<policy::DevicePattern>("/dev/x[0-9]+y");
  CHECK(framed.matches("/dev/x1y"));
  CHECK_FALSE(framed.matches("/dev/xy"));
  CHECK_FALSE(policy::DevicePattern::parse("/dev/[0-9]+[0-9]+").has_value());
}

TEST_CASE("a name pattern with and without its star") {
  CHECK(policy::matches(parsed<policy::NamePattern>("tt-*"), "tt-1"));
  CHECK_FALSE(policy::matches(parsed<policy::NamePattern>("tt"), "tt-1"));
  CHECK_FALSE(policy::NamePatternRule::accepts("a b"));
  CHECK_FALSE(policy::NamePatternRule::accepts("ab*c"));
  CHECK_FALSE(policy::NamePatternRule::accepts("ab/"));
}

TEST_CASE("reserved names are found in any case, from A to Z") {
  auto profile = test::sample_profile();
  profile.reserved_names = {parsed<policy::NamePattern>("az-*")};
  auto run = minimal_run();
  for (const char* name : {"az-1", "AZ-1", "Az-1"}) {
    run.name = parsed<ContainerName>(name);
    CHECK_FALSE(allowed(run, profile));
  }
}

TEST_CASE("who asks for a mount by its name is not told the path") {
  auto profile = test::sample_profile();
  profile.mounts = {
      {parsed<HostPath>("/srv/secret"), parsed<VolumeName>("models"), std::nullopt, false, false}};
  auto run = minimal_run();
  run.mounts = {{parsed<MountSource>("models"), parsed<MountTarget>("/m"), false}};
  const auto refused = judged(run, profile);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail.find("secret") == std::string::npos);
  CHECK(refused.error().hint.find("secret") == std::string::npos);
  CHECK(refused.error().hint.find("models") != std::string::npos);
  CHECK(refused.error().wanted.find("/srv/secret") != std::string::npos);  // for the audit
}

TEST_CASE("health checks from a second to a day") {
  auto profile = test::sample_profile();
  profile.health_interval = policy::kMinHealthTime;
  auto run = minimal_run();
  run.healthcheck.emplace();
  for (const auto& [interval, good] :
       {std::pair{policy::kMinHealthTime, true}, std::pair{policy::kMinHealthTime - 1, false},
        std::pair{limits::kHealthTime, true}, std::pair{limits::kHealthTime + 1, false}}) {
    run.healthcheck->interval = interval;
    CHECK(allowed(run, profile) == good);
  }
}

TEST_CASE("values of the wrong kind, and values at their edges, in the file") {
  for (const char* line :
       {"mode = 3", "ports = {address = 3}", "visible = 3",
        "mounts = [{source = \"/srv/a\", mode = 3}]", "cpus = {max = 0.009}", "cpus = {max = 4097}",
        "pids = {max = 0}", "pids = {max = 4194305}", "health_interval = \"999ms\"",
        "health_interval = \"25h\"", "health_interval = \"1d\"", "extra_hosts = [\"a b:10.0.0.1\"]",
        "extra_hosts = [\"a:x\"]"}) {
    CHECK_MESSAGE(!loads(line), line);
  }
  for (const char* line :
       {"mode = \"enforce\"", "pids = {max = 4194304}", "cpus = {default = 0.01, max = 4096}",
        "pids = {default = 1, max = 1}", "health_interval = \"1000ms\"", "health_interval = \"1m\"",
        "health_interval = \"1440m\"", "health_interval = \"24h\"", "health_interval = \"1s\"",
        "extra_hosts = [\"a:10.0.0.1\"]", "ulimits = {core = 0}"}) {
    CHECK_MESSAGE(loads(line), line);
  }
  CHECK(policy::load("[service.a]\nmode = \"enforce\"\n").policy.find("a")->mode ==
        policy::Mode::enforce);
  const auto hosts = policy::load("[service.a]\nextra_hosts = [\"*:10.0.0.1\", \"a:*\"]\n");
  REQUIRE(hosts.problems.empty());
  CHECK_FALSE(hosts.policy.find("a")->extra_hosts[0].name.has_value());
  CHECK(hosts.policy.find("a")->extra_hosts[1].name.has_value());
}

TEST_CASE("warnings are given for what is dangerous, and for nothing else") {
  CHECK(warnings("restart = [\"always\"]") == 1);
  CHECK(warnings("restart = [\"on-failure\"]") == 0);
  CHECK(warnings("visible = \"all\"") == 1);
  CHECK(warnings("visible = \"owned\"") == 0);
  CHECK(warnings("ports = {address = \"0.0.0.0\"}") == 1);
  CHECK(warnings("ports = {address = \"127.0.0.1\"}") == 0);
  CHECK(warnings("mounts = [{source = \"/srv/a\", mode = \"rw\"}]") == 1);
  CHECK(warnings("mounts = [{source = \"/srv/a\", mode = \"ro\"}]") == 0);
  CHECK(warnings("capabilities = {allow = [\"KILL\"]}") == 0);
}

TEST_CASE("problems without a place are told without one") {
  CHECK(policy::to_string({0, 0, "x"}, "f") == "f: x");
  CHECK(policy::to_string({1, 2, "x"}, "f") == "f:1:2: x");
}

TEST_CASE("a file of the most bytes is read, one of a byte more is not") {
  const std::string most = "#" + std::string(limits::kPolicyFile - 1, 'x');
  CHECK(policy::load(most).problems.empty());
  CHECK_FALSE(policy::load(most + "x").problems.empty());
}

TEST_CASE("sizes and processors as text") {
  CHECK(policy::size_text(0) == "0");
  CHECK(policy::size_text(1ULL << 50U) == "1024t");
  CHECK(policy::cpus_text(1'500'000'000) == "1.5");
  CHECK(policy::cpus_text(2'000'000'000) == "2");
  for (const char* name : {"bridge", "host", "none"}) CHECK(policy::is_builtin_network(name));
  CHECK_FALSE(policy::is_builtin_network("other"));
}

TEST_CASE("on the host's network no capability is about networks") {
  auto profile = test::sample_profile();
  profile.capabilities.base = {Capability::net_bind_service, Capability::net_broadcast,
                               Capability::net_admin, Capability::net_raw, Capability::kill};
  auto run = minimal_run();
  run.network = parsed<NetworkName>("host");
  CHECK(policy::effective_capabilities(run, profile) == std::vector{Capability::kill});
}

TEST_CASE("a device to read, to write, or both, but not to look at") {
  auto profile = test::sample_profile();
  profile.devices = {parsed<policy::DevicePattern>("/dev/x/[0-9]+")};
  auto run = minimal_run();
  for (const auto& [read, write] : {std::pair{true, false}, std::pair{false, true}}) {
    run.devices = {{parsed<DevicePath>("/dev/x/0"), read, write}};
    CHECK(allowed(run, profile));
  }
  run.devices = {{parsed<DevicePath>("/dev/x/0"), false, false}};
  CHECK_FALSE(allowed(run, profile));
}

TEST_CASE("a capability may be added that is in allow, in base or in all_means") {
  auto profile = test::sample_profile();
  profile.capabilities = {{Capability::kill}, {Capability::sys_nice}, {Capability::ipc_lock}};
  auto run = minimal_run();
  for (const auto capability : {Capability::kill, Capability::sys_nice, Capability::ipc_lock}) {
    run.cap_add = {capability};
    CHECK(allowed(run, profile));
  }
  run.cap_add = {Capability::net_raw};
  CHECK_FALSE(allowed(run, profile));
  profile.capabilities.base.push_back(Capability::sys_admin);  // no loader lets it in
  run.cap_add.clear();
  const auto effective = policy::effective_capabilities(run, profile);
  CHECK(std::find(effective.begin(), effective.end(), Capability::sys_admin) == effective.end());
}

TEST_CASE("logs without a driver are none, and drivers without files take no figures") {
  auto profile = test::sample_profile();
  profile.logs.drivers.clear();
  auto run = minimal_run();
  CHECK(judged(run, profile).error().code == Errc::field_not_allowed);
  profile.logs.drivers = {LogDriver::journald};
  const auto plain = judged(run, profile);
  REQUIRE(plain.has_value());
  CHECK(plain->log->driver == LogDriver::journald);
  run.log = LogConfig{LogDriver::journald, std::nullopt, 2};
  CHECK_FALSE(allowed(run, profile));
  run.log = LogConfig{LogDriver::journald, 1 << 20, std::nullopt};
  CHECK_FALSE(allowed(run, profile));
}

TEST_CASE("mounts that are at odds, whichever comes first") {
  const auto two = [](const std::string& a, const std::string& b) {
    return loads("mounts = [{source = " + a + "}, {source = " + b + "}]");
  };
  const std::string inner = "\"/srv/a/b\"", outer = "\"/srv/a\"";
  CHECK(two(outer, "\"/srv/b\""));
  CHECK(two(outer, outer + ", target = \"/x\""));
  CHECK(two(outer, inner));  // nobody can write in the outer
  for (const char* how : {", mode = \"rw\"", ", subdirs = true"}) {
    CHECK_FALSE(two(outer + how, inner));
    CHECK_FALSE(two(inner, outer + how));
  }
  CHECK_FALSE(two(outer, outer + ", subdirs = true"));
  CHECK_FALSE(two(outer + ", subdirs = true", outer));
  CHECK_FALSE(two("\"/srv/a\", name = \"n1\"", "\"/srv/b\", name = \"n1\""));
  CHECK(two("\"/srv/a\", name = \"n1\"", "\"/srv/b\", name = \"m1\""));
}

TEST_CASE("figures of ulimits: a number of at least 0, or unlimited") {
  CHECK(loads("ulimits = {nofile = 0, memlock = \"unlimited\"}"));
  CHECK_FALSE(loads("ulimits = {nofile = -1}"));
  CHECK_FALSE(loads("ulimits = {nofile = \"many\"}"));
  CHECK_FALSE(loads("ulimits = {nofile = 1.5}"));
}
