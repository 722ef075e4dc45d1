// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include "policy/authorize.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using test::parsed;

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;

RunContainer minimal_run() { return RunContainer{parsed<ImageRef>("alpine")}; }

Result<RunContainer> check_run(const RunContainer& run) {
  return test::judged(run, test::sample_profile());
}

// Expects a refusal with `code` and gives it.
Error refusal(const Result<RunContainer>& result, Errc code) {
  REQUIRE_FALSE(result.has_value());
  CHECK(errc_name(result.error().code) == errc_name(code));
  return result.error();
}
Error refusal(const RunContainer& run, Errc code) { return refusal(check_run(run), code); }

Port publish(std::uint16_t host, Protocol protocol = Protocol::tcp) { return {80, protocol, host}; }

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("run without wishes gets the policy's finite defaults") {
  const auto run = check_run(minimal_run());
  REQUIRE(run.has_value());
  CHECK(run->network->view() == "bridge");
  CHECK(run->memory == 4 * kGiB);
  CHECK(run->nano_cpus == 2'000'000'000U);
  CHECK(run->pids == 4096U);
  CHECK(run->shm == 64 * kMiB);
  CHECK(run->restart.kind == Restart::no);
}

TEST_CASE("images outside the list are refused with the entry that would allow them") {
  auto run = minimal_run();
  run.image = parsed<ImageRef>("ghcr.io/evil/x:1");
  const auto error = refusal(run, Errc::image_not_allowed);
  CHECK(error.detail == "Image not in allowed list");
  CHECK(error.hint ==
        "add \"ghcr.io/evil/x:\" to images of [service.tt_studio_backend] in the policy file");
  auto profile = test::sample_profile();
  profile.images.push_back(parsed<policy::ImagePattern>("ghcr.io/evil/x:"));
  CHECK(test::judged(run, profile).has_value());
}

TEST_CASE("a service name that TOML wants quoted is quoted in the hint") {
  auto profile = test::sample_profile();
  profile.service = parsed<ServiceName>("a.b@c");
  profile.images.clear();
  const auto error = refusal(test::judged(minimal_run(), profile), Errc::image_not_allowed);
  CHECK(contains(error.hint, "[service.\"a.b@c\"]"));
}

TEST_CASE("networks") {
  auto run = minimal_run();
  for (const char* name : {"bridge", "host", "none"}) {
    run.network = parsed<NetworkName>(name);
    CHECK(check_run(run).has_value());
  }
  for (const char* name : {"Bridge", "Host", "other", "bridge2"}) {
    run.network = parsed<NetworkName>(name);
    const auto error = refusal(run, Errc::network_not_allowed);
    CHECK(error.detail == "Network not in allowed list");
    CHECK(contains(error.hint, "to networks of"));
  }
  auto profile = test::sample_profile();
  for (const char* name : {"default", "ingress", "docker_gwbridge"}) {
    profile.networks.push_back(parsed<NetworkName>(name));
    run.network = parsed<NetworkName>(name);
    const auto error = refusal(test::judged(run, profile), Errc::network_not_allowed);
    CHECK(error.hint.empty());
  }
}

TEST_CASE("an absent network is the bridge, which must be allowed too") {
  auto profile = test::sample_profile();
  profile.networks = {parsed<NetworkName>("tt_studio_network")};
  refusal(test::judged(minimal_run(), profile), Errc::network_not_allowed);
}

TEST_CASE("no ports on host or none") {
  auto run = minimal_run();
  run.ports = {publish(8003)};
  for (const char* name : {"host", "none"}) {
    run.network = parsed<NetworkName>(name);
    refusal(run, Errc::invalid_request);
  }
}

TEST_CASE("host ports come from the ranges alone") {
  auto run = minimal_run();
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{8003, 8050, 8102}) {
    run.ports = {publish(port)};
    CHECK(check_run(run).has_value());
  }
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{8103, 9000, 65535, 1024}) {
    run.ports = {publish(port)};
    CHECK(contains(refusal(run, Errc::port_not_allowed).hint, "ports.host"));
  }
}

TEST_CASE("reserved host ports are refused whatever the ranges say") {
  auto profile = test::sample_profile();
  profile.host_ports = {{0, 65535}};
  auto run = minimal_run();
  for (const std::uint16_t port :
       std::initializer_list<std::uint16_t>{1, 22, 80, 1023, 8002, 2375, 2376}) {
    run.ports = {publish(port)};
    CAPTURE(port);
    CHECK(refusal(test::judged(run, profile), Errc::port_not_allowed).hint.empty());
  }
  run.ports = {publish(1024)};
  CHECK(test::judged(run, profile).has_value());
}

TEST_CASE("ephemeral ports only by policy; host port 0 means the same") {
  auto run = minimal_run();
  for (const Port& port : {Port{80, Protocol::tcp, std::nullopt}, publish(0)}) {
    run.ports = {port};
    refusal(run, Errc::port_not_allowed);
    auto profile = test::sample_profile();
    profile.ephemeral_ports = true;
    const auto allowed = test::judged(run, profile);
    REQUIRE(allowed.has_value());
    CHECK_FALSE(allowed->ports[0].host.has_value());
  }
}

TEST_CASE("a host port is taken once per protocol") {
  auto run = minimal_run();
  run.ports = {publish(8003), publish(8003)};
  refusal(run, Errc::conflict);
  run.ports = {publish(8003), publish(8003, Protocol::udp)};
  CHECK(check_run(run).has_value());
  run.ports = {Port{0, Protocol::tcp, 8003}};
  refusal(run, Errc::invalid_request);
}

TEST_CASE("at most 16 ports") {
  auto run = minimal_run();
  for (std::uint16_t i = 0; i < 16; ++i) run.ports.push_back(publish(std::uint16_t(8003 + i)));
  CHECK(check_run(run).has_value());
  run.ports.push_back(publish(8050));
  refusal(run, Errc::invalid_request);
}

TEST_CASE("each limit holds at its minimum and its maximum") {
  struct Row {
    std::optional<std::uint64_t> RunContainer::*field;
    std::uint64_t min, max;
    const char* name;
    const char* shown_max;
    const char* key;
  };
  const Row rows[] = {
      {&RunContainer::memory, 6 * kMiB, 16 * kGiB, "mem_limit", "16g", "memory"},
      {&RunContainer::nano_cpus, 10'000'000, 8'000'000'000, "cpus", "8", "cpus"},
      {&RunContainer::pids, 1, 16384, "pids_limit", "16384", "pids"},
      {&RunContainer::shm, 1, 16 * kGiB, "shm_size", "16g", "shm"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    auto run = minimal_run();
    for (std::uint64_t good : {row.min, row.max}) {
      run.*row.field = good;
      CHECK(check_run(run).has_value());
    }
    for (std::uint64_t bad : {std::uint64_t{0}, row.min - 1}) {
      run.*row.field = bad;
      CHECK(contains(refusal(run, Errc::invalid_request).detail, row.name));
    }
    for (std::uint64_t bad : {row.max + 1, ~std::uint64_t{0}}) {
      run.*row.field = bad;
      const auto error = refusal(run, Errc::limit_exceeded);
      CHECK(error.detail ==
            std::string(row.name) + " is over the policy's maximum of " + row.shown_max);
      CHECK(contains(error.hint, row.key));
      CHECK(contains(error.hint, "[service.tt_studio_backend]"));
    }
  }
}

TEST_CASE("restart policies") {
  auto run = minimal_run();
  run.restart = {Restart::on_failure, 0};
  const auto filled = check_run(run);
  REQUIRE(filled.has_value());
  CHECK(filled->restart.retries == 5);
  run.restart.retries = 5;
  CHECK(check_run(run).has_value());
  run.restart.retries = 6;
  refusal(run, Errc::invalid_request);
  run.restart = {Restart::always, 0};
  CHECK(contains(refusal(run, Errc::field_not_allowed).hint, "\"always\" to restart"));
  run.restart = {Restart::no, 1};
  refusal(run, Errc::invalid_request);
  run.restart = {Restart::on_failure, 1};
  run.auto_remove = true;
  refusal(run, Errc::invalid_request);
  run.restart = {};
  CHECK(check_run(run).has_value());
  auto profile = test::sample_profile();
  profile.restart.clear();
  CHECK(test::judged(run, profile).has_value());
}

TEST_CASE("arguments are bounded in number and bytes, command and entrypoint together") {
  auto run = minimal_run();
  run.command.assign(511, parsed<Argument>("a"));
  run.entrypoint.assign(1, parsed<Argument>("a"));
  CHECK(check_run(run).has_value());
  run.entrypoint.push_back(parsed<Argument>("a"));
  refusal(run, Errc::invalid_request);
  run.entrypoint.assign(1, parsed<Argument>(std::string(16384, 'a')));
  run.command.assign(1, parsed<Argument>(std::string(16384, 'a')));
  CHECK(check_run(run).has_value());
  run.command.push_back(parsed<Argument>("a"));
  refusal(run, Errc::invalid_request);
}

TEST_CASE("variables are bounded and named once") {
  const auto variable = [](const std::string& name, const std::string& value) {
    return Variable{parsed<VariableName>(name), parsed<Text<limits::kVariableBytes>>(value)};
  };
  auto run = minimal_run();
  for (int i = 0; i < 256; ++i) run.environment.push_back(variable("V" + std::to_string(i), ""));
  CHECK(check_run(run).has_value());
  run.environment.push_back(variable("W", ""));
  refusal(run, Errc::invalid_request);
  run.environment = {variable("A", "1"), variable("A", "1")};
  refusal(run, Errc::invalid_request);
  run.environment = {variable("A", std::string(limits::kVariableBytes - 2, 'x'))};
  CHECK(check_run(run).has_value());
  run.environment.push_back(variable("B", ""));
  refusal(run, Errc::invalid_request);
}

TEST_CASE("labels are bounded and named once") {
  const auto label = [](const std::string& key, const std::string& value) {
    return Label{parsed<LabelKey>(key), parsed<Text<limits::kLabelValue>>(value)};
  };
  auto run = minimal_run();
  for (int i = 0; i < 64; ++i) run.labels.push_back(label("l" + std::to_string(i), ""));
  CHECK(check_run(run).has_value());
  run.labels.push_back(label("m", ""));
  refusal(run, Errc::invalid_request);
  run.labels = {label("a", "1"), label("a", "2")};
  refusal(run, Errc::invalid_request);
}

TEST_CASE("a run whose fields are each allowed but do not fit a frame together is refused") {
  auto run = minimal_run();
  run.command = {parsed<Argument>(std::string(30000, 'a'))};
  run.environment = {
      {parsed<VariableName>("A"), parsed<Text<limits::kVariableBytes>>(std::string(40000, 'x'))}};
  refusal(run, Errc::invalid_request);
}

TEST_CASE("list filters") {
  const auto profile = test::sample_profile();
  ListContainers list;
  list.names.assign(16, parsed<Text<128>>("a"));
  CHECK(test::judged(list, profile).has_value());
  list.names.push_back(parsed<Text<128>>("a"));
  CHECK_FALSE(test::judged(list, profile).has_value());
  list = {};
  list.states.assign(17, ContainerState::running);
  CHECK_FALSE(test::judged(list, profile).has_value());
  for (const char* label : {"docker-control.proof", "docker-control.nonce",
                            "docker-control.proof=x", "docker-control.nonce="}) {
    list = {};
    list.labels = {parsed<Text<256>>(label)};
    CHECK_FALSE(test::judged(list, profile).has_value());
  }
  list.labels = {parsed<Text<256>>("docker-control.owner=tt_studio_backend")};
  CHECK(test::judged(list, profile).has_value());
}

TEST_CASE("stop and restart wait at most 300 seconds") {
  const auto profile = test::sample_profile();
  const auto web = parsed<ContainerRef>("web");
  CHECK(test::judged(StopContainer{web, 0}, profile).has_value());
  CHECK(test::judged(StopContainer{web, 300}, profile).has_value());
  CHECK_FALSE(test::judged(StopContainer{web, 301}, profile).has_value());
  CHECK_FALSE(test::judged(StopContainer{web, ~0U}, profile).has_value());
  CHECK_FALSE(test::judged(RestartContainer{web, 301}, profile).has_value());
}

TEST_CASE("ownership") {
  const auto me = parsed<ServiceName>(test::kService);
  const auto other = parsed<ServiceName>("other");
  const policy::ContainerFacts mine{me, parsed<ImageRef>("evil/x")};
  const policy::ContainerFacts theirs{other, parsed<ImageRef>("alpine")};
  const policy::ContainerFacts foreign_allowed{std::nullopt, parsed<ImageRef>("alpine")};
  const policy::ContainerFacts foreign_other{std::nullopt, parsed<ImageRef>("evil/x")};
  const policy::ContainerFacts nameless{std::nullopt, std::nullopt};

  auto profile = test::sample_profile();
  profile.visible = policy::Visible::owned;
  const auto manage = [&](const auto& facts) { return policy::may_manage(me, profile, facts); };
  const auto see = [&](const auto& facts) { return policy::may_see(me, profile, facts); };

  CHECK(policy::is_owned(me, mine));
  CHECK_FALSE(policy::is_owned(me, theirs));
  CHECK_FALSE(policy::is_owned(me, nameless));

  SUBCASE("manage image-allowed: unowned containers of allowed images too") {
    CHECK(manage(mine));
    CHECK_FALSE(manage(theirs));
    CHECK(manage(foreign_allowed));
    CHECK_FALSE(manage(foreign_other));
    CHECK_FALSE(manage(nameless));
    CHECK(see(foreign_allowed));
    CHECK_FALSE(see(theirs));
    CHECK_FALSE(see(nameless));
  }
  SUBCASE("manage owned only") {
    profile.manage_image_allowed = false;
    CHECK(manage(mine));
    CHECK_FALSE(manage(foreign_allowed));
    CHECK(see(mine));
    CHECK_FALSE(see(foreign_allowed));
  }
  SUBCASE("visible all shows everything and gives nothing away to manage") {
    profile.visible = policy::Visible::all;
    for (const auto& facts : {mine, theirs, foreign_allowed, foreign_other, nameless}) {
      CHECK(see(facts));
    }
    CHECK_FALSE(manage(theirs));
    CHECK_FALSE(manage(nameless));
  }
}
