// SPDX-License-Identifier: Apache-2.0
// daemon/normalize: every field of every request, good and bad, as tables.
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "daemon/normalize.hpp"
#include "daemon/text.hpp"

using namespace dc;
using namespace dc::daemon;

namespace {

using Query = std::vector<QueryParameter>;

Result<RunContainer> run_of(const std::string& fields) {
  const std::string body = R"({"image":"alpine:3")" + (fields.empty() ? "" : "," + fields) + "}";
  auto command = build_run({"", {}, body});
  if (!command) return fail(command.error());
  return std::get<RunContainer>(std::move(*command));
}

RunContainer good(const std::string& fields) {
  CAPTURE(fields);
  auto run = run_of(fields);
  REQUIRE_MESSAGE(run, run.error().detail);
  return std::move(*run);
}

Error bad(const std::string& fields) {
  CAPTURE(fields);
  auto run = run_of(fields);
  REQUIRE_FALSE(run);
  return run.error();
}

std::vector<std::string> texts(const std::vector<Argument>& arguments) {
  std::vector<std::string> out;
  for (const auto& argument : arguments) out.push_back(argument.str());
  return out;
}

std::string pairs(const auto& list, auto first, auto second) {
  std::string out;
  for (const auto& each : list) out += (each.*first).str() + "=" + (each.*second).str() + ";";
  return out;
}

Result<Command> call(Result<Command> (*build)(const RequestParts&), const Query& query,
                     const std::string& body = "", std::string_view id = "web") {
  return build({id, query, body});
}

std::string detail(const Result<Command>& command) { return command ? "" : command.error().detail; }

}  // namespace

TEST_CASE("run: the image alone gives the defaults") {
  const RunContainer run = good("");
  CHECK(run.image.str() == "docker.io/library/alpine:3");
  CHECK(run.detach);
  CHECK_FALSE((run.auto_remove || run.init || run.read_only));
  CHECK((run.command.empty() && run.entrypoint.empty() && run.environment.empty()));
  CHECK((run.ports.empty() && run.labels.empty()));
  CHECK_FALSE((run.name || run.network || run.hostname || run.user || run.working_dir));
  CHECK_FALSE((run.memory || run.nano_cpus || run.pids || run.shm));
  CHECK(run.restart.kind == Restart::no);
}

TEST_CASE("run: the seeds' example") {
  const RunContainer run =
      good(R"("name":"my_model","ports":{"8000/tcp":7001},"network":"tt_studio_network",)"
           R"("environment":{"MODEL_TYPE":"llm"})");
  CHECK(run.name->str() == "my_model");
  CHECK(run.network->str() == "tt_studio_network");
  REQUIRE(run.ports.size() == 1);
  CHECK(run.ports[0].container == 8000);
  CHECK(run.ports[0].host == 7001);
  CHECK(pairs(run.environment, &Variable::name, &Variable::value) == "MODEL_TYPE=llm;");
}

TEST_CASE("run: the image") {
  const auto refused = [](const std::string& body) { return detail(build_run({"", {}, body})); };
  CHECK(refused("{}") == R"(Field "image" is required)");
  CHECK(refused(R"({"image":null})") == R"(Field "image" is required)");
  CHECK(refused(R"({"image":1})") == R"(Field "image" must be a string)");
  CHECK(refused(R"({"image":""})") != "");
  CHECK(refused(R"({"image":"a","image":"b"})") == R"(Duplicate field "image")");
  CHECK(refused("").starts_with("Body is empty"));
  CHECK(refused("[]") == "Body must be a JSON object");
  CHECK(detail(build_run({"", {{"force", "1"}}, R"({"image":"alpine"})"})) ==
        R"(Unknown parameter "force")");
}

TEST_CASE("run: command and entrypoint") {
  using Words = std::vector<std::string>;
  CHECK(texts(good(R"("command":"sh -c 'a b'")").command) == Words{"sh", "-c", "a b"});
  CHECK(texts(good(R"("command":["sh","-c",""])").command) == Words{"sh", "-c", ""});
  CHECK(texts(good(R"("entrypoint":"/init x")").entrypoint) == Words{"/init", "x"});
  CHECK(good(R"("command":[],"entrypoint":null)").command.empty());
  CHECK(good(R"("command":"")").command.empty());
  CHECK(bad(R"("command":"a 'b")").detail ==
        R"(Field "command" cannot be split: No closing quotation)");
  for (const char* value : {"1", "{\"a\":1}", "[1]", "[null]", "true", "[[\"a\"]]"}) {
    CHECK(bad("\"command\":" + std::string(value)).detail ==
          R"(Field "command" must be a string or a list of strings)");
  }
  std::string many = R"("command":["a")";
  for (int i = 1; i < 512; ++i) many += R"(,"a")";
  CHECK(good(many + "]").command.size() == 512);
  CHECK(bad(many + R"(,"a"])").detail == R"(Field "command" must be at most 512 words)");
}

TEST_CASE("run: environment and labels") {
  const auto variables = [](const std::string& value) {
    return pairs(good("\"environment\":" + value).environment, &Variable::name, &Variable::value);
  };
  CHECK(variables(R"({"A":"1","B":""})") == "A=1;B=;");
  CHECK(variables(R"(["A=1","B=x=y"])") == "A=1;B=x=y;");
  CHECK(variables("{}") == "");
  CHECK(bad(R"("environment":["A"])").detail ==
        R"(Field "environment" must give "A" a value: use K=V)");
  CHECK(bad(R"("environment":{"A":1})").detail ==
        R"(Field "environment" must hold a string for "A")");
  CHECK(bad(R"("environment":{"A":null})").code == Errc::invalid_request);
  CHECK(bad(R"("environment":{"1A":"x"})").code == Errc::invalid_request);
  CHECK(bad(R"("environment":["=x"])").code == Errc::invalid_request);
  CHECK(bad(R"("environment":"A=1")").code == Errc::invalid_request);
  const auto labels = [](const std::string& value) {
    return pairs(good("\"labels\":" + value).labels, &Label::key, &Label::value);
  };
  CHECK(labels(R"({"app":"web"})") == "app=web;");
  CHECK(labels(R"(["app=web","plain"])") == "app=web;plain=;");
  CHECK(bad(R"("labels":{"docker-control.owner":"x"})").code == Errc::invalid_request);
  CHECK(bad(R"("labels":{"Docker-Control.owner":"x"})").code == Errc::invalid_request);
  CHECK(bad(R"("labels":{"a":1})").code == Errc::invalid_request);
}

TEST_CASE("run: ports") {
  const auto port = [](const std::string& value) {
    const RunContainer run = good("\"ports\":" + value);
    REQUIRE(run.ports.size() == 1);
    const Port& only = run.ports[0];
    return std::to_string(only.container) + (only.protocol == Protocol::tcp ? "/tcp" : "/udp") +
           "=" + (only.host ? std::to_string(*only.host) : "any");
  };
  CHECK(port(R"({"8000/tcp":7001})") == "8000/tcp=7001");
  CHECK(port(R"({"8000":7001})") == "8000/tcp=7001");
  CHECK(port(R"({"53/udp":"8053"})") == "53/udp=8053");
  CHECK(port(R"({"80":null})") == "80/tcp=any");
  CHECK(port(R"({"80":0})") == "80/tcp=any");
  CHECK(port(R"({"65535":65535})") == "65535/tcp=65535");
  CHECK(good(R"("ports":{"53":1,"53/udp":1})").ports.size() == 2);
  for (const char* value : {R"({"0":1})",
                            R"({"65536":1})",
                            R"({"":1})",
                            R"({"80/":1})",
                            R"({"80/sctp":1})",
                            R"({"80/TCP":1})",
                            R"({"080":1})",
                            R"({"+80":1})",
                            R"({" 80":1})",
                            R"({"80-81":1})",
                            R"({"80":65536})",
                            R"({"80":-1})",
                            R"({"80":1.5})",
                            R"({"80":true})",
                            R"({"80":""})",
                            R"({"80":"7001 "})",
                            R"({"80":"8000-9000"})",
                            R"({"80":{}})",
                            R"({"80":[[7001]]})",
                            R"({"80":[70000]})",
                            R"({"80":1,"80/tcp":2})",
                            "[80]",
                            "80",
                            R"("80")"}) {
    CHECK(bad("\"ports\":" + std::string(value)).code == Errc::invalid_request);
  }
  const RunContainer several = good(R"("ports":{"80":[7001,"7002",null],"81":[]})");
  REQUIRE(several.ports.size() == 3);
  CHECK(several.ports[1].host == 7002);
  CHECK_FALSE(several.ports[2].host);
  for (const char* value :
       {R"({"80":["127.0.0.1",80]})", R"({"80":"127.0.0.1:80"})", R"({"80":["::1"]})"}) {
    const Error error = bad("\"ports\":" + std::string(value));
    CHECK(error.code == Errc::field_not_allowed);
    CHECK(error.detail == R"(Field "ports" may not choose the host address)");
  }
}

TEST_CASE("run: ports, several for one") {
  std::string ports = R"("ports":{"80":[1)";
  for (std::size_t i = 2; i <= limits::kPorts; ++i) ports += "," + std::to_string(i);
  CHECK(good(ports + "]}").ports.size() == limits::kPorts);
  CHECK(bad(ports + ",99]}").detail == R"(Field "ports" must be at most 16 ports)");
  CHECK(bad(ports + R"(],"81":null})").detail == R"(Field "ports" must be at most 16 ports)");
  CHECK_FALSE(bad(R"("ports":{"80":["127.0.0.1",80]})").hint.empty());
}

TEST_CASE("run: errors name the field, and its range") {
  const auto refused = [](const std::string& body) {
    const auto run = call(build_run, {}, body);
    REQUIRE_FALSE(run);
    return run.error().detail;
  };
  CHECK(refused(R"({"image":"A B"})").starts_with(R"(Field "image" must)"));
  CHECK(bad(R"("pids_limit":-1)").detail ==
        R"(Field "pids_limit" must be an integer from 1 to 9223372036854775807)");
}

TEST_CASE("run: names and paths") {
  CHECK(good(R"("network":"host")").network->str() == "host");
  CHECK(good(R"("hostname":"web-1.local")").hostname->str() == "web-1.local");
  CHECK(good(R"("user":"1000:1000")").user->str() == "1000:1000");
  CHECK(good(R"("user":0)").user->str() == "0");
  CHECK(good(R"("working_dir":"/srv/app")").working_dir->str() == "/srv/app");
  CHECK(bad(R"("name":"a b")").detail.starts_with(R"(Field "name" must be 2 to 63)"));
  for (const char* fields :
       {R"("name":"0123456789ab")", R"("name":1)", R"("network":"container:x")",
        R"("hostname":"-a")", R"("hostname":"_a")", R"("user":-1)", R"("user":1.5)",
        R"("user":true)", R"("user":"a b")", R"("working_dir":"srv")",
        R"("working_dir":"/proc/self/fd/7")", R"("working_dir":"/a/../b")"}) {
    CHECK(bad(fields).code == Errc::invalid_request);
  }
}

TEST_CASE("run: flags are real booleans") {
  CHECK_FALSE(good(R"("detach":false)").detach);
  CHECK(good(R"("detach":null)").detach);
  CHECK(good(R"("auto_remove":true)").auto_remove);
  CHECK(good(R"("init":true)").init);
  CHECK(good(R"("read_only":true)").read_only);
  for (const char* name : {"detach", "auto_remove", "init", "read_only"}) {
    for (const char* value : {"1", "\"true\"", "[0]", "{\"a\":1}"}) {
      CHECK(bad("\"" + std::string(name) + "\":" + value).detail ==
            "Field \"" + std::string(name) + "\" must be true or false");
    }
  }
  // Where false says something, 0 and "" are no way to write it.
  for (const char* value : {"0", "\"\"", "[]", "{}"}) {
    CHECK(bad("\"detach\":" + std::string(value)).code == Errc::invalid_request);
  }
}

TEST_CASE("run: limits") {
  CHECK(good(R"("mem_limit":"512m")").memory == 512ULL << 20U);
  CHECK(good(R"("mem_limit":1073741824)").memory == 1ULL << 30U);
  CHECK(good(R"("shm_size":"32G")").shm == 32ULL << 30U);
  CHECK(good(R"("pids_limit":100)").pids == 100);
  CHECK(good(R"("nano_cpus":1500000000)").nano_cpus == 1'500'000'000);
  CHECK(good(R"("cpus":1.5)").nano_cpus == 1'500'000'000);
  CHECK(good(R"("cpus":2)").nano_cpus == 2'000'000'000);
  CHECK(good(R"("cpus":0.1)").nano_cpus == 100'000'000);
  CHECK(good(R"("cpus":0.3)").nano_cpus == 300'000'000);
  CHECK(good(R"("cpus":1.1)").nano_cpus == 1'100'000'000);
  CHECK(good(R"("cpus":1e-9)").nano_cpus == 1);
  CHECK(good(R"("cpus":1e1)").nano_cpus == 10'000'000'000);
  CHECK(good(R"("cpus":0.3333333333333333)").nano_cpus == 333'333'333);
  CHECK(good(R"("cpus":1.5,"nano_cpus":1500000000)").nano_cpus == 1'500'000'000);
  CHECK(bad(R"("cpus":1.5,"nano_cpus":1)").detail == R"(Fields "cpus" and "nano_cpus" disagree)");
  for (const char* fields :
       {R"("mem_limit":"1.5g")", R"("mem_limit":"-1")", R"("mem_limit":-1)", R"("mem_limit":" ")",
        R"("mem_limit":1.5)", R"("mem_limit":true)", R"("mem_limit":"9223372036854775808")",
        R"("mem_limit":9223372036854775808)", R"("shm_size":[0])", R"("pids_limit":-1)",
        R"("pids_limit":"5")", R"("nano_cpus":1.5)", R"("nano_cpus":-1)", R"("cpus":"1.5")",
        R"("cpus":-1)", R"("cpus":true)", R"("cpus":1e300)"}) {
    CHECK(bad(fields).code == Errc::invalid_request);
  }
}

TEST_CASE("run: what is false, 0 or empty asks for nothing, in every field") {
  const auto absent = [](const RunContainer& run) {
    return !(run.name || run.network || run.hostname || run.user || run.working_dir || run.memory ||
             run.memswap || run.shm || run.nano_cpus || run.pids || run.stop_signal ||
             run.stop_timeout || run.log || run.healthcheck || run.init || run.read_only ||
             run.tty || run.stdin_open || run.auto_remove) &&
           run.command.empty() && run.entrypoint.empty() && run.environment.empty() &&
           run.ports.empty() && run.labels.empty() && run.mounts.empty() && run.detach &&
           run.restart.kind == Restart::no && run.pull == PullMode::missing;
  };
  for (const char* field : {"name",        "command",     "entrypoint",
                            "environment", "ports",       "volumes",
                            "tmpfs",       "devices",     "device_requests",
                            "cap_add",     "cap_drop",    "privileged",
                            "network",     "dns",         "extra_hosts",
                            "hostname",    "group_add",   "working_dir",
                            "labels",      "healthcheck", "stop_signal",
                            "log_config",  "pull",        "tty",
                            "stdin_open",  "auto_remove", "init",
                            "read_only",   "mem_limit",   "memswap_limit",
                            "shm_size",    "ulimits",     "cpus",
                            "nano_cpus",   "pids_limit",  "restart_policy"}) {
    for (const char* falsy : {"false", "null", "[]", "{}", "\"\"", "0", "0.0"}) {
      CAPTURE(std::string(field) + ": " + falsy);
      CHECK(absent(good("\"" + std::string(field) + "\":" + falsy)));
    }
  }
  for (const char* field : {"mem_limit", "memswap_limit", "shm_size"}) {
    for (const char* nothing : {"\"0\"", "\"0g\""}) {
      CHECK(absent(good("\"" + std::string(field) + "\":" + nothing)));
    }
  }
  for (const char* falsy : {"false", "null", "[]", "{}", "\"\""}) {
    CHECK(absent(good("\"user\":" + std::string(falsy))));
    CHECK(absent(good("\"stop_timeout\":" + std::string(falsy))));
  }
  CHECK(good(R"("stop_timeout":0)").stop_timeout == 0);
}

TEST_CASE("run: restart_policy") {
  CHECK(good(R"("restart_policy":"always")").restart.kind == Restart::always);
  CHECK(good(R"("restart_policy":{"Name":""})").restart.kind == Restart::no);
  const auto policy =
      good(R"("restart_policy":{"Name":"on-failure","MaximumRetryCount":3})").restart;
  CHECK(policy.kind == Restart::on_failure);
  CHECK(policy.retries == 3);
  CHECK(good(R"("restart_policy":{"Name":"always","MaximumRetryCount":0})").restart.retries == 0);
  for (const char* value : {R"("sometimes")", R"({"Name":"x"})", R"({"name":"always"})", "1", "[0]",
                            "true", R"({"Name":"always","MaximumRetryCount":1})",
                            R"({"Name":"on-failure","MaximumRetryCount":-1})",
                            R"({"Name":"on-failure","MaximumRetryCount":6})"}) {
    CHECK(bad("\"restart_policy\":" + std::string(value)).code == Errc::invalid_request);
  }
}

TEST_CASE("run: what is never given and what is unknown") {
  CHECK(bad(R"("privileged":true)").code == Errc::privileged_not_allowed);
  CHECK(bad(R"("privileged":true)").detail == "Privileged containers are not allowed");
  CHECK(bad(R"("privileged":"false")").code == Errc::invalid_request);
  CHECK(bad(R"("privileged":1)").code == Errc::invalid_request);
  for (const char* falsy : {"false", "null", "[]", "{}", "\"\"", "0", "0.0"}) {
    good("\"privileged\":" + std::string(falsy));
  }
  CHECK(bad(R"("Image":"alpine")").detail == R"(Unknown field "Image")");
  CHECK(bad(R"("network_mode":null)").detail == R"(Unknown field "network_mode")");
}

TEST_CASE("stop, restart, start") {
  const auto stop = call(build_stop, {}, R"({"timeout":0})");
  REQUIRE(stop);
  CHECK(std::get<StopContainer>(*stop).timeout == 0);
  CHECK(std::get<StopContainer>(*call(build_stop, {})).timeout == 10);
  CHECK(std::get<StopContainer>(*call(build_stop, {}, "{}")).timeout == 10);
  CHECK(std::get<RestartContainer>(*call(build_restart, {}, R"({"timeout":300})")).timeout == 300);
  CHECK(std::get<StartContainer>(*call(build_start, {}, "{}")).container.str() == "web");
  for (const char* body : {R"({"timeout":-1})", R"({"timeout":301})", R"({"timeout":1.5})",
                           R"({"timeout":"10"})", R"({"t":1})", "[]", "x"}) {
    CHECK(detail(call(build_stop, {}, body)) != "");
  }
  CHECK(detail(call(build_start, {}, R"({"timeout":1})")) == R"(Unknown field "timeout")");
  CHECK(detail(call(build_stop, {{"timeout", "1"}})) == R"(Unknown parameter "timeout")");
  CHECK(detail(call(build_stop, {}, "", "a/b")).starts_with("Container id must be"));
  CHECK(detail(call(build_inspect, {{"x", "1"}})) == "");
}

TEST_CASE("remove: force and v in query and body") {
  const auto remove = [](const Query& query, const std::string& body) {
    const auto command = call(build_remove, query, body);
    if (!command) return command.error().detail;
    const auto& it = std::get<RemoveContainer>(*command);
    return std::string(it.force ? "force" : "-") + (it.volumes ? ",v" : ",-");
  };
  CHECK(remove({}, "") == "-,-");
  CHECK(remove({{"force", "true"}}, "") == "force,-");
  CHECK(remove({}, R"({"force":true,"v":true})") == "force,v");
  CHECK(remove({{"v", "on"}}, R"({"force":true})") == "force,v");
  CHECK(remove({{"force", "1"}}, R"({"force":true})") == "force,-");
  CHECK(remove({{"force", "0"}}, R"({"force":true})") ==
        R"(Parameter "force" disagrees with the body)");
  CHECK(remove({{"force", "2"}}, "") == R"(Parameter "force" must be true or false)");
  CHECK(remove({{"link", "1"}}, "") == R"(Unknown parameter "link")");
  CHECK(remove({}, R"({"force":"true"})") == R"(Field "force" must be true or false)");
}

TEST_CASE("flags of a query are FastAPI's") {
  for (const char* text : {"true", "True", "1", "on", "ON", "yes", "t", "Y"}) {
    CHECK(parse_flag(text) == true);
  }
  for (const char* text : {"false", "FALSE", "0", "off", "no", "f", "n"}) {
    CHECK(parse_flag(text) == false);
  }
  for (const char* text : {"", "2", "tru", " true", "truefalse", "\xd9\xa1"}) {
    CHECK_FALSE(parse_flag(text));
  }
}

TEST_CASE("list: filters") {
  const auto list = [](const Query& query) {
    const auto command = call(build_list, query);
    if (!command) return command.error().detail;
    const auto& it = std::get<ListContainers>(*command);
    std::string out = it.all ? "all" : "-";
    for (const auto& name : it.names) out += " n:" + name.str();
    for (const auto& label : it.labels) out += " l:" + label.str();
    for (const auto state : it.states) out += " s:" + std::string(enum_name(state));
    return out;
  };
  CHECK(list({}) == "-");
  CHECK(list({{"all", "True"}, {"unknown", "x"}}) == "all");
  CHECK(list({{"name", "a"}, {"label", "k=v"}, {"status", "exited"}}) == "- n:a l:k=v s:exited");
  CHECK(list({{"filters", R"({"name":["a","b"],"label":"k","status":["running"]})"}}) ==
        "- n:a n:b l:k s:running");
  CHECK(list({{"filters", R"({"label":{"k=v":true},"name":null})"}}) == "- l:k=v");
  CHECK(list({{"filters", R"({"name":["a"]})"}, {"name", "b"}}) == "- n:b n:a");
  CHECK(list({{"filters", R"({"ancestor":["a"]})"}}) == R"(Unknown filter "ancestor")");
  CHECK(list({{"filters", R"({"status":["up"]})"}}).starts_with(R"(Parameter "status" must be)"));
  CHECK(list({{"filters", "x"}}).starts_with(R"(Parameter "filters" is not valid JSON)"));
  for (const char* filters : {"[]", "", R"({"name":1})", R"({"name":[1]})", R"({"name":[""]})",
                              R"({"label":{"k":false}})", R"({"name":["a"],"name":["b"]})"}) {
    CHECK_FALSE(call(build_list, {{"filters", filters}}));
  }
  CHECK(list({{"all", "maybe"}}) == R"(Parameter "all" must be true or false)");
  CHECK(list({{"name", ""}}) == R"(Parameter "name" must not be empty)");
  std::string many = R"({"name":["x")";
  for (int i = 0; i < 16; ++i) many += R"(,"x")";
  CHECK(list({{"filters", many + "]}"}}) == R"(Parameter "name" has too many values)");
}

TEST_CASE("billionths are exact") {
  CHECK(parse_billionths("0") == 0);
  CHECK(parse_billionths("1.000000001") == 1'000'000'001);
  CHECK(parse_billionths("0.0000000019") == 1);
  CHECK_FALSE(parse_billionths("9223372037"));
}

TEST_CASE("networks: create takes a name and the driver that it has anyway") {
  for (const char* body :
       {R"({"name":"net"})", R"({"name":"net","driver":"bridge"})",
        R"({"name":"net","driver":null})",
        R"({"name":"net","options":{},"labels":null,"internal":false,"check_duplicate":true})"}) {
    CAPTURE(body);
    auto command = call(build_create_network, {}, body, "");
    REQUIRE_MESSAGE(command, detail(command));
    CHECK(std::get<CreateNetwork>(*command).network.str() == "net");
  }
  for (const char* body : {"",
                           "{}",
                           "[]",
                           R"({"name":null})",
                           R"({"name":""})",
                           R"({"name":"a/b"})",
                           R"({"name":"a b"})",
                           R"({"name":"-a"})",
                           R"({"name":1})",
                           R"({"name":"net","driver":"macvlan"})",
                           R"({"name":"net","driver":"Bridge"})",
                           R"({"name":"net","driver":""})",
                           R"({"name":"net","driver":{}})",
                           R"({"name":"net","options":{"parent":"eth0"}})",
                           R"({"name":"net","ipam":{"Config":[{}]}})",
                           R"({"name":"net","internal":true})",
                           R"({"name":"net","labels":{"docker-control.owner":"x"}})",
                           R"({"name":"net","attachable":1})",
                           R"({"name":"net","Driver":"bridge"})",
                           R"({"name":"net","name":"net2"})"}) {
    CAPTURE(body);
    CHECK_FALSE(call(build_create_network, {}, body, ""));
  }
  CHECK(call(build_create_network, {}, R"({"name":"n","driver":"host"})").error().code ==
        Errc::field_not_allowed);
  CHECK_FALSE(call(build_create_network, {{"driver", "host"}}, R"({"name":"n"})"));
}

TEST_CASE("networks: names are separated by commas") {
  const auto names = [](const Query& query) {
    std::string out;
    auto command = call(build_list_networks, query);
    if (!command) return std::string("refused");
    for (const auto& name : std::get<ListNetworks>(*command).names) out += name.str() + ";";
    return out;
  };
  CHECK(names({}) == "");
  CHECK(names({{"names", "a"}}) == "a;");
  CHECK(names({{"names", "a,b-2"}, {"other", "x"}}) == "a;b-2;");
  for (const char* bad : {"", ",", "a,", ",a", "a,,b", "a b", "a/b", "a, b"}) {
    CAPTURE(bad);
    CHECK(names({{"names", bad}}) == "refused");
  }
  std::string many = "a";
  for (std::size_t i = 1; i < limits::kFilterValues; ++i) many += ",a";
  CHECK(names({{"names", many}}) != "refused");
  CHECK(names({{"names", many + ",a"}}) == "refused");
}

TEST_CASE("networks: who is on them") {
  auto connect = call(build_connect_network, {}, R"({"container":"web"})", "net");
  REQUIRE_MESSAGE(connect, detail(connect));
  CHECK(std::get<ConnectNetwork>(*connect).network.str() == "net");
  CHECK(std::get<ConnectNetwork>(*connect).container.str() == "web");
  auto leave = call(build_disconnect_network, {}, R"({"container":"web","force":true})", "net");
  REQUIRE_MESSAGE(leave, detail(leave));
  CHECK(std::get<DisconnectNetwork>(*leave).force);
  leave = call(build_disconnect_network, {}, R"({"container":"web"})", "net");
  CHECK_FALSE(std::get<DisconnectNetwork>(*leave).force);
  auto remove = call(build_remove_network, {}, "", "net");
  CHECK(std::get<RemoveNetwork>(*remove).network.str() == "net");
  CHECK_FALSE(call(build_remove_network, {{"force", "1"}}, "", "net"));
  CHECK_FALSE(call(build_remove_network, {}, "", "a b"));
  for (const char* body : {"", "{}", R"({"container":""})", R"({"container":"a/b"})",
                           R"({"container":1})", R"({"container":"web","force":true})",
                           R"({"Container":"web"})", R"({"container":"web","aliases":["db"]})",
                           R"({"container":"web","ipv4_address":"10.0.0.2"})"}) {
    CAPTURE(body);
    CHECK_FALSE(call(build_connect_network, {}, body, "net"));
  }
  CHECK_FALSE(call(build_connect_network, {}, R"({"container":"web"})", "net/x"));
  CHECK_FALSE(call(build_disconnect_network, {}, R"({"container":"web","force":1})", "net"));
}

TEST_CASE("dir-size: a path, and seconds that become milliseconds") {
  const auto timeout = [](const std::string& json) {
    const std::string body = R"({"path":"/data","timeout":)" + json + "}";
    auto command = call(build_dir_size, {}, body);
    return command ? std::get<MeasureDirectory>(*command).timeout : 0;
  };
  auto plain = call(build_dir_size, {}, R"({"path":"/data"})");
  REQUIRE_MESSAGE(plain, detail(plain));
  CHECK(std::get<MeasureDirectory>(*plain).timeout == 4000);
  CHECK(std::get<MeasureDirectory>(*plain).path.str() == "/data");
  CHECK(timeout("4.0") == 4000);
  CHECK(timeout("10") == 10000);
  CHECK(timeout("0.1") == 100);
  CHECK(timeout("0.29") == 290);
  CHECK(timeout("null") == 4000);
  for (const char* bad : {"0", "0.09", "-1", "10.001", "11", "1e9", "true", "\"4\"", "[]"}) {
    CAPTURE(bad);
    CHECK(timeout(bad) == 0);
  }
  for (const char* body :
       {"", "{}", R"({"path":""})", R"({"path":"data"})", R"({"path":"/a/../b"})",
        R"({"path":"/a\n"})", R"({"path":"/a","user":"0"})", R"({"path":["/a"]})"}) {
    CAPTURE(body);
    CHECK_FALSE(call(build_dir_size, {}, body));
  }
}

TEST_CASE("service logs: the route says which, tail how much") {
  auto command = call(build_service_log<ServiceLog::startup>, {});
  CHECK(std::get<ReadServiceLog>(*command).log == ServiceLog::startup);
  CHECK(std::get<ReadServiceLog>(*command).tail == 500);
  command = call(build_service_log<ServiceLog::fastapi>, {{"tail", "5000"}});
  CHECK(std::get<ReadServiceLog>(*command).tail == 5000);
  command = call(build_service_log<ServiceLog::service>, {{"tail", "0"}});
  CHECK(std::get<ReadServiceLog>(*command).tail == 0);
  for (const char* bad :
       {"", "all", "-1", "5001", "1.0", "1e2", "0x10", " 1", "1 ", "+1", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(call(build_service_log<ServiceLog::service>, {{"tail", bad}}));
  }
}
