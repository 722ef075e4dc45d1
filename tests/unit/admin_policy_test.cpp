// SPDX-License-Identifier: Apache-2.0
// docker-control policy show, diff and learn: pure functions of files.
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include "admin/policy_diff.hpp"
#include "admin/policy_learn.hpp"
#include "admin/policy_show.hpp"
#include "admin/policy_text.hpp"
#include "common/json_text.hpp"
#include "policy/load.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using namespace dc::admin;

namespace {

// Every key, each with another value than the built-in.
const std::string kFull = R"([defaults]
memory = {max = "32g"}
visible = "all"
[service."a.b"]
scopes = ["containers:*", "service:logs"]
images = ["alpine:", "ghcr.io/x/"]
networks = ["bridge", "host"]
ports = {host = ["7000", "8003-8102"], address = "::1", ephemeral = true}
restart = ["no", "on-failure"]
manage = ["owned", "image-allowed"]
adopt = [{name = "tt-*", image = "ghcr.io/x/"}, {image = "alpine:"}]
memory = {default = "8g"}
swap = {default = "1m", max = "1g"}
cpus = {default = 0.5, max = 3}
pids = {default = 10, max = 20}
shm = {default = "1m", max = "2m"}
tmpfs = {default = "1m", max = "2m"}
rate = 7
mounts = [{source = "/srv/models", name = "models"}, {source = "/srv/w", mode = "rw", subdirs = true, target = "/w"}]
volumes = ["cache"]
devices = ["/dev/tenstorrent/[0-9]+"]
exclusive_devices = true
gpus = {drivers = ["nvidia"], count = "all"}
capabilities = {allow = ["IPC_LOCK"], all_means = ["SYS_NICE"], base = ["CHOWN"]}
ulimits = {nofile = 4096, memlock = "unlimited", core = 0}
groups = ["video"]
health_interval = "90s"
logs = {drivers = ["local"], size = {default = "1m", max = "5m"}, files = {default = 1, max = 9}}
dns = ["10.0.0.53"]
extra_hosts = ["host.docker.internal:host-gateway", "*:10.0.0.5", "db:*"]
reserved_names = ["tt-studio-*"]
require_non_root = true
require_read_only = true
quota = {containers = 1, memory = "64g", cpus = 1.5, ports = 2, networks = 3, pulls = 1, follows = 5}
mode = "audit"
)";

policy::Policy good(const std::string& toml) {
  auto loaded = policy::load(toml);
  CAPTURE(toml);
  for (const auto& problem : loaded.problems) FAIL_CHECK(to_string(problem, ""));
  return std::move(loaded.policy);
}

std::string read(const std::string& file) {
  std::ifstream stream(std::string(SOURCE_ROOT "/") + file);
  std::stringstream text;
  text << stream.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  return text.str();
}

std::string encoded_policy(const policy::Policy& policy) {
  std::string text;
  for (const auto& [name, profile] : policy.profiles) text += test::encoded(profile);
  return text;
}

std::string changes(const std::string& before, const std::string& after) {
  return diff_policies(good("[service.a]\n" + before), good("[service.a]\n" + after));
}

// An audit line of a refusal.
std::string refusal(const char* rule, const char* wanted, const char* service = "a") {
  JsonWriter out;
  out.open('{').key("event").string("result").key("service").string(service);
  out.key("rule").string(rule).key("wanted").string(wanted);
  return out.close('}').take();
}

std::string learnt(std::initializer_list<std::string> lines, const std::string& policy = {}) {
  Lessons lessons({});
  for (const std::string& line : lines) lessons.learn(line);
  return lessons.to_toml(policy);
}

}  // namespace

TEST_CASE("show says everything and where it comes from, and loads to the same") {
  const auto policy = good(kFull);
  const std::string shown = show_policy(policy, kFull, "");
  CHECK(encoded_policy(good(shown)) == encoded_policy(policy));
  const auto line = [&](const std::string& key) {
    const std::size_t begin = shown.find("\n" + key + " = ") + 1;
    REQUIRE(begin != 0);
    return shown.substr(begin, shown.find('\n', begin) - begin);
  };
  const auto says = [&](const std::string& key, const char* value, const char* origin) {
    const std::string text = line(key);
    CHECK(text.starts_with(key + " = " + value));
    CHECK(text.ends_with(std::string("# ") + origin));
  };
  says("memory.max", "\"32g\"", "[defaults], line 2");
  says("memory.default", "\"8g\"", "[service.\"a.b\"], line 12");
  says("visible", "\"all\"", "[defaults], line 3");
  says("rate", "7", "[service.\"a.b\"], line 18");
  const std::string bare =
      show_policy(good("[service.a]\n[service.b]\n"), "[service.a]\n[service.b]\n", "b");
  CHECK(bare.starts_with("[service.b]\n"));
  CHECK(bare.find("[service.a]") == std::string::npos);
  CHECK(bare.find("# [") == std::string::npos);  // all built-in
  for (const char* file : {"packaging/policy.toml", "packaging/presets/tt-studio.toml",
                           "packaging/presets/readonly.toml", "packaging/presets/ci-runner.toml"}) {
    const std::string text = read(file);
    const auto shipped = good(text);
    CHECK_FALSE(shipped.profiles.empty());
    CHECK(encoded_policy(good(show_policy(shipped, text, ""))) == encoded_policy(shipped));
  }
}

TEST_CASE("every key of the loader has a setting") {
  const auto unknown = policy::load("[service.a]\nx = 1\n").problems.at(0).message;
  std::string keys = unknown.substr(unknown.find("known are ") + 10) + ",";
  while (!keys.empty()) {
    const std::string key = keys.substr(0, keys.find(','));
    keys.erase(0, std::min(keys.size(), key.size() + 2));
    CAPTURE(key);
    CHECK(std::any_of(settings().begin(), settings().end(),
                      [&](const Setting& one) { return first_part(one.key) == key; }));
  }
}

TEST_CASE("diff says in words what changes") {
  CHECK(changes("", "").empty());
  CHECK(changes("images = [\"a:\", \"b:\"]", "images = [\"b:\", \"c:\"]") ==
        "[service.a]\n  + images: \"c:\" is allowed now\n  - images: \"a:\" is not allowed any "
        "more\n");
  CHECK(changes("memory = {max = \"16g\"}", "memory = {max = \"32g\"}") ==
        "[service.a]\n  + memory.max: \"16g\" -> \"32g\": allows more\n");
  CHECK(changes("health_interval = \"5s\"", "health_interval = \"9s\"") ==
        "[service.a]\n  - health_interval: \"5s\" -> \"9s\": allows less\n");
  CHECK(changes("", "require_non_root = true") ==
        "[service.a]\n  - require_non_root: false -> true: allows less\n");
  CHECK(changes("", "reserved_names = [\"db\"]") ==
        "[service.a]\n  - reserved_names: \"db\" is refused now\n");
  CHECK(changes("", "ports = {address = \"0.0.0.0\"}") ==
        "[service.a]\n  ~ ports.address: \"127.0.0.1\" -> \"0.0.0.0\"\n");
  CHECK(changes("", "ulimits = {nofile = 7}") ==
        "[service.a]\n  + ulimits.nofile: nothing -> 7: allows more\n");
  CHECK(changes("logs = {drivers = [\"local\", \"none\"]}",
                "logs = {drivers = [\"none\", \"local\"]}") ==
        "[service.a]\n  ~ logs.drivers: in another order\n");
  const auto two =
      diff_policies(good("[service.b]\n"), good("[service.a]\nnetworks = [\"bridge\"]\n"));
  CHECK(two ==
        "[service.a]\n  + has a profile now\n  + networks: \"bridge\" is allowed now\n"
        "[service.b]\n  - has no profile any more: every request is refused\n");
}

TEST_CASE("learn prints what was missing, once") {
  CHECK(learnt({}).empty());
  CHECK(learnt({"not JSON", "{}", R"({"service":"a"})", R"({"service":"a","rule":"images"})"})
            .empty());
  CHECK(learnt({refusal("images", "\"x/y:\""), refusal("images", "\"x/y:\""),
                refusal("memory.max", "\"32g\""), refusal("memory.max", "\"1t\""),
                refusal("ulimits.nofile", "4097"), refusal("health_interval", "\"3s\""),
                refusal("health_interval", "\"2s\""), refusal("gpus.count", "\"all\""),
                refusal("mounts", "{source = \"/srv/a\", mode = \"ro\"}"),
                refusal("mounts", "{source = \"/srv/a\", mode = \"rw\"}"),
                refusal("networks", "\"other\"", "b.c")}) ==
        "[service.a]\nimages = [\"x/y:\"]\nmemory.max = \"1t\"\n"
        "mounts = [{source = \"/srv/a\", mode = \"rw\"}]\ngpus.count = \"all\"\n"
        "ulimits.nofile = 4097\nhealth_interval = \"2s\"\n\n[service.\"b.c\"]\nnetworks = "
        "[\"other\"]\n");
  CHECK(learnt({R"({"service":"a","would_refuse":[{"rule":"dns","wanted":"\"10.0.0.1\""}]})"}) ==
        "[service.a]\ndns = [\"10.0.0.1\"]\n");
}

TEST_CASE("learn merges with a policy, key by key") {
  const std::string file =
      "[defaults]\nnetworks = [\"bridge\"]\n[service.a]\nimages = [\"alpine:\"]\n"
      "memory = {default = \"1g\", max = \"2g\"}\nreserved_names = [\"db\", \"x\"]\n";
  CHECK(learnt({refusal("images", "\"x/y:\""), refusal("memory.max", "\"3g\""),
                refusal("reserved_names", "\"db\"")},
               file) ==
        "[service.a]\nimages = [\"alpine:\", \"x/y:\"]\nmemory.default = \"1g\"\n"
        "memory.max = \"3g\"\nreserved_names = [\"x\"]\n");
  CHECK(learnt({refusal("networks", "\"other\"", "new")}, file) ==
        "[service.new]\nnetworks = [\"bridge\", \"other\"]\n");
  CHECK(learnt({refusal("reserved_names", "\"db\"")}) ==
        "[service.a]\n# take \"db\" out of reserved_names\n");
}

TEST_CASE("what learn prints loads, and what does not go together is left out by name") {
  const std::string above = "{source = \"/srv/a\", mode = \"rw\"}";
  const std::string below = "{source = \"/srv/a/b\", mode = \"ro\"}";
  const auto at_odds = [&](const std::string& file, const char* one, const char* other) {
    Lessons lessons({});
    lessons.learn(refusal("mounts", above.c_str(), one));
    lessons.learn(refusal("mounts", below.c_str(), other));
    lessons.learn(refusal("networks", "\"net\"", other));
    std::string text = lessons.to_toml(file);
    CHECK(lessons.left_out().size() == 1);
    for (const std::string& what : lessons.left_out()) {
      CHECK(what.starts_with("[service." + std::string(other) + "]: mounts " + below + ": "));
      CHECK(what.find("at odds") != std::string::npos);
    }
    return text;
  };
  const std::string mounts = "mounts = [" + above + "]\n";
  CHECK(at_odds("", "a", "a") == "[service.a]\nnetworks = [\"net\"]\n" + mounts);
  CHECK(at_odds("", "a", "b") ==
        "[service.a]\n" + mounts + "\n[service.b]\nnetworks = [\"net\"]\n");
  CHECK(at_odds("[service.b]\n", "a", "b") ==
        "[service.a]\n" + mounts + "\n[service.b]\nnetworks = [\"net\"]\n");
  // With what another service has, too.
  Lessons lessons({});
  lessons.learn(refusal("mounts", below.c_str(), "b"));
  CHECK(lessons.to_toml("[service.a]\n" + mounts).empty());
  CHECK(lessons.left_out().size() == 1);
  // A max that is under the built-in default.
  const std::string small = learnt({refusal("memory.max", "\"256m\"")});
  CHECK(small == "[service.a]\nmemory.default = \"256m\"\nmemory.max = \"256m\"\n");
  CHECK(good(small).profiles.size() == 1);
}

TEST_CASE("what tampering put into the audit does not get into the policy") {
  Lessons lessons({});
  for (const char* wanted : {"\"x:\"]\nmode = \"audit", "\"x:\"]\n[service.y]\nimages = [\"y:\"",
                             "\"x:\", \"y:\"", "", "1", "\"*\"", "\"x:\"] # \x1b[2J"}) {
    lessons.learn(refusal("images", wanted));
  }
  lessons.learn(refusal("mounts", "{source = \"/etc\", mode = \"rw\"}"));
  lessons.learn(refusal("capabilities.allow", "\"SYS_ADMIN\""));
  lessons.learn(refusal("no.such.key", "1"));
  CHECK(lessons.to_toml("").empty());
  CHECK(lessons.left_out().size() == 10);
  for (const std::string& text : lessons.left_out()) CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("learn keeps to one service") {
  Lessons lessons("b");
  lessons.learn(refusal("images", "\"x:\"", "a"));
  CHECK(lessons.to_toml("").empty());
  lessons.learn(refusal("images", "\"x:\"", "b"));
  CHECK(lessons.to_toml("") == "[service.b]\nimages = [\"x:\"]\n");
}
