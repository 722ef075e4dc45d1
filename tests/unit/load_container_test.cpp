// SPDX-License-Identifier: Apache-2.0
// The keys of the policy file about what a container may be given, and the warnings.
#include <doctest/doctest.h>
#include "policy/load.hpp"

using namespace dc;
using policy::load;

namespace {

std::string service(const std::string& lines) { return "[service.a]\n" + lines + "\n"; }

policy::Profile profile(const std::string& lines) {
  const auto loaded = load(service(lines));
  for (const auto& problem : loaded.problems) FAIL_CHECK(to_string(problem, "policy.toml"));
  const auto* found = loaded.policy.find("a");
  REQUIRE(found != nullptr);
  return *found;
}

// The only problem of one line of a service, as "LINE:COLUMN: message".
std::string problem(const std::string& line) {
  const auto loaded = load(service(line));
  CAPTURE(line);
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.policy.profiles.empty());
  return to_string(loaded.problems[0], "").substr(1);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string warnings(const std::string& lines) {
  std::string text;
  const auto loaded = load(service(lines));
  for (const auto& problem : loaded.problems) FAIL_CHECK(to_string(problem, "policy.toml"));
  for (const auto& warning : loaded.warnings) text += to_string(warning, "").substr(1) + "\n";
  return text;
}

}  // namespace

TEST_CASE("every key about containers arrives in the profile") {
  const auto got = profile(R"(
mounts = [{source = "/srv/models", name = "models"},
          {source = "/srv/work", mode = "rw", subdirs = true, target = "/work"}]
volumes = ["cache"]
devices = ["/dev/tenstorrent/[0-9]+"]
exclusive_devices = true
gpus = {drivers = ["nvidia"], count = 4}
capabilities = {allow = ["IPC_LOCK", "cap_sys_nice"], all_means = ["IPC_LOCK"], base = ["CHOWN"]}
ulimits = {nofile = 1048576, memlock = "unlimited"}
tmpfs = {default = "1m", max = "2m"}
swap = {default = "0", max = "1g"}
health_interval = "90s"
logs = {drivers = ["local", "journald"], size = {default = "1m", max = "5m"}, files = {max = 9}}
dns = ["10.0.0.53"]
extra_hosts = ["host.docker.internal:host-gateway", "*:10.0.0.5", "db:*", "six:2001:db8::1"]
groups = ["44", "video"]
reserved_names = ["tt-studio-*"]
require_non_root = true
require_read_only = true
adopt = [{name = "tt-*", image = "ghcr.io/x/"}, {image = "alpine:"}]
quota = {containers = 32, memory = "64g", cpus = 1.5, ports = 0, networks = 2, pulls = 1, follows = 8}
mode = "audit"
)");
  REQUIRE(got.mounts.size() == 2);
  CHECK(got.mounts[0].source.view() == "/srv/models");
  CHECK(got.mounts[0].name->view() == "models");
  CHECK_FALSE(got.mounts[0].writable);
  CHECK_FALSE(got.mounts[0].subdirs);
  CHECK(got.mounts[1].writable);
  CHECK(got.mounts[1].subdirs);
  CHECK(got.mounts[1].target->view() == "/work");
  CHECK(got.volumes[0].view() == "cache");
  CHECK(got.devices[0].matches("/dev/tenstorrent/7"));
  CHECK(got.exclusive_devices);
  CHECK(got.gpus.drivers[0].view() == "nvidia");
  CHECK(got.gpus.count == 4);
  CHECK(got.capabilities.allow == std::vector{Capability::ipc_lock, Capability::sys_nice});
  CHECK(got.capabilities.all_means == std::vector{Capability::ipc_lock});
  CHECK(got.capabilities.base == std::vector{Capability::chown});
  REQUIRE(got.ulimits.size() == 2);
  for (const Ulimit& ulimit : got.ulimits) {
    CHECK(ulimit.hard == (ulimit.name == UlimitName::nofile ? 1048576 : kUnlimited));
  }
  CHECK(got.tmpfs.max == 2ULL << 20);
  CHECK(got.swap.standard == 0);
  CHECK(got.swap.max == 1ULL << 30);
  CHECK(got.health_interval == 90'000'000'000);
  CHECK(got.logs.drivers == std::vector{LogDriver::local, LogDriver::journald});
  CHECK(got.logs.size.max == 5ULL << 20);
  CHECK(got.logs.files.standard == 3);
  CHECK(got.logs.files.max == 9);
  CHECK(got.dns[0].view() == "10.0.0.53");
  REQUIRE(got.extra_hosts.size() == 4);
  CHECK(got.extra_hosts[0].address->view() == "host-gateway");
  CHECK_FALSE(got.extra_hosts[1].name.has_value());
  CHECK_FALSE(got.extra_hosts[2].address.has_value());
  CHECK(got.extra_hosts[3].address->view() == "2001:db8::1");
  CHECK(got.groups.size() == 2);
  CHECK(got.reserved_names[0].view() == "tt-studio-*");
  CHECK(got.require_non_root);
  CHECK(got.require_read_only);
  REQUIRE(got.adopt.size() == 2);
  CHECK(got.adopt[0].name->view() == "tt-*");
  CHECK_FALSE(got.adopt[1].name.has_value());
  CHECK(got.quota.containers == 32);
  CHECK(got.quota.memory == 64ULL << 30);
  CHECK(got.quota.nano_cpus == 1'500'000'000);
  CHECK(got.quota.ports == 0);
  CHECK(got.quota.networks == 2);
  CHECK(got.quota.pulls == 1);
  CHECK(got.quota.follows == 8);
  CHECK(got.mode == policy::Mode::audit);
}

TEST_CASE("what no policy can hand out is refused with the reason") {
  CHECK(problem("mounts = [{source = \"/etc/ssl\"}]") ==
        "2:11: [service.a].mounts[0]: \"/etc/ssl\" can never be mounted: it would give away /etc");
  CHECK(has(problem("mounts = [{source = \"/var/lib\", subdirs = true}]"), "give away /var/lib/"));
  CHECK(has(problem("mounts = [{source = \"/\"}]"), "the whole host"));
  CHECK(has(problem("mounts = [{source = \"/srv/docker.sock\"}]"), "sockets"));
  for (const char* device : {"/dev/mem", "/dev/sd[0-9]+", "/dev/loop[0-9]+", "/dev/net/tun",
                             "/dev/input/event[0-9]+", "/dev/nvme[0-9]+"}) {
    CHECK(has(problem("devices = [\"" + std::string(device) + "\"]"), "can never be given"));
  }
  for (const char* key : {"allow", "all_means", "base"}) {
    const std::string name(key);
    CHECK(has(problem("capabilities = {" + name + " = [\"SYS_ADMIN\"]}"), "can never be given"));
    CHECK(has(problem("capabilities = {" + name + " = [\"ALL\"]}"), "never given as such"));
    CHECK(has(problem("capabilities = {" + name + " = [\"CAP_CAP_CHOWN\"]}"), "not a capability"));
  }
}

TEST_CASE("no rule lies where another lets containers write") {
  const auto two = [](const std::string& first, const std::string& second) {
    return "mounts = [{" + first + "}, {" + second + "}]";
  };
  const std::string parent = "source = \"/srv/w\", subdirs = true";
  for (const char* other : {"source = \"/srv/w\"", "source = \"/srv/w/a\""}) {
    CHECK(has(problem(two(parent, other)), "are at odds"));
    CHECK(has(problem(two(other, parent)), "are at odds"));
  }
  const std::string writable = "source = \"/srv/w\", mode = \"rw\"";
  CHECK(has(problem(two(writable, "source = \"/srv/w/a/b\"")), "are at odds"));
  CHECK(profile(two("source = \"/srv/w\"", "source = \"/srv/w/a\", mode = \"rw\"")).mounts.size() ==
        2);
  CHECK(profile(two(parent, "source = \"/srv/work\"")).mounts.size() == 2);
  CHECK(profile(two("source = \"/srv/a\", target = \"/x\"", "source = \"/srv/a\", target = \"/y\""))
            .mounts.size() == 2);
  CHECK(
      has(problem(two("source = \"/srv/a\", name = \"aa\"", "source = \"/srv/b\", name = \"aa\"")),
          "taken"));
  CHECK(has(problem("mounts = [{source = \"/srv/a\", name = \"aa\", subdirs = true}]"), "subdirs"));
}

TEST_CASE("no rule lies where containers of another service can write") {
  const auto problems = [](const std::string& first, const std::string& second) {
    return load("[service.a]\nmounts = [{" + first + "}]\n[service.b]\nmounts = [{" + second +
                "}]\n")
        .problems;
  };
  const std::string parent = "source = \"/srv/w\", subdirs = true";
  const std::string writable = "source = \"/srv/w\", mode = \"rw\"";
  CHECK(problems(writable, writable).empty());
  CHECK(problems(parent, parent).empty());
  CHECK(problems("source = \"/srv/w\"", "source = \"/srv/w/a\"").empty());
  CHECK(problems(writable, "source = \"/srv/work\"").empty());
  for (const auto& [first, second] :
       {std::pair{parent, writable}, std::pair{writable, std::string("source = \"/srv/w/a\"")},
        std::pair{std::string("source = \"/srv/w/a\""), writable},
        std::pair{parent, std::string("source = \"/srv/w/a\"")}}) {
    const auto found = problems(first, second);
    REQUIRE(found.size() == 1);
    CHECK(found[0].line == 3);
    CHECK(has(found[0].message, "at odds"));
    CHECK(has(found[0].message, "[service.a]"));
  }
}

TEST_CASE("bad values have their place and say what to write") {
  struct Row {
    const char* line;
    const char* part;
  };
  const Row rows[] = {
      {"mounts = {}", "must be a list of tables"},
      {"mounts = [\"/srv\"]", "must be a table"},
      {"mounts = [{}]", "needs a source"},
      {"mounts = [{source = \"srv\"}]", "must be an absolute path"},
      {"mounts = [{source = \"/srv/\"}]", "must be an absolute path"},
      {"mounts = [{source = \"/srv/../x\"}]", "must be an absolute path"},
      {"mounts = [{source = \"/srv/a\", mode = \"client\"}]", "\"ro\" or \"rw\""},
      {"mounts = [{source = \"/srv/a\", kind = \"dir\"}]", "unknown key \"kind\""},
      {"mounts = [{source = \"/srv/a\", target = \"/proc/x\"}]", "in the container"},
      {"volumes = [\"/srv\"]", "must be a volume name"},
      {"devices = [\"tenstorrent\"]", "under /dev"},
      {"devices = [\"/dev/*\"]", "under /dev"},
      {"exclusive_devices = 1", "true or false"},
      {"gpus = {count = \"many\"}", "whole number or \"all\""},
      {"gpus = {count = 0}", "whole number from 1"},
      {"gpus = {drivers = [\"N V\"]}", "must be 1 to 32"},
      {"ulimits = {files = 1}", "unknown key \"files\""},
      {"ulimits = {nofile = -1}", "whole number or \"unlimited\""},
      {"ulimits = []", "must be a table"},
      {"tmpfs = {max = \"0\"}", "must be a size"},
      {"tmpfs = {default = \"2g\"}", "default is over max"},
      {"swap = {max = 1}", "must be a size"},
      {"health_interval = \"5\"", "must be a time"},
      {"health_interval = \"500ms\"", "must be a time"},
      {"health_interval = \"25h\"", "must be a time"},
      {"health_interval = \"4294967296s\"", "must be a time"},
      {"health_interval = \"-5s\"", "must be a time"},
      {"health_interval = 5", "must be a time"},
      {"logs = {drivers = [\"syslog\"]}", "must be json-file"},
      {"logs = {drivers = []}", "at least one"},
      {"logs = {files = {max = 0}}", "whole number"},
      {"dns = [\"dns.example\"]", "must be an IPv4"},
      {"extra_hosts = [\"db\"]", "NAME:ADDRESS"},
      {"extra_hosts = [\"db:web\"]", "NAME:ADDRESS"},
      {"extra_hosts = [\"a b:10.0.0.1\"]", "NAME:ADDRESS"},
      {"groups = [44]", "must be text"},
      {"reserved_names = [\"*x\"]", "must be a name"},
      {"adopt = [{}]", "needs a name, an image"},
      {"adopt = [{name = \"*\"}]", "beginning of names"},
      {"adopt = [{image = \"alpine\"}]", "must have an ending"},
      {"quota = {containers = 0}", "whole number"},
      {"quota = {pulls = 3}", "from 1 to 2"},
      {"quota = {memory = \"1k\"}", "at least 6m"},
      {"mode = \"off\"", "must be \"enforce\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.line);
    const std::string text = problem(row.line);
    CHECK_MESSAGE(has(text, row.part), text);
    CHECK(text.substr(0, 2) == "2:");
  }
}

TEST_CASE("dangerous settings are allowed and explained") {
  CHECK(warnings("images = [\"alpine:\"]\nnetworks = [\"bridge\"]").empty());
  struct Row {
    const char* lines;
    const char* place;
    const char* part;
  };
  const Row rows[] = {
      {"visible = \"all\"", "2:11", "sees every container"},
      {"networks = [\"bridge\", \"host\"]", "2:23", "loopback"},
      {"images = [\"docker.io/\"]", "2:11", "publish"},
      {"mounts = [{source = \"/srv/a\", mode = \"rw\"}]", "2:38", "for ever"},
      {"ports = {address = \"0.0.0.0\"}", "2:20", "from outside"},
      {"ports = {address = \"::\"}", "2:20", "from outside"},
      {"restart = [\"always\"]", "2:11", "comes back"},
      {"restart = [\"unless-stopped\"]", "2:11", "comes back"},
      {"gpus = {count = \"all\"}", "2:17", "every GPU"},
      {"capabilities = {allow = [\"NET_ADMIN\"]}", "2:26", "NET_ADMIN"},
      {"capabilities = {base = [\"NET_RAW\"]}", "2:25", "NET_RAW"},
      {"capabilities = {allow = [\"SYS_NICE\"]}", "2:26", "SYS_NICE"},
      {"devices = [\"/dev/tenstorrent/[0-9]+\"]", "1:1", "exclusive_devices"},
      {"mode = \"warn\"", "2:8", "only noted"},
      {"mode = \"audit\"", "2:8", "only noted"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    const std::string text = warnings(row.lines);
    CHECK_MESSAGE(text.starts_with(row.place), text);
    CHECK_MESSAGE(has(text, row.part), text);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  }
  CHECK(has(warnings("manage = [\"image-allowed\"]\nimages = [\"ghcr.io/\"]"), "remove nearly"));
  CHECK(warnings("devices = [\"/dev/tenstorrent/[0-9]+\"]\nexclusive_devices = true").empty());
}
