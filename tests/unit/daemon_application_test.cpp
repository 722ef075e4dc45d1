// SPDX-License-Identifier: Apache-2.0
// daemon/application and daemon/call: the walk of a request, step by step.
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "daemon/application.hpp"
#include "daemon_fixture.hpp"

using namespace dc;
using namespace dc::daemon;
using dc::test::Fixture;
using dc::test::header;
using dc::test::kContainers;
using dc::test::path;
using dc::test::some_policy;
TEST_CASE("public pages need no token and do not look at one") {
  Fixture f;
  for (const char* authorization : {"", "Bearer x", "Basic eA=="}) {
    const auto answer = f.ask(Method::get, {"api", "v1", "livez"}, "", authorization);
    CHECK(answer->response.status == 200);
    CHECK(answer->response.body == R"({"status":"alive"})");
  }
  CHECK(f.ask(Method::head, {"api", "v1", "health"}, "", "")->response.status == 200);
  CHECK(f.ask(Method::get, {"api", "v1", "readyz"}, "", "")->response.status == 503);
  f.application.use_status({EngineState::up, DiskState::ok, false});
  CHECK(f.ask(Method::get, {"api", "v1", "readyz"}, "", "")->response.status == 200);
  CHECK(f.broker.silent());
}

TEST_CASE("with a token: route, method, scope, form, body, in that order") {
  Fixture f;
  auto first = f.ask(Method::get, {"nothing"});
  f.verify();
  CHECK(first->response.status == 404);
  CHECK(first->response.body.find(R"("detail":"Not Found")") != std::string::npos);
  CHECK(f.ask(Method::get, path("web", ""))->responded == false);
  f.end(f.command<InspectContainer>().first,
        Failed::of({Errc::not_found, "No such container", ""}));

  const auto not_allowed = f.ask(Method::del, kContainers);
  CHECK(not_allowed->response.status == 405);
  CHECK(header(*not_allowed, "Allow") == "GET, HEAD, OPTIONS");
  CHECK(f.ask(Method::options, kContainers)->response.status == 204);

  f.application.use_policy(some_policy(*parse_scope("containers:read")));
  const auto no_scope = f.ask(Method::post, path("run"), "{");
  f.verify(*parse_scope("containers:read"));
  CHECK(no_scope->response.status == 403);
  const Refused refused = f.broker.expect<Refused>().second;  // the broker audits what we refuse
  CHECK(refused.code == Errc::scope_denied);
  CHECK(kOperations[refused.operation] == "containers.run");
  CHECK_FALSE(refused.command);

  f.application.use_policy(some_policy(*parse_scope("containers:*")));
  HttpRequest request;
  request.method = Method::post;
  request.path = path("run");
  request.peer = "192.0.2.1";
  request.authorization = "bearer " + test::token();
  request.accept = "image/png";
  const auto not_acceptable = f.ask(request, "{");
  f.verify();
  CHECK(not_acceptable->response.status == 406);
  request.accept.reset();
  CHECK(f.ask(request, "{")->response.status == 415);
  request.content_type = "application/json";
  const auto bad_body = f.ask(request, "{");
  CHECK(bad_body->response.status == 400);
  CHECK(bad_body->body_max == limits::kBodyRun);
  CHECK(f.broker.expect<Refused>().second.code == Errc::invalid_request);
  CHECK(f.ask(request)->response.status == 400);
  (void)f.broker.expect<Refused>();
  request.path = path("a b", "stop");
  const auto bad_id = f.ask(request, "{}");
  CHECK(bad_id->response.status == 400);
  CHECK(bad_id->body_max == limits::kBody);
  CHECK(kOperations[f.broker.expect<Refused>().second.operation] == "containers.stop");
  CHECK(f.broker.silent());
}

TEST_CASE("the front's policy check answers at once, or leaves it to the broker") {
  const std::string body = R"({"image":"evil/image:1"})";
  Fixture f;
  const auto refused = f.ask(Method::post, path("run"), body);
  f.verify();
  CHECK(refused->response.status == 400);
  CHECK(refused->response.body.find("Image not in allowed list") != std::string::npos);
  const Refused reported = f.broker.expect<Refused>().second;
  CHECK(reported.code == Errc::image_not_allowed);
  REQUIRE(reported.command);
  CHECK(std::get<RunContainer>(*reported.command).image.repository() == "evil/image");
  CHECK(f.broker.silent());

  Fixture g(Welcome{.policy_check = false});
  g.application.use_policy(some_policy({}));
  const auto passed = g.ask(Method::post, path("run"), body);
  g.verify({});
  CHECK(g.command<RunContainer>().second.image.repository() == "evil/image");
}

TEST_CASE("run, stop and remove") {
  Fixture f;
  const auto run = f.ask(Method::post, path("run"), R"({"image":"alpine:3","ports":{"80":8010}})");
  f.verify();
  const auto [id, command] = f.command<RunContainer>();
  CHECK(command.ports.at(0).host == 8010);
  f.end(id, ContainerStarted{test::parsed<ContainerId>(test::kSomeId), Text<256>::clip("web"),
                             wire::Blob{"{}"}, std::nullopt});
  CHECK(run->response.status == 200);
  CHECK(run->response.body.starts_with(R"({"status":"success","container_id":"aaaa)"));

  const auto stop = f.ask(Method::post, path("web", "stop"), R"({"timeout":3})");
  const auto [stop_id, stopped] = f.command<StopContainer>();
  CHECK(stopped.timeout == 3);
  f.end(stop_id, Done{});
  CHECK(stop->response.body == R"({"status":"success"})");

  const auto remove = f.ask(Method::post, path("web", "remove"));
  f.end(f.command<RemoveContainer>().first,
        Failed::of({Errc::conflict, "The container is running", "use force"}));
  CHECK(remove->response.status == 409);
  CHECK(remove->response.body.find("use force") != std::string::npos);
}

TEST_CASE("a run that is waited for answers with its output") {
  Fixture f;
  const auto run = f.ask(Method::post, path("run"), R"({"image":"alpine:3","detach":false})");
  f.verify();
  const auto [id, command] = f.command<RunContainer>();
  CHECK_FALSE(command.detach);
  for (int i = 0; i < 4; ++i) f.broker.send(id, false, Chunk{wire::Blob{"line\n"}});
  f.loop.turn();
  CHECK(f.broker.expect<Credit>().second.frames == 4);
  ContainerStarted started{test::parsed<ContainerId>(test::kSomeId), Text<256>::clip("web"),
                           wire::Blob{"{}"}, 2};
  started.logs_size = 20;
  f.end(id, started);
  CHECK(run->response.body.ends_with(R"("exit_code":2,"logs":"line\nline\nline\nline\n"})"));
}

TEST_CASE("inspect puts a document together") {
  Fixture f;
  const std::string json = test::inspect_json("web", 80000);
  const auto get = f.ask(Method::get, path("web"));
  f.verify();
  const auto [id, command] = f.command<InspectContainer>();
  f.broker.send(id, false, test::document(json));
  f.broker.send(id, false, Chunk{wire::Blob{json.substr(limits::kChunk, limits::kChunk)}});
  f.broker.send(id, false, Chunk{wire::Blob{json.substr(2 * limits::kChunk)}});
  f.end(id, Done{});
  CHECK(get->response.status == 200);
  CHECK(get->written.find(json) != std::string::npos);
}

TEST_CASE("a large inspect is streamed like a list") {
  Fixture f;
  const std::string json = test::inspect_json("web", 20000);
  const auto small = f.ask(Method::get, path("web"));
  f.verify();
  f.end(f.command<InspectContainer>().first, test::document(json));
  CHECK(small->responded);
  const std::string big = test::inspect_json("web", 3 * limits::kChunk - 200);
  const auto get = f.ask(Method::get, path("web"));
  const auto id = f.command<InspectContainer>().first;
  get->stall = true;
  f.broker.send(id, false, test::document(big));
  f.broker.send(id, false, Chunk{wire::Blob{big.substr(limits::kChunk, limits::kChunk)}});
  f.end(id, Chunk{wire::Blob{big.substr(2 * limits::kChunk)}});
  CHECK(get->begun);
  CHECK(get->ended);
  CHECK(get->written.find(big) != std::string::npos);
  CHECK(get->written.ends_with("]}"));
}

TEST_CASE("a last frame that leaves its document incomplete is an error") {
  for (const bool in_chunk : {false, true}) {
    Fixture f;
    const std::string json = test::inspect_json("web", 3 * limits::kChunk);
    const auto list = f.ask(Method::get, kContainers);
    f.verify();
    const auto id = f.command<ListContainers>().first;
    if (in_chunk) f.broker.send(id, false, test::document(json));
    if (in_chunk) {
      f.end(id, Chunk{wire::Blob{json.substr(limits::kChunk, limits::kChunk)}});
    } else {
      f.end(id, test::document(json));
    }
    CHECK(list->response.status == 502);
    CHECK_FALSE(list->begun);
  }
}

TEST_CASE("a path that ends with a slash is not found, after authentication") {
  Fixture f;
  CHECK(f.ask(Method::get, path(""), "", "")->response.status == 401);
  const auto list = f.ask(Method::get, path(""));
  f.verify();
  CHECK(list->response.status == 404);
  CHECK(list->response.body.find(R"("detail":"Not Found")") != std::string::npos);
  CHECK(f.ask(Method::post, {"api", "v1", "containers", "web", "stop", ""})->response.status ==
        404);
  CHECK(f.broker.silent());
}

TEST_CASE("replies that do not add up are 502") {
  const auto status_after = [](auto&& act) {
    Fixture f;
    const auto get = f.ask(Method::get, path("web"));
    f.verify();
    const auto id = f.command<InspectContainer>().first;
    act(f, id);
    f.end(id, Done{});
    CHECK(f.lost.empty());
    return get->response.status;
  };
  const auto document = test::document(test::inspect_json("web"));
  CHECK(status_after([&](Fixture& f, auto id) { f.broker.send(id, false, document); }) == 200);
  CHECK(status_after([](Fixture&, auto) {}) == 502);
  CHECK(status_after([](Fixture& f, auto id) { f.broker.send(id, false, Chunk{{"x"}}); }) == 502);
  CHECK(status_after([&](Fixture& f, auto id) {
          f.broker.send(id, false, document);
          f.broker.send(id, false, document);
        }) == 502);
  for (const char* json :
       {"", "x", "[]", "{}", R"({"Id":1,"Config":{}})", R"({"Id":"a"})", R"({"Id":"a","Name")"}) {
    CHECK(status_after(
              [&](Fixture& f, auto id) { f.broker.send(id, false, test::document(json)); }) == 502);
  }
  auto incomplete = document;
  incomplete.size += 1;
  CHECK(status_after([&](Fixture& f, auto id) { f.broker.send(id, false, incomplete); }) == 502);
  auto huge = document;
  huge.size = limits::kInspectBody + 1;
  CHECK(status_after([&](Fixture& f, auto id) { f.broker.send(id, false, huge); }) == 502);
}

TEST_CASE("a small list is sent whole, a large one streams under credits") {
  Fixture f;
  auto list = f.ask(Method::get, kContainers);
  f.verify();
  f.end(f.command<ListContainers>().first, Done{});
  CHECK(list->response.body == R"({"status":"success","containers":[]})");

  list = f.ask(Method::get, kContainers);
  auto id = f.command<ListContainers>().first;
  f.broker.send(id, false, test::document(test::inspect_json("a")));
  f.broker.send(id, false, test::document(test::inspect_json("b")));
  f.end(id, Done{});
  CHECK(list->responded);
  CHECK(list->response.body.starts_with(R"({"status":"success","containers":[{"id":)"));
  CHECK(list->response.body.ends_with("}]}"));

  list = f.ask(Method::get, kContainers);
  id = f.command<ListContainers>().first;
  const std::string json = test::inspect_json("web", 30000);
  list->stall = true;
  for (int i = 0; i < 8; ++i) {
    f.broker.send(id, false, test::document(json));
    f.loop.turn();
  }
  CHECK(list->begun);
  CHECK(f.broker.silent());  // the client takes nothing: no credit
  list->stall = false;
  list->drained();
  CHECK(f.broker.expect<Credit>().second.frames == 8);
  f.end(id, Done{});
  CHECK(list->ended);
  CHECK(list->written.size() > 8 * json.size());
  CHECK(list->written.ends_with("}]}"));
}

TEST_CASE("a failure in the middle of a stream cuts the connection") {
  Fixture f;
  const auto list = f.ask(Method::get, kContainers);
  f.verify();
  const auto id = f.command<ListContainers>().first;
  const std::string json = test::inspect_json("web", 32000);
  for (int i = 0; i < 3; ++i) f.broker.send(id, false, test::document(json));
  f.end(id, Failed::of({Errc::engine_unreachable, "Docker does not answer", ""}));
  CHECK(list->begun);
  CHECK(list->aborted);
  CHECK_FALSE(list->ended);
}

TEST_CASE("a client that leaves cancels a read, never a change") {
  Fixture f;
  const auto list = f.ask(Method::get, kContainers);
  f.verify();
  const auto id = f.command<ListContainers>().first;
  list->gone();
  CHECK(f.broker.expect<Cancel>().first == id);
  const auto stop = f.ask(Method::post, path("web", "stop"));
  const auto stop_id = f.command<StopContainer>().first;
  stop->gone();
  CHECK(f.broker.silent());
  f.end(stop_id, Done{});
  CHECK_FALSE(stop->responded);
}

TEST_CASE("a client that leaves before its command is sent has asked for nothing") {
  Fixture f;
  const auto stop = f.ask(Method::post, path("web", "stop"));
  stop->gone();
  f.verify();
  CHECK(f.broker.silent());
}

TEST_CASE("a connection is vouched for by a good token, and by nothing else") {
  Fixture f;
  CHECK_FALSE(f.ask(Method::get, {"api", "v1", "health"}, "", "Bearer " + test::token())->vouched);
  CHECK_FALSE(f.ask(Method::get, kContainers, "", "")->vouched);
  const auto refused = f.ask(Method::get, kContainers);
  f.end(f.broker.expect<VerifyToken>().first, Failed::of({Errc::unauthenticated, "", ""}));
  CHECK(refused->response.status == 401);
  CHECK_FALSE(refused->vouched);
  const auto unknown = f.ask(Method::get, {"nothing"});
  f.verify();
  CHECK(unknown->response.status == 404);
  CHECK(unknown->vouched);
}

TEST_CASE("H30 CORS: preflight without a token, headers on every answer") {
  Fixture f;
  HttpRequest request;
  request.method = Method::options;
  request.path = kContainers;
  request.origin = "http://localhost:8000";
  request.origin_listed = true;
  request.access_control_request_method = "POST";
  CHECK(f.ask(request)->response.status == 204);
  request.method = Method::get;
  const auto refused = f.ask(request);
  CHECK(refused->response.status == 401);
  CHECK(header(*refused, "Access-Control-Allow-Origin") == "http://localhost:8000");
  request.authorization = "Bearer " + test::token();
  request.peer = "192.0.2.1";
  const auto list = f.ask(request);
  f.verify();
  f.end(f.command<ListContainers>().first, Done{});
  CHECK(header(*list, "Access-Control-Allow-Origin") == "http://localhost:8000");
}
