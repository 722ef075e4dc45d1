// SPDX-License-Identifier: Apache-2.0
// The whole application between a fake HTTP layer and a fake broker.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "daemon/application.hpp"
#include "daemon_fakes.hpp"

namespace dc::test {

inline policy::Snapshot some_policy(Scopes scopes) {
  policy::Profile profile{parsed<ServiceName>("tt_studio_backend"),
                          scopes,
                          {*policy::ImagePattern::parse("alpine:")},
                          {parsed<NetworkName>("bridge")},
                          {{8000, 8100}},
                          true,
                          parsed<IpAddress>("127.0.0.1")};
  policy::Policy policy;
  policy.profiles.emplace("tt_studio_backend", std::move(profile));
  return std::make_shared<const policy::Policy>(std::move(policy));
}

// The application with a policy that allows what the tests ask for.
struct Fixture {
  explicit Fixture(const Welcome& welcome = {}) : Fixture(*Channel::make_pair(), welcome) {}
  Fixture(std::pair<Fd, Fd> ends, const Welcome& welcome)
      : broker(std::move(ends.second)),
        client(&loop.loop, Channel(std::move(ends.first)),
               {[](policy::Snapshot) {}, [](const EngineStatus&) {}, [] {},
                [this](std::string_view why) { lost = why; }}),
        application(&loop.loop, client, welcome, metrics) {
    application.use_policy(some_policy(*parse_scope("containers:*")));
  }

  std::shared_ptr<Answer> ask(daemon::Method method, std::vector<std::string> path,
                              std::string body = "",
                              const std::string& authorization = "Bearer " + token()) {
    daemon::HttpRequest request;
    request.method = method;
    request.path = std::move(path);
    request.peer = "192.0.2.1";
    if (!authorization.empty()) request.authorization = authorization;
    if (!body.empty()) request.content_type = "application/json";
    return ask(std::move(request), std::move(body));
  }
  std::shared_ptr<Answer> ask(daemon::HttpRequest request, std::string body = "") {
    auto answer = std::make_shared<Answer>();
    application.handle(std::make_shared<FakeExchange>(std::move(request), std::move(body), answer));
    return answer;
  }
  void verify(Scopes scopes = *parse_scope("containers:*"), std::uint32_t lifetime = 60000) {
    const auto [id, message] = broker.expect<VerifyToken>();
    CHECK(message.peer.view() == "192.0.2.1");
    broker.send(
        id, true,
        TokenVerified{{++handles, 0}, parsed<ServiceName>("tt_studio_backend"), scopes, lifetime});
    loop.turn();
  }
  // The next command, from a caller whose token is verified where that is asked for.
  template <class X>
  std::pair<std::uint64_t, X> command() {
    auto [id, submit] = broker.expect<Submit>();
    CHECK(submit.handle.high == handles);
    REQUIRE(std::holds_alternative<X>(submit.command));
    return {id, std::get<X>(std::move(submit.command))};
  }
  void end(std::uint64_t id, const ToFront& message) {
    broker.send(id, true, message);
    loop.turn();
  }

  Loop loop;
  FakeBroker broker;
  std::string lost;
  daemon::BrokerClient client;
  daemon::Metrics metrics;
  daemon::Application application;
  std::uint64_t handles = 0;
};

inline const std::vector<std::string> kContainers = {"api", "v1", "containers"};
inline std::vector<std::string> path(std::string_view id, std::string_view verb = "") {
  auto out = kContainers;
  out.emplace_back(id);
  if (!verb.empty()) out.emplace_back(verb);
  return out;
}

inline std::string header(const Answer& answer, std::string_view name) {
  for (const auto& header : answer.response.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

}  // namespace dc::test
