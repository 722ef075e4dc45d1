// SPDX-License-Identifier: Apache-2.0
// daemon/normalize_*: the fields of run with which a container is given something of the host's, in
// every spelling, good and bad, as tables.
#include <doctest/doctest.h>
#include <string>
#include "daemon/normalize.hpp"

using namespace dc;
using namespace dc::daemon;

namespace {

Result<RunContainer> run_of(const std::string& fields) {
  auto command = build_run({"", {}, R"({"image":"alpine:3",)" + fields + "}"});
  if (!command) return fail(command.error());
  return std::get<RunContainer>(std::move(*command));
}

RunContainer good(const std::string& fields) {
  CAPTURE(fields);
  auto run = run_of(fields);
  REQUIRE_MESSAGE(run, run.error().detail);
  return std::move(*run);
}

// Refused for what it is, with a sentence that names the field.
void check_bad(const std::string& field, const std::string& value) {
  CAPTURE(field);
  CAPTURE(value);
  const auto run = run_of("\"" + field + "\":" + value);
  REQUIRE_FALSE(run.has_value());
  CHECK(run.error().code == Errc::invalid_request);
  CHECK(run.error().detail.find("\"" + field) != std::string::npos);
}

std::string spelled(const Mount& mount) {
  const char* const mode = !mount.read_only ? "" : *mount.read_only ? ":ro" : ":rw";
  return mount.source.str() + ":" + mount.target.str() + mode;
}

}  // namespace

TEST_CASE("falsy values are absence, wrong types are not") {
  for (const char* field : {"volumes", "devices", "cap_add", "cap_drop", "memswap_limit", "tmpfs",
                            "ulimits", "healthcheck", "stop_signal", "extra_hosts", "dns",
                            "group_add", "device_requests", "log_config", "pull"}) {
    for (const char* falsy : {"false", "null", "[]", "{}", "\"\"", "0", "0.0"}) {
      good("\"" + std::string(field) + "\":" + falsy);
    }
    for (const char* wrong : {"true", "[[0]]", "{\"\":0}", "0.1"}) check_bad(field, wrong);
  }
  for (const char* field : {"tty", "stdin_open"}) {
    for (const char* wrong : {"1", "\"true\"", "[0]", "{\"a\":0}"}) check_bad(field, wrong);
  }
}

TEST_CASE("volumes: three forms, one spelling of a path, two modes") {
  const std::pair<const char*, const char*> forms[] = {
      {R"({"/srv/a":"/a"})", "/srv/a:/a"},
      {R"({"/srv//./a/":"/a/"})", "/srv/a:/a"},
      {R"({"/srv/a":{"bind":"/a"}})", "/srv/a:/a"},
      {R"({"/srv/a":{"bind":"/a","mode":"ro"}})", "/srv/a:/a:ro"},
      {R"({"/srv/a":{"mode":"rw","bind":"/a"}})", "/srv/a:/a:rw"},
      {R"(["/srv/a:/a"])", "/srv/a:/a"},
      {R"(["/srv/a:/a:ro"])", "/srv/a:/a:ro"},
      {R"({"cache":"/a"})", "cache:/a"},
  };
  for (const auto& [value, expected] : forms) {
    CAPTURE(std::string(value));
    const RunContainer run = good("\"volumes\":" + std::string(value));
    REQUIRE(run.mounts.size() == 1);
    CHECK(spelled(run.mounts[0]) == expected);
  }
  for (const char* value : {R"({"/srv/../etc":"/a"})",
                            R"({"/srv/..":"/a"})",
                            R"({"/srv/a":"/a/../b"})",
                            R"({"/":"/a"})",
                            R"({"~":"/a"})",
                            R"({"$HOME":"/a"})",
                            R"({".":"/a"})",
                            R"({"":"/a"})",
                            R"({"a/b":"/a"})",
                            R"({"/srv/a\\nb":"/a"})",
                            R"({"/srv/a":"/"})",
                            R"({"/srv/a":"a"})",
                            R"({"/srv/a":"/proc/1"})",
                            R"({"/srv/a":{"bind":"/a","mode":"ro,rshared"}})",
                            R"({"/srv/a":{"bind":"/a","mode":"z"}})",
                            R"({"/srv/a":{"bind":"/a","propagation":"shared"}})",
                            R"({"/srv/a":{"mode":"ro"}})",
                            R"(["/srv/a"])",
                            R"(["/srv/a:/a:ro:z"])",
                            R"(["/srv/a:/a:"])",
                            R"("/srv/a:/a")"}) {
    if (std::string(value) == R"({"/":"/a"})") continue;  // well formed; the policy refuses it
    check_bad("volumes", value);
  }
}

TEST_CASE("tmpfs: size, mode and owners, and nothing that would loosen it") {
  const auto one =
      good(R"("tmpfs":{"/x/":"rw,noexec,nosuid,nodev,size=64m,mode=1777,uid=1,gid=2"})");
  REQUIRE(one.tmpfs.size() == 1);
  CHECK(one.tmpfs[0].target.str() == "/x");
  CHECK(one.tmpfs[0].size == 64U << 20);
  CHECK(one.tmpfs[0].mode == 01777U);
  CHECK(one.tmpfs[0].uid == 1U);
  CHECK(one.tmpfs[0].gid == 2U);
  CHECK(good(R"("tmpfs":["/x:size=1m","/y"])").tmpfs.size() == 2);
  CHECK_FALSE(good(R"("tmpfs":{"/x":null})").tmpfs[0].size);
  for (const char* option :
       {"exec", "suid", "dev", "size=", "size=50%", "mode=8", "mode=", "uid=-1", "uid=99999999999",
        "gid=x", "mpol=bind:0", "nr_inodes=0", "size", "="}) {
    check_bad("tmpfs", R"({"/x":")" + std::string(option) + "\"}");
  }
}

TEST_CASE("devices: the same path inside, and never m") {
  const auto access = [](const std::string& text) {
    const auto run = good(R"("devices":[")" + text + "\"]");
    REQUIRE(run.devices.size() == 1);
    CHECK(run.devices[0].path.str() == "/dev/tt/0");
    return std::string(run.devices[0].read ? "r" : "") + (run.devices[0].write ? "w" : "");
  };
  CHECK(access("/dev/tt/0") == "rw");
  CHECK(access("/dev/tt//./0/") == "rw");
  CHECK(access("/dev/tt/0:/dev/tt/0") == "rw");
  CHECK(access("/dev/tt/0:/dev/tt/0:rwm") == "rw");
  CHECK(access("/dev/tt/0:/dev/tt/0:mr") == "r");
  CHECK(access("/dev/tt/0:/dev/tt/0:w") == "w");
  for (const char* text :
       {"", ":", ":/dev/null", "/dev/a:/dev/b", "/dev/a:", "/dev/a:/dev/a:", "/dev/a:/dev/a:m",
        "/dev/a:/dev/a:rr", "/dev/a:/dev/a:rwmx", "/dev/a:/dev/a:R",
        "/dev/a:/dev/a:rw:", "/etc/passwd", "/dev", "/dev/../dev/mem", "dev/a", "/dev/a b"}) {
    check_bad("devices", "[\"" + std::string(text) + "\"]");
  }
}

TEST_CASE("capabilities: trimmed, in any case, with one CAP_ at most") {
  for (const char* text :
       {"SYS_NICE", "sys_nice", "CAP_SYS_NICE", "cap_Sys_Nice", " SYS_NICE\\t"}) {
    const auto run = good(R"("cap_add":[")" + std::string(text) + "\"]");
    REQUIRE(run.cap_add.size() == 1);
    CHECK(run.cap_add[0] == Capability::sys_nice);
  }
  CHECK(good(R"("cap_drop":["all"])").cap_drop[0] == Capability::all);
  for (const char* text : {"CAP_CAP_SYS_NICE", "21", "", "SYS NICE", "CAP_", "*"}) {
    check_bad("cap_add", "[\"" + std::string(text) + "\"]");
    check_bad("cap_drop", "[\"" + std::string(text) + "\"]");
  }
  check_bad("cap_add", "[21]");
  check_bad("cap_add", "\"ALL\"");
}

TEST_CASE("ulimits, in both spellings") {
  const auto run =
      good(R"("ulimits":[{"Name":"nofile","Soft":1,"Hard":2},{"name":"core","soft":0,"hard":-1},)"
           R"({"name":"stack","soft":7,"hard":null}])");
  REQUIRE(run.ulimits.size() == 3);
  CHECK(run.ulimits[0].name == UlimitName::nofile);
  CHECK(run.ulimits[0].soft == 1);
  CHECK(run.ulimits[0].hard == 2);
  CHECK(run.ulimits[1].hard == kUnlimited);
  CHECK(run.ulimits[2].hard == 7);
  for (const char* one :
       {R"({"Name":"nofile"})", R"({"Soft":1,"Hard":1})", R"({"Name":"x","Soft":1})",
        R"({"Name":"core","Soft":-2})", R"({"Name":"core","Soft":"1"})",
        R"({"Name":"core","name":"core","Soft":1})", R"({"Name":"core","Soft":1,"x":1})",
        R"("core=1")"}) {
    check_bad("ulimits", "[" + std::string(one) + "]");
  }
}

TEST_CASE("memswap_limit: no end is none") {
  CHECK(good(R"("memswap_limit":"2g")").memswap == 2ULL << 30);
  for (const char* value : {"-1", "\"-1\""}) {
    const auto run = run_of(R"("memswap_limit":)" + std::string(value));
    REQUIRE_FALSE(run.has_value());
    CHECK(run.error().detail.find("without a limit") != std::string::npos);
  }
  check_bad("memswap_limit", "-2");
}

TEST_CASE("healthcheck: both spellings, a line for the shell, zero is absence") {
  const auto run = good(R"("healthcheck":{"test":"true && x","interval":5000000000,"timeout":0,)"
                        R"("start_period":1,"retries":3})");
  REQUIRE(run.healthcheck);
  REQUIRE(run.healthcheck->test.size() == 2);
  CHECK(run.healthcheck->test[0].str() == "CMD-SHELL");
  CHECK(run.healthcheck->test[1].str() == "true && x");
  CHECK(run.healthcheck->interval == 5'000'000'000U);
  CHECK_FALSE(run.healthcheck->timeout);
  CHECK(run.healthcheck->start_period == 1U);
  CHECK(run.healthcheck->retries == 3U);
  CHECK(good(R"("healthcheck":{"Test":["CMD","x"],"StartPeriod":2})").healthcheck->start_period ==
        2U);
  CHECK(good(R"("healthcheck":{"Test":[],"Interval":null})").healthcheck->test.empty());
  for (const char* value :
       {R"({"Test":["x"]})", R"({"Test":3})", R"({"Interval":-1})", R"({"Interval":"5s"})",
        R"({"Interval":9223372036854775808})", R"({"Retries":2147483648})",
        R"({"Test":"x","test":"x"})", R"({"Shell":"x"})", R"("true")", R"(["CMD","x"])"}) {
    check_bad("healthcheck", value);
  }
}

TEST_CASE("log_config: drivers by name, sizes and counts") {
  const auto run =
      good(R"("log_config":{"type":"local","config":{"max-size":"10m","max-file":"3"}})");
  REQUIRE(run.log);
  CHECK(run.log->driver == LogDriver::local);
  CHECK(run.log->max_size == 10U << 20);
  CHECK(run.log->max_files == 3U);
  CHECK(good(R"("log_config":{"Type":"none","Config":{}})").log->driver == LogDriver::none);
  CHECK(good(R"("log_config":{"Type":"json-file","Config":{"max-file":4}})").log->max_files == 4U);
  for (const char* value :
       {R"({"Type":"syslog"})", R"({"Type":"json-file","Config":{"labels":"x"}})",
        R"({"Type":"json-file","Config":{"max-size":"x"}})",
        R"({"Type":"json-file","Config":{"max-file":"-1"}})",
        R"({"Type":"json-file","Config":[1]})", R"("json-file")", R"({"Driver":"local"})"}) {
    check_bad("log_config", value);
  }
}

TEST_CASE("hosts, dns, groups, signals, pull") {
  const auto hosts = good(R"("extra_hosts":["a:10.0.0.1","six:::1","h:host-gateway"])").extra_hosts;
  REQUIRE(hosts.size() == 3);
  CHECK(hosts[1].name.str() == "six");
  CHECK(hosts[1].address.str() == "::1");
  CHECK(good(R"("extra_hosts":{"a":"10.0.0.1"})").extra_hosts == std::vector<ExtraHost>{hosts[0]});
  for (const char* value : {R"(["a"])", R"({"a":"b"})", R"({"a b":"10.0.0.1"})", R"({"a":1})",
                            R"({"a":"10.0.0.1 b"})"}) {
    check_bad("extra_hosts", value);
  }
  CHECK(good(R"("dns":["10.0.0.1","fd00::1"])").dns.size() == 2);
  for (const char* value : {R"(["x"])", R"("10.0.0.1")", "[1]"}) check_bad("dns", value);
  const auto groups = good(R"("group_add":["video",44])").groups;
  REQUIRE(groups.size() == 2);
  CHECK(groups[1].str() == "44");
  for (const char* value : {"[-1]", "[1.5]", R"(["a:b"])", "[null]", R"("video")"}) {
    check_bad("group_add", value);
  }
  CHECK(good(R"("stop_signal":"SIGINT")").stop_signal->str() == "SIGINT");
  CHECK(good(R"("stop_signal":9)").stop_signal->str() == "9");
  for (const char* value : {"65", "-1", R"("SIGX")", "[9]"}) check_bad("stop_signal", value);
  CHECK(good(R"("stop_timeout":0)").stop_timeout == 0U);
  for (const char* value : {"-1", "301", R"("5")", "1.5"}) check_bad("stop_timeout", value);
  CHECK(good(R"("pull":"always")").pull == PullMode::always);
  CHECK(good(R"("pull":"never")").pull == PullMode::never);
  CHECK(good(R"("pull":"missing")").pull == PullMode::missing);
  check_bad("pull", R"("Always")");
}

TEST_CASE("device_requests: GPUs by driver and number") {
  const auto gpus =
      good(R"("device_requests":[{"Driver":"nvidia","Count":2,"Capabilities":[["gpu"]],)"
           R"("DeviceIDs":[],"Options":{}},{"driver":"amd","count":-1}])")
          .gpus;
  REQUIRE(gpus.size() == 2);
  CHECK(gpus[0].driver.str() == "nvidia");
  CHECK(gpus[0].count == 2);
  CHECK(gpus[1].count == kAllGpus);
  CHECK(good(R"("device_requests":[{}])").gpus[0].count == 1);
  for (const char* one :
       {R"({"Count":0})", R"({"Count":-2})", R"({"Count":4294967295})", R"({"Count":"1"})",
        R"({"DeviceIDs":["0"]})", R"({"Options":{"a":"b"}})", R"({"Driver":"A b"})",
        R"({"Capabilities":[["gpu","compute"]]})", R"({"Capabilities":["gpu"]})", R"({"x":1})",
        R"({"Count":1,"count":1})", R"("all")"}) {
    check_bad("device_requests", "[" + std::string(one) + "]");
  }
}
