// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/check_fixture.hpp"

using namespace dc;
using namespace dc::test;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kGiB = 1ULL << 30;

// The minimal run after `change`.
template <class Change>
RunContainer run_with(Change change) {
  auto run = minimal_run();
  change(run);
  return run;
}

RunContainer as_user(const char* user) {
  return run_with([&](auto& run) { run.user = parsed<UserSpec>(user); });
}

RunContainer with_health(Healthcheck health) {
  return run_with([&](auto& run) { run.healthcheck = std::move(health); });
}

std::vector<Argument> test_of(std::initializer_list<const char*> words) {
  std::vector<Argument> test;
  for (const char* word : words) test.push_back(parsed<Argument>(word));
  return test;
}

RunContainer logging(LogConfig log) {
  return run_with([&](auto& run) { run.log = log; });
}

}  // namespace

TEST_CASE("require_non_root takes numbers other than 0 alone") {
  auto profile = sample_profile();
  CHECK(verdict(as_user("root"), profile).empty());
  profile.require_non_root = true;
  for (const char* user : {"1", "1000", "1000:1000", "010", "1000:0", "65534:nogroup"}) {
    CAPTURE(user);
    CHECK(verdict(as_user(user), profile).empty());
  }
  for (const char* user : {"0", "00", "000:5", "0:1000", "root", "root:root", "nobody", "1000x"}) {
    CAPTURE(user);
    CHECK(verdict(as_user(user), profile) == "field_not_allowed require_non_root false");
  }
  CHECK(verdict(minimal_run(), profile) == "field_not_allowed require_non_root false");
}

TEST_CASE("require_read_only") {
  auto profile = sample_profile();
  profile.require_read_only = true;
  CHECK(verdict(minimal_run(), profile) == "field_not_allowed require_read_only false");
  CHECK(verdict(run_with([](auto& run) { run.read_only = true; }), profile).empty());
}

TEST_CASE("ulimits by name, up to the listed one") {
  auto profile = sample_profile();  // nofile 4096
  const auto limited = [](UlimitName name, std::uint64_t soft, std::uint64_t hard) {
    return run_with([&](auto& run) { run.ulimits = {{name, soft, hard}}; });
  };
  CHECK(verdict(limited(UlimitName::nofile, 0, 4096), profile).empty());
  CHECK(verdict(limited(UlimitName::nofile, 1, 4097), profile) ==
        "limit_exceeded ulimits.nofile 4097");
  CHECK(verdict(limited(UlimitName::nofile, 1, kUnlimited), profile) ==
        "limit_exceeded ulimits.nofile \"unlimited\"");
  CHECK(verdict(limited(UlimitName::memlock, 1, 1), profile) == "limit_exceeded ulimits.memlock 1");
  CHECK(verdict(limited(UlimitName::nofile, 2, 1), profile) == "invalid_request");
  profile.ulimits.push_back({UlimitName::memlock, kUnlimited, kUnlimited});
  CHECK(verdict(limited(UlimitName::memlock, kUnlimited, kUnlimited), profile).empty());
  auto twice = limited(UlimitName::nofile, 1, 1);
  twice.ulimits.push_back(twice.ulimits[0]);
  CHECK(verdict(twice, profile) == "invalid_request");
}

TEST_CASE("swap is what memswap_limit has over mem_limit") {
  auto profile = sample_profile();  // up to 1 GiB
  const auto swapping = [](std::uint64_t memory, std::optional<std::uint64_t> memswap) {
    return run_with([&](auto& run) {
      run.memory = memory;
      run.memswap = memswap;
    });
  };
  CHECK(allowed(minimal_run(), profile).memswap == 4 * kGiB);
  CHECK(allowed(swapping(kGiB, kGiB), profile).memswap == kGiB);
  CHECK(verdict(swapping(kGiB, 2 * kGiB), profile).empty());
  CHECK(verdict(swapping(kGiB, 2 * kGiB + 1024), profile) ==
        "limit_exceeded swap.max \"1048577k\"");
  CHECK(verdict(swapping(kGiB, kGiB - 1), profile) == "invalid_request");
  CHECK(verdict(swapping(kGiB, 0), profile) == "invalid_request");
  profile.swap.standard = 512ULL << 20;
  CHECK(allowed(swapping(kGiB, {}), profile).memswap == kGiB + (512ULL << 20));
}

TEST_CASE("no mode lifts every end from a limit") {
  auto profile = sample_profile();
  profile.mode = policy::Mode::audit;
  for (auto field : {&RunContainer::memory, &RunContainer::memswap, &RunContainer::nano_cpus,
                     &RunContainer::pids, &RunContainer::shm}) {
    auto run = minimal_run();
    run.*field = 1ULL << 40;
    CHECK(verdict(run, profile).empty());
    run.*field = ~std::uint64_t{0};
    CHECK(verdict(run, profile) == "invalid_request");
  }
}

TEST_CASE("health checks have a known form and reasonable times") {
  const auto profile = sample_profile();
  for (const auto& test : {test_of({}), test_of({"NONE"}), test_of({"CMD", "true"}),
                           test_of({"CMD-SHELL", "a | b"}), test_of({"CMD", "a", "b", "c"})}) {
    CHECK(verdict(with_health({test, {}, {}, {}, {}}), profile).empty());
  }
  for (const auto& test :
       {test_of({"NONE", "x"}), test_of({"CMD"}), test_of({"CMD-SHELL"}), test_of({"true"}),
        test_of({"cmd", "true"}), test_of({"CMD-SHELL", "a", "b"}), test_of({""})}) {
    CHECK(verdict(with_health({test, {}, {}, {}, {}}), profile) == "invalid_request");
  }
  CHECK(verdict(with_health({{}, 5 * kSecond, kSecond, 0U, 100U}), profile).empty());
  CHECK(verdict(with_health({{}, 5 * kSecond - 1, {}, {}, {}}), profile) ==
        "limit_exceeded health_interval \"4999ms\"");
  CHECK(verdict(with_health({{}, 2 * kSecond, {}, {}, {}}), profile) ==
        "limit_exceeded health_interval \"2s\"");
  CHECK(verdict(with_health({{}, 1, {}, {}, {}}), profile) == "invalid_request");
  CHECK(verdict(with_health({{}, ~std::uint64_t{0}, {}, {}, {}}), profile) == "invalid_request");
  CHECK(verdict(with_health({{}, {}, kSecond - 1, {}, {}}), profile) == "invalid_request");
  CHECK(verdict(with_health({{}, {}, {}, 86401 * kSecond, {}}), profile) == "invalid_request");
  CHECK(verdict(with_health({{}, {}, {}, {}, 101U}), profile) == "invalid_request");
  const auto zero = allowed(with_health({test_of({"CMD", "a"}), 0U, 0U, 0U, 0U}), profile);
  CHECK_FALSE(zero.healthcheck->interval.has_value());
  CHECK_FALSE(zero.healthcheck->timeout.has_value());
  CHECK_FALSE(zero.healthcheck->start_period.has_value());
  CHECK_FALSE(zero.healthcheck->retries.has_value());
  auto large = with_health({test_of({"CMD"}), {}, {}, {}, {}});
  large.healthcheck->test.resize(limits::kArguments, parsed<Argument>("a"));
  CHECK(verdict(large, profile).empty());
  large.command = {parsed<Argument>("a")};
  CHECK(verdict(large, profile) == "invalid_request");
}

TEST_CASE("every container has a log of a listed driver and an end") {
  auto profile = sample_profile();  // json-file and local
  const auto standard = allowed(minimal_run(), profile);
  REQUIRE(standard.log.has_value());
  CHECK(standard.log->driver == LogDriver::json_file);
  CHECK(standard.log->max_size == 10ULL << 20);
  CHECK(standard.log->max_files == 3U);
  const auto local = allowed(logging({LogDriver::local, 1024U, {}}), profile);
  CHECK(local.log->max_size == 1024U);
  CHECK(local.log->max_files == 3U);
  CHECK(verdict(logging({LogDriver::json_file, 11ULL << 20, {}}), profile) ==
        "limit_exceeded logs.size.max \"11m\"");
  CHECK(verdict(logging({LogDriver::local, {}, 4U}), profile) == "limit_exceeded logs.files.max 4");
  CHECK(verdict(logging({LogDriver::local, 0U, {}}), profile) == "invalid_request");
  CHECK(verdict(logging({LogDriver::local, {}, 0U}), profile) == "invalid_request");
  CHECK(verdict(logging({LogDriver::journald, {}, {}}), profile) ==
        "field_not_allowed logs.drivers \"journald\"");
  CHECK(verdict(logging({LogDriver::none, {}, {}}), profile) ==
        "field_not_allowed logs.drivers \"none\"");
  profile.logs.drivers = {LogDriver::journald};
  const auto journal = allowed(minimal_run(), profile);
  CHECK(journal.log->driver == LogDriver::journald);
  CHECK_FALSE(journal.log->max_size.has_value());
  CHECK(verdict(logging({LogDriver::journald, 1024U, {}}), profile) == "invalid_request");
}

TEST_CASE("resolvers, hosts and groups come from the lists") {
  auto profile = sample_profile();
  const auto server = [](const char* address) {
    return run_with([&](auto& run) { run.dns = {parsed<IpAddress>(address)}; });
  };
  CHECK(verdict(server("10.0.0.53"), profile).empty());
  CHECK(verdict(server("10.0.0.54"), profile) == "field_not_allowed dns \"10.0.0.54\"");
  const auto host = [](const char* name, const char* address) {
    return run_with([&](auto& run) {
      run.extra_hosts = {{parsed<HostName>(name), parsed<HostAddress>(address)}};
    });
  };
  CHECK(verdict(host("db", "host-gateway"), profile).empty());
  CHECK(verdict(host("db", "10.0.0.1"), profile) ==
        "field_not_allowed extra_hosts \"db:10.0.0.1\"");
  CHECK(verdict(host("web", "host-gateway"), profile) ==
        "field_not_allowed extra_hosts \"web:host-gateway\"");
  profile.extra_hosts = {{{}, parsed<HostAddress>("10.0.0.1")}};
  CHECK(verdict(host("any", "10.0.0.1"), profile).empty());
  CHECK_FALSE(verdict(host("any", "10.0.0.2"), profile).empty());
  profile.extra_hosts = {{parsed<HostName>("db"), {}}};
  CHECK(verdict(host("db", "::1"), profile).empty());
  const auto group = [](const char* name) {
    return run_with([&](auto& run) { run.groups = {parsed<Group>(name)}; });
  };
  CHECK(verdict(group("video"), profile).empty());
  CHECK(verdict(group("docker"), profile) == "field_not_allowed groups \"docker\"");
  CHECK(verdict(group("0"), profile) == "field_not_allowed groups \"0\"");
}

TEST_CASE("lists of resolvers, hosts and groups end") {
  const auto profile = sample_profile();
  auto run = minimal_run();
  run.dns.assign(8, parsed<IpAddress>("10.0.0.53"));
  run.extra_hosts.assign(16, {parsed<HostName>("db"), parsed<HostAddress>("host-gateway")});
  CHECK(verdict(run, profile).empty());
  run.dns.push_back(run.dns[0]);
  CHECK(verdict(run, profile) == "invalid_request");
  run.dns.clear();
  run.extra_hosts.push_back(run.extra_hosts[0]);
  CHECK(verdict(run, profile) == "invalid_request");
  run.extra_hosts.clear();
  run.groups.assign(2, parsed<Group>("video"));
  CHECK(verdict(run, profile) == "invalid_request");  // twice the same
  run.groups.assign(17, parsed<Group>("video"));
  CHECK(verdict(run, profile) == "invalid_request");
}

TEST_CASE("reserved names are nobody's, in any case") {
  auto profile = sample_profile();  // reserved-*
  profile.reserved_names.push_back(parsed<policy::NamePattern>("DB"));
  const auto named = [](const char* name) {
    return run_with([&](auto& run) { run.name = parsed<ContainerName>(name); });
  };
  const auto host = [](const char* name) {
    return run_with([&](auto& run) { run.hostname = parsed<HostName>(name); });
  };
  const std::string refused = "field_not_allowed reserved_names \"reserved-*\"";
  CHECK(verdict(named("reserved"), profile).empty());
  CHECK(verdict(named("reserved-1"), profile) == refused);
  CHECK(verdict(named("Reserved-1"), profile) == refused);
  CHECK(verdict(host("RESERVED-x"), profile) == refused);
  CHECK(verdict(host("db"), profile) == "field_not_allowed reserved_names \"DB\"");
  CHECK(verdict(host("db2"), profile).empty());
  const auto rename = [&](const char* name) {
    return judged(RenameContainer{parsed<ContainerRef>("web"), parsed<ContainerName>(name)},
                  profile);
  };
  CHECK(rename("shop").has_value());
  REQUIRE_FALSE(rename("reserved-shop").has_value());
  CHECK(rename("reserved-shop").error().rule == "reserved_names");
}

TEST_CASE("stop_timeout, and fields that are free") {
  const auto profile = sample_profile();
  auto run = minimal_run();
  run.tty = true;
  run.stdin_open = true;
  run.stop_signal = parsed<StopSignal>("SIGKILL");
  run.stop_timeout = 300;
  for (const PullMode pull : {PullMode::missing, PullMode::always, PullMode::never}) {
    run.pull = pull;
    CHECK(verdict(run, profile).empty());
  }
  run.stop_timeout = 301;
  CHECK(verdict(run, profile) == "invalid_request");
}

TEST_CASE("adopted containers are managed by name, image or both; never another service's") {
  const auto me = parsed<ServiceName>(kService);
  auto profile = sample_profile();
  profile.manage_image_allowed = false;
  profile.visible = policy::Visible::owned;
  using Rules = std::vector<policy::AdoptRule>;
  const auto name = parsed<policy::NamePattern>("tt-*");
  const auto image = parsed<policy::ImagePattern>("ghcr.io/x/");
  const policy::ContainerFacts by_name{{}, parsed<ImageRef>("evil/x"), "tt-1"};
  const policy::ContainerFacts by_image{{}, parsed<ImageRef>("ghcr.io/x/y"), "other"};
  const policy::ContainerFacts by_both{{}, parsed<ImageRef>("ghcr.io/x/y"), "tt-1"};
  const policy::ContainerFacts theirs{parsed<ServiceName>("other"), parsed<ImageRef>("ghcr.io/x/y"),
                                      "tt-1"};
  const policy::ContainerFacts nameless{{}, {}, "tt-1"};
  const auto managed = [&](Rules rules) {
    profile.adopt = std::move(rules);
    std::string which;
    for (const auto* facts : {&by_name, &by_image, &by_both, &theirs, &nameless}) {
      which += policy::may_manage(me, profile, *facts) ? 'y' : '-';
      CHECK(policy::may_see(me, profile, *facts) == (which.back() == 'y'));
    }
    return which;
  };
  CHECK(managed({}) == "-----");
  CHECK(managed({{{}, {}}}) == "-----");
  CHECK(managed({{name, {}}}) == "y-y-y");
  CHECK(managed({{{}, image}}) == "-yy--");
  CHECK(managed({{name, image}}) == "--y--");
  CHECK(managed({{name, {}}, {{}, image}}) == "yyy-y");
}
