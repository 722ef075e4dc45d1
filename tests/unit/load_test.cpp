// SPDX-License-Identifier: Apache-2.0
#include "policy/load.hpp"
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include "policy/authorize.hpp"
#include "tests/unit/image_vectors.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using policy::load;

namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

policy::Policy good(std::string_view text) {
  auto loaded = load(text);
  for (const auto& problem : loaded.problems) FAIL_CHECK(to_string(problem, "policy.toml"));
  return std::move(loaded.policy);
}

// The only problem of a bad file, as "LINE:COLUMN: message".
std::string problem(std::string_view text) {
  const auto loaded = load(text);
  CHECK(loaded.policy.profiles.empty());
  REQUIRE(loaded.problems.size() == 1);
  return to_string(loaded.problems[0], "").substr(1);
}

std::string shipped_file() {
  std::ifstream file(SOURCE_ROOT "/packaging/policy.toml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A [service.a] with this one line, whose value begins in column 1 + its key and " = ".
std::string service(const std::string& line) { return "[service.a]\n" + line + "\n"; }

}  // namespace

TEST_CASE("an empty file is the empty policy") {
  CHECK(good("").profiles.empty());
  CHECK(good("[defaults]\n[service]\n").profiles.empty());
}

TEST_CASE("an empty profile has no rights and finite limits") {
  const auto policy = good("[service.a]\n");
  const auto* profile = policy.find("a");
  REQUIRE(profile != nullptr);
  CHECK(policy.find("b") == nullptr);
  CHECK(profile->scopes.bits == 0);
  CHECK(profile->images.empty());
  CHECK(profile->networks.empty());
  CHECK(profile->host_ports.empty());
  CHECK_FALSE(profile->ephemeral_ports);
  CHECK(profile->port_address.view() == "127.0.0.1");
  CHECK(profile->restart.empty());
  CHECK(profile->visible == policy::Visible::owned);
  CHECK_FALSE(profile->manage_image_allowed);
  CHECK(profile->memory.max == 16 * kGiB);
  CHECK(profile->nano_cpus.max == 8'000'000'000);
}

TEST_CASE("every key arrives in the profile") {
  const auto policy = good(R"(
[service."a.b"]
scopes = ["containers:read", "images:*"]
images = ["alpine:", "ghcr.io/x/"]
networks = ["bridge", "host"]
ports = {host = ["7000", "8003-8102"], address = "::1", ephemeral = true}
restart = ["no", "on-failure"]
visible = "all"
manage = ["owned", "image-allowed"]
memory = {default = "512m", max = "1g"}
cpus = {default = 0.5, max = 3}
pids = {default = 10, max = 20}
shm = {default = "1m", max = "2m"}
)");
  const auto* profile = policy.find("a.b");
  REQUIRE(profile != nullptr);
  CHECK(profile->service.view() == "a.b");
  CHECK(profile->scopes.has(Scope::containers_read));
  CHECK(profile->scopes.has(Scope::images_remove));
  CHECK_FALSE(profile->scopes.has(Scope::containers_run));
  CHECK(profile->images.size() == 2);
  CHECK(profile->networks.size() == 2);
  REQUIRE(profile->host_ports.size() == 2);
  CHECK(profile->host_ports[0].first == 7000);
  CHECK(profile->host_ports[0].last == 7000);
  CHECK(profile->host_ports[1].last == 8102);
  CHECK(profile->ephemeral_ports);
  CHECK(profile->port_address.view() == "::1");
  CHECK(profile->restart == std::vector{Restart::no, Restart::on_failure});
  CHECK(profile->visible == policy::Visible::all);
  CHECK(profile->manage_image_allowed);
  CHECK(profile->memory.standard == 512ULL << 20);
  CHECK(profile->memory.max == kGiB);
  CHECK(profile->nano_cpus.standard == 500'000'000);
  CHECK(profile->nano_cpus.max == 3'000'000'000);
  CHECK(profile->pids.standard == 10);
  CHECK(profile->shm.max == 2ULL << 20);
}

TEST_CASE("defaults reach every service, wherever they stand, and a service overrides them") {
  const auto policy = good(R"(
[service.a]
[service.b]
networks = ["other"]
memory = {max = "8g"}
ports = {host = ["9000"]}
[defaults]
networks = ["bridge"]
memory = {default = "1g", max = "2g"}
ports = {address = "0.0.0.0", host = ["7000"]}
visible = "all"
)");
  CHECK(policy.find("a")->networks[0].view() == "bridge");
  CHECK(policy.find("a")->memory.max == 2 * kGiB);
  CHECK(policy.find("a")->visible == policy::Visible::all);
  CHECK(policy.find("b")->networks[0].view() == "other");
  CHECK(policy.find("b")->memory.standard == kGiB);
  CHECK(policy.find("b")->memory.max == 8 * kGiB);
  CHECK(policy.find("b")->host_ports[0].first == 9000);
  CHECK(policy.find("b")->port_address.view() == "0.0.0.0");
}

TEST_CASE("syntax errors have their place") {
  CHECK(problem("[service.a\n").substr(0, 2) == "1:");
  CHECK(problem("[service.a]\nvisible = \"all\"\nvisible = \"all\"\n").substr(0, 2) == "3:");
  CHECK(problem("[service.a]\n[service.a]\n").substr(0, 2) == "2:");
  CHECK(problem("[service.a]\nvisible = \"\xff\"\n").substr(0, 2) == "2:");
}

TEST_CASE("unknown keys are refused and the known ones named") {
  CHECK(problem("[defaultz]\n") ==
        "1:2: unknown key \"defaultz\"; known are [defaults] and [service.NAME]");
  CHECK(problem("services = 1\n").substr(0, 4) == "1:1:");
  CHECK(
      problem(service("image = []")) ==
      "2:1: [service.a]: unknown key \"image\"; known are scopes, images, networks, ports, "
      "restart, visible, manage, memory, swap, cpus, pids, shm, tmpfs, rate, mounts, volumes, "
      "devices, exclusive_devices, gpus, capabilities, ulimits, groups, health_interval, logs, "
      "dns, extra_hosts, reserved_names, require_non_root, require_read_only, adopt, quota, mode");
  CHECK(problem(service("ports = {hosts = []}")) ==
        "2:10: [service.a].ports: unknown key \"hosts\"; known are host, address, ephemeral");
  CHECK(problem(service("memory = {defualt = \"1g\"}")) ==
        "2:11: [service.a].memory: unknown key \"defualt\"; known are default, max");
  CHECK(problem("[defaults]\nscopes = []\n").find("unknown key \"scopes\"") != std::string::npos);
  CHECK(problem("[defaults]\nimages = []\n").find("unknown key \"images\"") != std::string::npos);
}

TEST_CASE("wrong types and values say what is expected") {
  const std::pair<const char*, const char*> rows[] = {
      {"scopes = \"containers:*\"", "2:10: [service.a].scopes: must be a list of texts"},
      {"scopes = [1]", "2:11: [service.a].scopes[0]: must be text in quotes"},
      {"scopes = [\"*\"]", "2:11: [service.a].scopes[0]: \"*\" is not a scope"},
      {"images = [\"alpine:\", \"alpine\"]",
       "2:22: [service.a].images[1]: \"alpine\" must have an ending"},
      {"networks = [\"a b\"]", "2:13: [service.a].networks[0]: \"a b\" must be 1 to 63 of"},
      {"networks = [\"ingress\"]",
       "2:13: [service.a].networks[0]: \"ingress\" is the Engine's own"},
      {"restart = [\"never\"]", "2:12: [service.a].restart[0]: \"never\" must be no, on-failure"},
      {"visible = \"some\"", "2:11: [service.a].visible: must be \"owned\" or \"all\""},
      {"visible = true", "2:11: [service.a].visible: must be text in quotes"},
      {"manage = [\"all\"]", "2:11: [service.a].manage[0]: \"all\" must be \"owned\""},
      {"ports = [\"7000\"]", "2:9: [service.a].ports: must be a table"},
      {"ports = {host = [7000]}", "2:18: [service.a].ports.host[0]: must be text in quotes"},
      {"ports = {address = \"lo\"}", "2:20: [service.a].ports.address: \"lo\" must be an IPv4"},
      {"ports = {ephemeral = \"yes\"}", "2:22: [service.a].ports.ephemeral: must be true or false"},
      {"memory = \"16g\"", "2:10: [service.a].memory: must be a table"},
      {"memory = {max = 16}", "2:17: [service.a].memory.max: must be a size in quotes"},
      {"memory = {max = \"unlimited\"}", "2:17: [service.a].memory.max: must be a size in quotes"},
      {"memory = {default = \"1m\"}", "2:21: [service.a].memory.default: must be a size in quotes"},
      {"memory = {max = \"1g\"}", "2:10: [service.a].memory: default is over max"},
      {"shm = {default = \"0\"}", "2:18: [service.a].shm.default: must be a size in quotes"},
      {"cpus = {max = \"8\"}", "2:15: [service.a].cpus.max: must be a number of processors"},
      {"cpus = {default = 0}", "2:19: [service.a].cpus.default: must be a number of processors"},
      {"cpus = {max = inf}", "2:15: [service.a].cpus.max: must be a number of processors"},
      {"cpus = {max = nan}", "2:15: [service.a].cpus.max: must be a number of processors"},
      {"cpus = {max = true}", "2:15: [service.a].cpus.max: must be a number of processors"},
      {"cpus = {max = -1}", "2:15: [service.a].cpus.max: must be a number of processors"},
      {"pids = {max = 0}", "2:15: [service.a].pids.max: must be a whole number"},
      {"pids = {max = -1}", "2:15: [service.a].pids.max: must be a whole number"},
      {"pids = {max = 1.5}", "2:15: [service.a].pids.max: must be a whole number"},
  };
  for (const auto& row : rows) {
    const std::string_view expected = row.second;
    CAPTURE(row.first);
    CHECK(problem(service(row.first)).substr(0, expected.size()) == expected);
  }
  CHECK(problem("service = 1\n") == "1:11: service: must be tables, written [service.NAME]");
  CHECK(problem("[service]\na = 1\n") == "2:5: [service.a]: must be a table");
  CHECK(problem("[service.\"a b\"]\n").find("the name must be 1 to 128") != std::string::npos);
}

TEST_CASE("port ranges") {
  for (const char* text : {"", "-", "a", "7000-", "-7000", "7100-7000", "70000", "7000-70000",
                           "7000 - 7100", "+7000", "7000-7100-7200", "7000,7001", "0x1b58"}) {
    CAPTURE(text);
    const auto message = problem(service("ports = {host = [\"" + std::string(text) + "\"]}"));
    CHECK(message.find("must be a port or a range") != std::string::npos);
  }
  for (const char* text : {"0", "80", "1-65535", "1000-1024", "8002", "8000-8100", "2375-2376"}) {
    CAPTURE(text);
    const auto message = problem(service("ports = {host = [\"" + std::string(text) + "\"]}"));
    CHECK(message.find("can never be published") != std::string::npos);
  }
  CHECK(good(service("ports = {host = [\"65535\", \"8003-65535\"]}")).profiles.size() == 1);
}

TEST_CASE("all problems are told, in the file's order") {
  const auto loaded = load("[service.b]\nshm = 1\nvisible = 2\n[defaults]\npids = 3\nx = 4\n");
  REQUIRE(loaded.problems.size() == 4);
  CHECK(loaded.policy.profiles.empty());
  for (unsigned i = 0; i < 4; ++i) CHECK(loaded.problems[i].line == (i < 2 ? i + 2 : i + 3));
}

TEST_CASE("what the file says is shown without control characters") {
  const auto message = problem(service("\"a\\u001b[31m\\n\" = 1"));
  for (char c : message) CHECK(static_cast<unsigned char>(c) >= 0x20);
}

TEST_CASE("counts and sizes are capped") {
  std::string list = "images = [";
  for (int i = 0; i < 256; ++i) list += "\"a" + std::to_string(i) + ":\",";
  CHECK(good(service(list + "]")).find("a")->images.size() == 256);
  CHECK(problem(service(list + "\"b:\"]")).find("at most 256 entries") != std::string::npos);

  std::string long_list = "images = [";
  for (int i = 0; i < 256; ++i) {
    long_list += "\"" + std::string(200, 'a') + std::to_string(1000 + i) + ":latest" +
                 std::string(100, 'x') + "\",";
  }
  CHECK(problem(service(long_list + "]")).find("too large") != std::string::npos);

  std::string services;
  for (int i = 0; i < 256; ++i) services += "[service.s" + std::to_string(i) + "]\n";
  CHECK(good(services).profiles.size() == 256);
  CHECK(problem(services + "[service.t]\n").find("at most 256 services") != std::string::npos);

  CHECK(problem(std::string(limits::kPolicyFile + 1, '#')).find("1 MiB") != std::string::npos);
}

TEST_CASE("a profile that the loader accepts fits its frame") {
  std::string text = "[service." + std::string(128, 's') + "]\nimages = [";
  for (int i = 0; i < 256; ++i) text += "\"" + std::string(200, 'a') + std::to_string(i) + ":\",";
  const auto policy = good(text + "]\n");
  const PolicyProfile message{~0ULL, ~0U, policy.profiles.begin()->second};
  CHECK(wire::encode_frame<ToFront>(0, false, message).size() <= limits::kFrame);
}

TEST_CASE("hostile nesting is an error, not a crash") {
  CHECK(load("a = " + std::string(100000, '[')).problems.size() == 1);
  std::string dotted = "a";
  for (int i = 0; i < 10000; ++i) dotted += ".a";
  CHECK_FALSE(load(dotted + " = 1").problems.empty());
}

TEST_CASE("the shipped file gives the verdicts of the image table") {
  const auto policy = good(shipped_file());
  const auto* profile = policy.find(test::kService);
  REQUIRE(profile != nullptr);
  for (const auto& vector : test::image_vectors()) {
    CAPTURE(vector.image);
    const auto image = test::parse(vector);
    if (!image) continue;
    const auto run = test::judged(RunContainer{*image}, *profile);
    CHECK(run.has_value() == (vector.verdict == "allow"));
    if (!run) CHECK(run.error().detail == "Image not in allowed list");
  }
}

TEST_CASE("the shipped file holds the limits and networks of the service it replaces") {
  const auto policy = good(shipped_file());
  const auto* profile = policy.find(test::kService);
  REQUIRE(profile != nullptr);
  CHECK(profile->memory.max == 16 * kGiB);
  CHECK(profile->nano_cpus.max == 8'000'000'000);
  REQUIRE(profile->networks.size() == 2);
  CHECK(profile->networks[0].view() == "tt_studio_network");
  CHECK(profile->networks[1].view() == "bridge");
  for (const char* name : {"containers:*", "images:*", "networks:*", "service:*"}) {
    const auto family = parse_scope(name).value();
    CHECK(profile->scopes.narrowed_by(family) == family);
  }
}
