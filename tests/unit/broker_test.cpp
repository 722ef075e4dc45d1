// SPDX-License-Identifier: Apache-2.0
// The broker's pure parts: what it sends to the Engine, what it accepts back, what it shows.
#include "broker/broker.hpp"
#include <doctest/doctest.h>
#include <memory>
#include "broker/container_view.hpp"
#include "broker/create_container.hpp"
#include "broker/engine_request.hpp"
#include "broker/find_network.hpp"
#include "common/log_frames.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using namespace dc::broker;
using test::parsed;

namespace {

const std::string kImageId = "sha256:" + std::string(64, 'b');

Ownership make_ownership(char byte = 'k') { return Ownership(Secret(std::string(32, byte))); }

policy::Allowed<RunContainer> allow(RunContainer run) {
  auto policy = std::make_shared<policy::Policy>();
  policy::Profile profile = test::sample_profile();
  profile.host_ports = {{7000, 7999}};
  profile.mounts = {{parsed<HostPath>("/srv/a&b"), std::nullopt, std::nullopt, true, false}};
  profile.volumes = {parsed<VolumeName>("cache")};
  profile.devices = {parsed<policy::DevicePattern>("/dev/tt/[0-9]+")};
  profile.gpus = {{parsed<DriverName>("nvidia")}, kAllGpus};
  policy->profiles.emplace(std::string(test::kService), profile);
  auto allowed = policy::authorize(std::move(run), Principal{profile.service, profile.scopes},
                                   policy::Snapshot(policy));
  REQUIRE(allowed.has_value());
  return std::move(*allowed);
}

RunContainer sample_run() {
  RunContainer run{parsed<ImageRef>("alpine:3")};
  run.user = parsed<UserSpec>("1000:1000");
  run.ports = {{80, Protocol::tcp, 7001}, {53, Protocol::udp, 7002}};
  return run;
}

ContainerPlan plan_of(const policy::Allowed<RunContainer>& allowed) {
  const auto ownership = make_ownership();
  const auto image = parsed<ImageId>(kImageId);
  OwnerLabels labels{allowed.service().str(), make_nonce(), {}, false};
  labels.proof = ownership.proof(allowed.service(), labels.nonce, image);
  return {allowed, image, "bridge", labels, {}, {}};
}

// The inspect document that an Engine gives which did what it was told.
std::string inspect_of(const ContainerPlan& plan, const std::string& mounts = "[]") {
  Members given = config(plan);
  given["Image"] = "\"x\"";
  given["Env"] = R"(["A=secret"])";
  return R"({"Id":")" + test::kSomeId + R"(","Name":"/web","Image":")" + kImageId +
         R"(","State":{"Status":"created"},"Mounts":)" + mounts + R"(,"Config":)" + object(given) +
         R"(,"HostConfig":)" + object(host_config(plan)) + "}";
}

Result<void> check_inspect(const ContainerPlan& plan, std::string json) {
  const JsonText document(std::move(json));
  const auto view = read_container(document);
  REQUIRE(view.has_value());
  return check_created(plan, *view);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("what was sent passes the comparison") {
  const auto allowed = allow(sample_run());
  const auto plan = plan_of(allowed);
  CHECK(check_inspect(plan, inspect_of(plan)).has_value());
}

TEST_CASE("the Engine's own spelling of capabilities and its own members pass") {
  const auto allowed = allow(sample_run());
  const auto plan = plan_of(allowed);
  auto json = replaced(inspect_of(plan), R"(["CHOWN",)", R"(["CAP_CHOWN",)");
  json = replaced(json, R"("HostConfig":{)",
                  R"("HostConfig":{"Runtime":"runc","ConsoleSize":[0,0],"Binds":null,"Dns":[],)");
  CHECK(check_inspect(plan, json).has_value());
}

TEST_CASE("every single difference is found") {
  const auto allowed = allow(sample_run());
  const auto plan = plan_of(allowed);
  const std::pair<const char*, const char*> changes[] = {
      {R"("Privileged":false)", R"("Privileged":true)"},
      {R"("Memory":4294967296)", R"("Memory":0)"},
      {R"("MemorySwap":4294967296)", R"("MemorySwap":-1)"},
      {R"("NanoCpus":2000000000)", R"("NanoCpus":0)"},
      {R"("PidsLimit":4096)", R"("PidsLimit":null)"},
      {R"("ShmSize":67108864)", R"("ShmSize":1)"},
      {R"("NetworkMode":"bridge")", R"("NetworkMode":"host")"},
      {R"("IpcMode":"private")", R"("IpcMode":"host")"},
      {R"("CgroupnsMode":"private")", R"("CgroupnsMode":"host")"},
      {R"("CapDrop":["ALL"])", R"("CapDrop":null)"},
      {R"(["CHOWN",)", R"(["SYS_ADMIN","CHOWN",)"},
      {R"("SecurityOpt":["no-new-privileges:true"])", R"("SecurityOpt":["seccomp=unconfined"])"},
      {R"("HostPort":"7001")", R"("HostPort":"7003")"},
      {R"("HostIp":")", R"("HostIp":"9)"},
      {R"("max-size":"10485760")", R"("max-size":"10485761")"},
      {R"("User":"1000:1000")", R"("User":"")"},
      {R"("HostConfig":{)", R"("HostConfig":{"Binds":["/:/host"],)"},
      {R"("HostConfig":{)", R"("HostConfig":{"PidMode":"host",)"},
      {R"("HostConfig":{)", R"("HostConfig":{"SomethingNew":{"a":1},)"},
      {R"("Image":"sha256:bb)", R"("Image":"sha256:cb)"},
      {R"(docker-control.nonce":")", R"(docker-control.nonce":"x)"},
  };
  for (const auto& [from, to] : changes) {
    CAPTURE(std::string(to));
    const auto result = check_inspect(plan, replaced(inspect_of(plan), from, to));
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::policy_not_enforced);
  }
}

namespace {

// A run that is given all that there is, and the plan for it.
policy::Allowed<RunContainer> allow_given() {
  RunContainer run = sample_run();
  run.mounts = {{parsed<MountSource>("/srv/a&b"), parsed<MountTarget>("/a"), true},
                {parsed<MountSource>("cache"), parsed<MountTarget>("/c"), std::nullopt}};
  run.tmpfs = {{parsed<MountTarget>("/t"), 1U << 20, 01777, 1, 2}};
  run.devices = {{parsed<DevicePath>("/dev/tt/0")}};
  run.gpus = {{parsed<DriverName>("nvidia"), kAllGpus}};
  run.cap_add = {Capability::ipc_lock};
  run.ulimits = {{UlimitName::nofile, 1, 2}, {UlimitName::memlock, kUnlimited, kUnlimited}};
  run.dns = {parsed<IpAddress>("10.0.0.1")};
  run.extra_hosts = {{parsed<HostName>("db"), parsed<HostAddress>("10.0.0.2")}};
  run.groups = {parsed<Group>("44")};
  run.stop_signal = parsed<StopSignal>("SIGINT");
  run.stop_timeout = 0;
  run.working_dir = parsed<WorkingDir>("/tmp/");
  run.tty = true;
  auto policy = std::make_shared<policy::Policy>();
  policy::Profile profile = test::sample_profile();
  profile.mode = policy::Mode::audit;  // the rules have tests of their own
  profile.host_ports = {{7000, 7999}};
  profile.mounts = {{parsed<HostPath>("/srv/a&b"), std::nullopt, std::nullopt, true, false}};
  profile.volumes = {parsed<VolumeName>("cache")};
  profile.devices = {parsed<policy::DevicePattern>("/dev/tt/[0-9]+")};
  profile.gpus = {{parsed<DriverName>("nvidia")}, kAllGpus};
  policy->profiles.emplace(std::string(test::kService), profile);
  auto allowed = policy::authorize(std::move(run), Principal{profile.service, profile.scopes},
                                   policy::Snapshot(policy));
  REQUIRE_MESSAGE(allowed.has_value(), allowed.error().detail);
  return std::move(*allowed);
}

ContainerPlan plan_given(const policy::Allowed<RunContainer>& allowed) {
  ContainerPlan plan = plan_of(allowed);
  plan.host.devices = {{"/dev/tt/0", true, true, {}}};
  plan.healthcheck = R"({"Interval":5000000000,"Test":["CMD","true"]})";
  return plan;
}

const std::string kMounts =
    R"([{"Type":"bind","Source":"/srv/a&b","Destination":"/a","Mode":"","RW":false,)"
    R"("Propagation":"rprivate"},{"Type":"volume","Name":"cache","Source":"/var/x",)"
    R"("Destination":"/c","Driver":"local","Mode":"z","RW":true,"Propagation":""}])";

}  // namespace

TEST_CASE("what is given passes the comparison in the Engine's own spelling") {
  const auto allowed = allow_given();
  const auto plan = plan_given(allowed);
  auto json = inspect_of(plan, kMounts);
  CHECK(check_inspect(plan, json).has_value());
  json = replaced(json, R"("Source":"/srv/a&b","Target")", R"("Source":"/srv/a\u0026b","Target")");
  json = replaced(json, R"({"Name":"nofile","Hard":2,"Soft":1})",
                  R"({"Soft":1,"Hard":2,"Name":"nofile"})");
  json = replaced(json, R"([["gpu"]])", R"([["gpu"]],"DeviceIDs":null,"Options":{})");
  json = replaced(json, R"({"Interval":5000000000,)", R"({"Retries":3,"Interval":5000000000,)");
  CHECK(check_inspect(plan, json).has_value());
  // An image's own volume.
  const std::string anonymous = R"([{"Type":"volume","Driver":"local","Name":")" +
                                std::string(64, 'a') + R"(","Destination":"/data","RW":true},)";
  CHECK(check_inspect(plan, inspect_of(plan, replaced(kMounts, "[", anonymous))).has_value());
}

TEST_CASE("every single difference in what is given is found") {
  const auto allowed = allow_given();
  const auto plan = plan_given(allowed);
  const std::pair<const char*, const char*> changes[] = {
      {R"("Source":"/srv/a&b","Destination")", R"("Source":"/srv","Destination")"},
      {R"("Destination":"/a")", R"("Destination":"/b")"},
      {R"("RW":false)", R"("RW":true)"},
      {R"("RW":true)", R"("RW":false)"},
      {R"("Propagation":"rprivate"},{)", R"("Propagation":"rshared"},{)"},
      {R"("Type":"bind","Source":"/srv/a&b","Dest)", R"("Type":"tmpfs","Source":"/srv/a&b","Dest)"},
      {R"("Driver":"local")", R"("Driver":"nfs")"},
      {R"("Name":"cache")", R"("Name":"other")"},
      {R"("Mounts":[)", R"("Mounts":[{"Type":"bind","Source":"/","Destination":"/h","RW":true},)"},
      {R"("Mounts":[)", R"("Mounts":[{"Type":"volume","Driver":"local","Name":"x"},)"},
      {R"("Propagation":"rprivate","NonRecursive":true)", R"("Propagation":"rprivate")"},
      {R"("ReadOnly":true)", R"("ReadOnly":false)"},
      {R"("CgroupPermissions":"rw")", R"("CgroupPermissions":"rwm")"},
      {R"("PathOnHost":"/dev/tt/0")", R"("PathOnHost":"/dev/mem")"},
      {R"("Devices":[)", R"("Devices":[{"PathOnHost":"/dev/mem"},)"},
      {R"("Count":-1)", R"("Count":1)"},
      {R"("Soft":1})", R"("Soft":2})"},
      {R"("Dns":["10.0.0.1"])", R"("Dns":["10.0.0.9"])"},
      {R"(["db:10.0.0.2"])", R"(["db:10.0.0.3"])"},
      {R"("GroupAdd":["44"])", R"("GroupAdd":["44","0"])"},
      {R"(noexec,nosuid,nodev)", R"(nosuid,nodev)"},
      {R"("Interval":5000000000)", R"("Interval":1000000)"},
      {R"("StopSignal":"SIGINT")", R"("StopSignal":"SIGTERM")"},
      {R"("WorkingDir":"/tmp")", R"("WorkingDir":"/")"},
      {R"("Tty":true)", R"("Tty":false)"},
      {R"("OpenStdin":false)", R"("OpenStdin":true)"},
      {R"("IPC_LOCK")", R"("SYS_ADMIN")"},
      {R"("A=secret")", R"("A=secret"],"Entrypoint":["x")"},
  };
  for (const auto& [from, to] : changes) {
    CAPTURE(std::string(to));
    const bool unsent = std::string(to).find("Entrypoint") != std::string::npos;
    const auto result = check_inspect(plan, replaced(inspect_of(plan, kMounts), from, to));
    // What was not sent is the image's.
    CHECK(result.has_value() == unsent);
  }
  CHECK_FALSE(check_inspect(plan, inspect_of(plan)).has_value());
}

TEST_CASE("an image's health check runs no oftener than the profile has it") {
  const auto profile = test::sample_profile();  // 5 s
  RunContainer run = sample_run();
  const auto health = [&](const std::string& image) {
    const JsonText config(image);
    return health_of(run, profile, config.view());
  };
  CHECK(health("{}").empty());
  CHECK(health(R"({"Healthcheck":null})").empty());
  CHECK(health(R"({"Healthcheck":{"Test":["CMD","x"]}})").empty());
  CHECK(health(R"({"Healthcheck":{"Interval":5000000000}})").empty());
  CHECK(health(R"({"Healthcheck":{"Interval":4999999999}})") == R"({"Interval":5000000000})");
  CHECK(health(R"({"Healthcheck":{"StartInterval":1}})") == R"({"StartInterval":5000000000})");
  run.healthcheck = Healthcheck{{}, {}, {}, {}, 2};
  CHECK(health(R"({"Healthcheck":{"Interval":1}})") == R"({"Interval":5000000000,"Retries":2})");
  run.healthcheck->interval = 6'000'000'000;
  CHECK(health(R"({"Healthcheck":{"Interval":1}})") == R"({"Interval":6000000000,"Retries":2})");
}

TEST_CASE("a volume is a plain local one or none") {
  const auto name = parsed<VolumeName>("cache");
  const auto check = [&](int status, const std::string& members, bool may_lack = false) {
    const std::string body = R"({"Name":"cache",)" + members + "}";
    return check_volume(EngineResponse{status, body, {}}, name, may_lack).has_value();
  };
  CHECK(check(200, R"("Driver":"local","Options":null)"));
  CHECK(check(200, R"("Driver":"local","Options":{})"));
  CHECK(check(404, R"("message":"no such volume")", true));
  CHECK_FALSE(check(404, R"("message":"no such volume")"));
  CHECK_FALSE(check(500, R"("message":"x")", true));
  CHECK_FALSE(check(200, R"("Driver":"local","Options":{"type":"none","o":"bind","device":"/"})"));
  CHECK_FALSE(check(200, R"("Driver":"nfs","Options":null)"));
  CHECK_FALSE(check(200, R"("Options":null)"));
}

TEST_CASE("two bindings of one container port are one member") {
  RunContainer run{parsed<ImageRef>("alpine:3")};
  run.ports = {{80, Protocol::tcp, 7001}, {80, Protocol::tcp, 7002}};
  const auto allowed = allow(run);
  const auto body = create_body(plan_of(allowed));
  CHECK(body.find(R"("80/tcp":[{"HostIp":)") != std::string::npos);
  CHECK(body.find(R"("HostPort":"7001"},{)") != std::string::npos);
  CHECK(body.find("80/tcp", body.find("PortBindings") + 40) == std::string::npos);
}

TEST_CASE("ownership is proven by the key, for this owner, nonce and image only") {
  const auto ownership = make_ownership();
  const auto owner = parsed<ServiceName>("backend");
  const auto image = parsed<ImageId>(kImageId);
  const std::string nonce = make_nonce();
  CHECK(nonce.size() == kNonceSize);
  const OwnerLabels labels{"backend", nonce, ownership.proof(owner, nonce, image), false};
  CHECK(ownership.proven_owner(labels, image) == owner);
  CHECK_FALSE(make_ownership('x').proven_owner(labels, image));
  CHECK_FALSE(ownership.proven_owner(labels, parsed<ImageId>("sha256:" + std::string(64, 'c'))));
  OwnerLabels forged = labels;
  forged.owner = "other";
  CHECK_FALSE(ownership.proven_owner(forged, image));
  forged = labels;
  forged.nonce = make_nonce();
  CHECK_FALSE(ownership.proven_owner(forged, image));
  forged = labels;
  forged.proof.clear();
  CHECK_FALSE(ownership.proven_owner(forged, image));
}

TEST_CASE("the proof of a container is the one of version 0.1") {
  // HMAC-SHA256 of 32 times 'k' over "docker-control container 1\nbackend\nNONCE\nIMAGE".
  CHECK(make_ownership().proof(parsed<ServiceName>("backend"), "AAAAAAAAAAAAAAAAAAAAAA",
                               parsed<ImageId>(kImageId)) ==
        "slcwDQR1rVY8CL6rPQCHrCBNIXdjR5khl0Kylm0zxIo");
}

TEST_CASE("the proof of a network holds for its name, and for no container") {
  const auto ownership = make_ownership();
  const auto owner = parsed<ServiceName>("backend");
  const auto image = parsed<ImageId>(kImageId);
  const auto network = parsed<NetworkName>("net");
  const std::string nonce = make_nonce();
  OwnerLabels labels{"backend", nonce, ownership.proof(owner, nonce, network), false};
  CHECK(ownership.proven_owner(labels, network) == owner);
  CHECK_FALSE(ownership.proven_owner(labels, parsed<NetworkName>("net2")));
  CHECK_FALSE(ownership.proven_owner(labels, image));
  labels.proof = ownership.proof(owner, nonce, image);
  CHECK_FALSE(ownership.proven_owner(labels, network));
}

TEST_CASE("a network is read as the bridge that it is") {
  const auto name = parsed<NetworkName>("net");
  const std::string made = R"({"Name":"net","Id":")" + test::kSomeId +
                           R"(","Scope":"local","Driver":"bridge","Internal":false,)"
                           R"("Attachable":false,"Ingress":false,"ConfigOnly":false,"Options":{}})";
  const auto read = [&](const std::string& from, const std::string& to) {
    return read_bridge(EngineResponse{200, replaced(made, from, to), {}}, name);
  };
  CHECK(read("{}", "{}")->plain);
  CHECK(read("{}", "null")->plain);
  // As Docker 28 answers.
  CHECK(read("{}", R"({"com.docker.network.enable_ipv4":"true",)"
                   R"("com.docker.network.enable_ipv6":"false"})")
            ->plain);
  CHECK_FALSE(read("{}", R"({"com.docker.network.bridge.name":"docker0"})")->plain);
  for (const char* mode : {"Internal", "Attachable", "Ingress", "ConfigOnly"}) {
    CAPTURE(mode);
    const std::string key = "\"" + std::string(mode) + "\":";
    CHECK_FALSE(read(key + "false", key + "true")->plain);
    CHECK_FALSE(read(key, "\"x\":")->plain);
  }
  CHECK(read("bridge", "macvlan").error().code == Errc::network_not_allowed);
  CHECK(read("local", "swarm").error().code == Errc::network_not_allowed);
  CHECK(read("\"net\"", "\"net2\"").error().code == Errc::not_found);
  CHECK(read("aaaa", "").error().code == Errc::not_found);
  CHECK(read_bridge(EngineResponse{200, "[]", {}}, name).error().code == Errc::not_found);
  CHECK(read_bridge(EngineResponse{404, "{}", {}}, name).error().detail == "Network not found");
}

TEST_CASE("a document is shown without proof, and masked without values") {
  const auto allowed = allow(sample_run());
  const auto plan = plan_of(allowed);
  JsonText document(inspect_of(plan));
  auto view = read_container(document);
  REQUIRE(view.has_value());
  const Inspected inspected{std::move(document), std::move(*view)};
  const std::string open = shown_document(inspected, false);
  CHECK(open.find(plan.labels.proof) == std::string::npos);
  CHECK(open.find(plan.labels.nonce) != std::string::npos);
  CHECK(open.find("A=secret") != std::string::npos);
  const std::string masked = shown_document(inspected, true);
  CHECK(masked.find("secret") == std::string::npos);
  CHECK(masked.find(R"("Env":["A=***"])") != std::string::npos);
  CHECK(read_container(JsonText(masked)).has_value());
}

TEST_CASE("what is not a container is refused") {
  for (const char* json :
       {"", "[]", "{}", "null", R"({"Id":"x","Config":{},"HostConfig":{}})", "{\"Id\""}) {
    CAPTURE(json);
    const JsonText document{std::string(json)};
    CHECK_FALSE(read_container(document).has_value());
  }
}

TEST_CASE("requests are made of constants and of escaped values") {
  ListContainers list;
  list.all = true;
  list.names = {parsed<Text<128>>("a\"b&c=d #?\r\n/..")};
  const auto owner = parsed<ServiceName>("backend");
  const auto path = request::list_containers(list, &owner).path;
  CHECK(path.find_first_of(" \"#\r\n{}") == std::string::npos);
  CHECK(path.find('?') == path.rfind('?'));
  CHECK(path.find("&c=d") == std::string::npos);
  CHECK(request::pull_image({parsed<ImageRef>("alpine@sha256:" + std::string(64, 'a')), {}, {}})
            .path ==
        "/images/create?fromImage=docker.io/library/alpine&tag=sha256:" + std::string(64, 'a'));
  CHECK(request::inspect_network(parsed<NetworkName>("a.b-c_d")).path == "/networks/a.b-c_d");
  const auto id = parsed<ContainerId>(test::kSomeId);
  const auto du =
      request::create_du(id, "-sb", parsed<DirectoryPath>("/a \"],\"Privileged\":true"));
  CHECK(du.path == "/containers/" + test::kSomeId + "/exec");
  CHECK(du.body == R"({"AttachStdout":true,"Cmd":["du","-sb","--","/a \"],\"Privileged\":true"]})");
  CHECK(request::inspect_image(parsed<ImageRef>("[::1]:5000/x:1")).path ==
        "/images/%5B::1%5D:5000/x:1/json");
}

TEST_CASE("places are counted in all, per service, and kept for stop and remove") {
  Slots slots(limits::kInFlight, limits::kInFlightPerService, limits::kInFlightReserve);
  std::vector<Slots::Slot> taken;
  while (auto slot = slots.take("greedy", false)) taken.push_back(std::move(slot));
  CHECK(taken.size() == limits::kInFlightPerService - limits::kInFlightReserve);
  CHECK(slots.take("greedy", true));  // stop and remove
  CHECK(slots.take("other", false));
  taken.clear();
  CHECK(slots.taken() == 0);
}

TEST_CASE("a configuration says where and what is wrong with it") {
  Config config;
  CHECK(apply_config("listen = [\"127.0.0.1:8002\"]\n[[key]]\nfile = \"/k\"\nkid = \"a\"\n",
                     "c.toml", config)
            .has_value());
  CHECK(config.keys.at(0).kid == "a");
  CHECK(apply_config("startup_log = \"/s.log\"\n", "c.toml", config).has_value());
  CHECK(config.service_logs == std::array<std::string, 3>{"", "/s.log", ""});
  const auto problem = [&](const char* text) {
    auto result = apply_config(text, "c.toml", config);
    REQUIRE_FALSE(result.has_value());
    return result.error().detail;
  };
  CHECK(problem("dev = 1\n") == "c.toml:1:7: dev must be true or false");
  CHECK(problem("\nlisten = \"x\"\n") == "c.toml:2:10: listen must be a list of strings");
  CHECK(problem("socket = 1\n") == "c.toml:1:10: socket is not a known key");
  CHECK(problem("[[key]]\nkid = \"a\"\n").find("needs file") != std::string::npos);
  CHECK(problem("dev = \n").starts_with("c.toml:1:"));
}
