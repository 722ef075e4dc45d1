// SPDX-License-Identifier: Apache-2.0
// daemon/broker_client against a broker's end that the test plays.
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "daemon/broker_client.hpp"
#include "daemon_fakes.hpp"

using namespace dc;
using namespace dc::daemon;
using dc::test::FakeBroker;
using dc::test::Loop;
using dc::test::Sample;

namespace {

struct Seen final : Replies {
  std::size_t parts = 0;
  std::optional<ToFront> end;
  std::function<void()> on_part;
  void part(ToFront) override {
    ++parts;
    if (on_part) on_part();
  }
  void last(ToFront message) override {
    CHECK_FALSE(end);
    end = std::move(message);
  }
  template <class Message>
  [[nodiscard]] bool ended_with() const {
    return end && std::holds_alternative<Message>(*end);
  }
};

struct Fixture {
  Fixture() : Fixture(*Channel::make_pair()) {}
  explicit Fixture(std::pair<Fd, Fd> ends)
      : broker(std::move(ends.second)),
        client(&loop.loop, Channel(std::move(ends.first)),
               {.policy = [this](policy::Snapshot snapshot) { policy = std::move(snapshot); },
                .status = [this](const EngineStatus& now) { status = now; },
                .drain = [this] { drained = true; },
                .lost = [this](std::string_view why) { lost = why; }}) {}

  std::uint64_t submit(const std::shared_ptr<Seen>& seen,
                       std::chrono::milliseconds deadline = std::chrono::seconds(10)) {
    return client.request(
        Submit{{1, 2}, Text<64>::clip("192.0.2.1"), Sample<StopContainer>::make()}, seen, deadline);
  }

  Loop loop;
  FakeBroker broker;
  policy::Snapshot policy;
  EngineStatus status;
  bool drained = false;
  std::string lost;
  BrokerClient client;
};

Chunk chunk() { return Chunk{wire::Blob{"x"}}; }

}  // namespace

TEST_CASE("requests are numbered upwards and answered out of order") {
  Fixture f;
  const auto first = std::make_shared<Seen>(), second = std::make_shared<Seen>();
  CHECK(f.submit(first) == 1);
  CHECK(f.submit(second) == 2);
  CHECK(f.broker.expect<Submit>().first == 1);
  CHECK(f.broker.expect<Submit>().first == 2);
  f.broker.send(2, true, Done{});
  f.broker.send(1, false, chunk());
  f.broker.send(1, true, Failed::of({Errc::not_found, "no", ""}));
  f.loop.turn();
  CHECK(second->ended_with<Done>());
  CHECK(first->parts == 1);
  CHECK(first->ended_with<Failed>());
}

TEST_CASE("credit and cancel concern open requests only") {
  Fixture f;
  const auto seen = std::make_shared<Seen>();
  const auto id = f.submit(seen);
  (void)f.broker.expect<Submit>();
  f.client.credit(id, 3);
  CHECK(f.broker.expect<Credit>().second.frames == 3);
  f.client.credit(id, 0);
  f.client.cancel(id);
  CHECK(f.broker.expect<Cancel>().first == id);
  f.client.credit(id, 1);
  f.client.cancel(id);
  f.client.cancel(77);
  CHECK(f.broker.silent());
  // What was on its way when the request was cancelled means nothing.
  f.broker.send(id, false, chunk());
  f.broker.send(id, true, Done{});
  f.loop.turn();
  CHECK(seen->parts == 0);
  CHECK_FALSE(seen->end);
  CHECK(f.lost.empty());
}

TEST_CASE("a request may be cancelled from within its own reply") {
  Fixture f;
  const auto seen = std::make_shared<Seen>();
  const auto id = f.submit(seen);
  seen->on_part = [&] { f.client.cancel(id); };
  f.broker.send(id, false, chunk());
  f.broker.send(id, false, chunk());
  f.loop.turn();
  CHECK(seen->parts == 1);
}

TEST_CASE("the front's own deadline is a safety net") {
  Fixture f;
  const auto seen = std::make_shared<Seen>();
  const auto id = f.submit(seen, std::chrono::milliseconds(1));
  while (!seen->end) uv_run(&f.loop.loop, UV_RUN_ONCE);
  REQUIRE(seen->ended_with<Failed>());
  CHECK(std::get<Failed>(*seen->end).code == Errc::deadline_exceeded);
  f.broker.expect<Submit>();
  CHECK(f.broker.expect<Cancel>().first == id);  // the broker need not keep its place
  f.broker.send(id, true, Done{});               // too late
  f.loop.turn();
  CHECK(f.lost.empty());
}

TEST_CASE("the deadline counts from the last part or credit, and not while credit is owed") {
  Fixture f;
  const auto slow = std::make_shared<Seen>(), other = std::make_shared<Seen>();
  const auto id = f.submit(slow, std::chrono::milliseconds(1));
  for (std::uint32_t i = 0; i < limits::kCredits; ++i) f.broker.send(id, false, chunk());
  f.loop.turn();
  CHECK(slow->parts == limits::kCredits);
  // Two looks at the deadlines: this one's would be over at the first.
  const auto sweep = [&] {
    other->end.reset();
    f.submit(other, std::chrono::milliseconds(1));
    while (!other->end) uv_run(&f.loop.loop, UV_RUN_ONCE);
  };
  sweep();
  sweep();
  CHECK_FALSE(slow->end);
  f.client.credit(id, 1);
  sweep();
  REQUIRE(slow->ended_with<Failed>());
  CHECK(std::get<Failed>(*slow->end).code == Errc::deadline_exceeded);
}

TEST_CASE("frames that no honest broker sends end the channel") {
  const auto lost_after = [](auto&& act) {
    Fixture f;
    const auto seen = std::make_shared<Seen>();
    f.submit(seen);
    act(f.broker);
    f.loop.turn();
    return !f.lost.empty();
  };
  CHECK(lost_after([](FakeBroker& b) { b.send_raw("garbage"); }));
  CHECK(lost_after([](FakeBroker& b) { b.send(2, true, Done{}); }));   // never asked
  CHECK(lost_after([](FakeBroker& b) { b.send(1, false, Done{}); }));  // an end that is none
  CHECK(lost_after([](FakeBroker& b) { b.send(1, true, EngineStatus{}); }));
  CHECK(lost_after([](FakeBroker& b) { b.send(0, false, Welcome{}); }));  // a second one
  CHECK(lost_after([](FakeBroker& b) { b.send(0, false, Done{}); }));
  CHECK(lost_after([](FakeBroker& b) { b.send(0, false, PolicyProfile{1, 9999, {}}); }));
  CHECK(lost_after([](FakeBroker& b) { b.send(0, false, PolicyProfile{1, 1, {}}); }));
  CHECK(lost_after([](FakeBroker& b) { FakeBroker gone(std::move(b)); }));
  CHECK_FALSE(lost_after([](FakeBroker& b) { b.send(1, true, Done{}); }));
}

TEST_CASE("a policy is taken when it is whole") {
  Fixture f;
  policy::Profile profile{test::parsed<ServiceName>("a"),      {}, {}, {}, {}, false,
                          test::parsed<IpAddress>("127.0.0.1")};
  f.broker.send(0, false, PolicyProfile{7, 2, profile});
  f.loop.turn();
  CHECK_FALSE(f.policy);
  profile.service = test::parsed<ServiceName>("b");
  f.broker.send(0, false, PolicyProfile{7, 2, profile});
  f.loop.turn();
  REQUIRE(f.policy);
  CHECK(f.policy->profiles.size() == 2);
  f.broker.send(0, false, PolicyProfile{8, 0, std::nullopt});
  f.broker.send(0, false, EngineStatus{EngineState::up, DiskState::low, true});
  f.broker.send(0, false, Drain{});
  f.loop.turn();
  CHECK(f.policy->profiles.empty());
  CHECK(f.status.engine == EngineState::up);
  CHECK(f.drained);
  CHECK(f.lost.empty());
}

TEST_CASE("what the socket does not take is sent later, in order") {
  Fixture f;
  const auto seen = std::make_shared<Seen>();
  constexpr std::uint64_t kMany = 3000;
  for (std::uint64_t i = 1; i <= kMany; ++i) CHECK(f.submit(seen) == i);
  std::uint64_t next = 1;
  while (next <= kMany) {
    while (auto frame = f.broker.receive()) CHECK(frame->id == next++);
    f.loop.turn();
  }
}

TEST_CASE("a message over one frame is not sent") {
  Fixture f;
  RunContainer run = Sample<RunContainer>::make();
  const auto big = test::parsed<Argument>(std::string(limits::kArgumentBytes, 'a'));
  run.command = {big, big, big};
  CHECK(f.client.request(Submit{{1, 2}, {}, std::move(run)}, std::make_shared<Seen>(),
                         std::chrono::seconds(1)) == 0);
  CHECK(f.broker.silent());
  CHECK(f.submit(std::make_shared<Seen>()) == 1);
}

TEST_CASE("greet exchanges Hello for Welcome") {
  auto ends = Channel::make_pair();
  Channel front(std::move(ends->first));
  FakeBroker broker(std::move(ends->second));
  broker.send(0, false, Welcome{false, true, 100, 10, {}, {}});
  const auto welcome = greet(front);
  REQUIRE(welcome);
  CHECK_FALSE(welcome->policy_check);
  CHECK(welcome->dev);
  CHECK(broker.expect<Hello>().second.pid != 0);
  broker.send(0, false, Drain{});
  CHECK_FALSE(greet(front));
  { const FakeBroker gone(std::move(broker)); }
  CHECK_FALSE(greet(front));
}
