// SPDX-License-Identifier: Apache-2.0
#include "broker/ledger.hpp"
#include <doctest/doctest.h>
#include "tests/unit/samples.hpp"

using namespace dc;
using broker::Holding;
using broker::Ledger;

namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

policy::Profile profile_of(std::uint32_t containers) {
  auto profile = test::sample_profile();
  profile.quota = {containers, 4 * kGiB, 4'000'000'000, 4, 2, 1, 1};
  return profile;
}

Holding one(std::uint64_t memory = kGiB, std::vector<std::string> devices = {}) {
  return {test::parsed<ServiceName>(test::kService),
          1,
          0,
          true,
          memory,
          1'000'000'000,
          1,
          std::move(devices)};
}

Errc refusal(const Result<void>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().code;
}

}  // namespace

TEST_CASE("holds_text and read_holds are each other's inverse") {
  const Holding holding = one(123, {"/dev/a/0", "/dev/a/1"});
  Holding back{holding.service};
  broker::read_holds(broker::holds_text(holding), back);
  CHECK(broker::holds_text(back) == broker::holds_text(holding));
  CHECK(back.memory == 123);
  CHECK(back.devices == holding.devices);
}

TEST_CASE("a label of somebody's making holds what can be read and never fails") {
  for (const char* text : {"", " ", "=", "memory", "memory=", "memory=x", "memory=-1", "a=b c=d",
                           "memory=99999999999999999999999"}) {
    Holding holding{test::parsed<ServiceName>("a")};
    broker::read_holds(text, holding);
    CHECK(holding.memory == 0);
    CHECK(holding.devices.empty());
  }
}

TEST_CASE("each sum of the quota is exact at its edge") {
  const auto profile = profile_of(3);
  for (const auto& [fits, over] : std::vector<std::pair<Holding, Holding>>{
           {{one().service, 1, 0, true, 3 * kGiB, 0, 0, {}},
            {one().service, 1, 0, true, 3 * kGiB + 1, 0, 0, {}}},
           {{one().service, 1, 0, true, 0, 3'000'000'000, 0, {}},
            {one().service, 1, 0, true, 0, 3'000'000'001, 0, {}}},
           {{one().service, 1, 0, true, 0, 0, 3, {}}, {one().service, 1, 0, true, 0, 0, 4, {}}},
           {{one().service, 0, 2, true, 0, 0, 0, {}}, {one().service, 0, 3, true, 0, 0, 0, {}}},
       }) {
    Ledger ledger;
    REQUIRE(ledger.take("first", one(), profile).has_value());
    CHECK(refusal(ledger.take("second", over, profile)) == Errc::quota_exceeded);
    CHECK(ledger.take("second", fits, profile).has_value());
  }
}

TEST_CASE("a refusal names the key, the figures and the value that would do") {
  Ledger ledger;
  REQUIRE(ledger.take("a", one(3 * kGiB), profile_of(9)).has_value());
  const auto refused = ledger.take("b", one(2 * kGiB), profile_of(9));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail ==
        "The service's quota of memory is used up: 3g held, 2g asked for, 4g allowed");
  CHECK(refused.error().rule == "quota.memory");
  CHECK(refused.error().wanted == "\"5g\"");
  CHECK(refused.error().hint.find("[service.tt_studio_backend]") != std::string::npos);
}

TEST_CASE("an amount that overflows the sum is refused") {
  Ledger ledger;
  REQUIRE(ledger.take("a", one(), profile_of(9)).has_value());
  CHECK(refusal(ledger.take("b", one(~0ULL), profile_of(9))) == Errc::quota_exceeded);
}

TEST_CASE("services do not share a quota") {
  Ledger ledger;
  const auto profile = profile_of(1);
  REQUIRE(ledger.take("a", one(), profile).has_value());
  auto other = one();
  other.service = test::parsed<ServiceName>("other");
  CHECK(ledger.take("b", other, profile).has_value());
  CHECK(refusal(ledger.take("c", one(), profile)) == Errc::quota_exceeded);
}

TEST_CASE(
    "what is being made counts although no list shows it, and after it only what a list shows") {
  Ledger ledger;
  const auto profile = profile_of(1);
  const auto before = ledger.now();
  REQUIRE(ledger.take("a", one(), profile).has_value());
  ledger.reconcile(before, {});        // asked for before it was made
  ledger.reconcile(ledger.now(), {});  // it is still being made
  CHECK(refusal(ledger.take("b", one(), profile)) == Errc::quota_exceeded);
  const auto meanwhile = ledger.now();
  ledger.settle("a");
  ledger.reconcile(meanwhile, {});  // could not know of it
  CHECK(refusal(ledger.take("b", one(), profile)) == Errc::quota_exceeded);
  ledger.reconcile(ledger.now(), {});  // would have shown it
  CHECK(ledger.take("b", one(), profile).has_value());
}

TEST_CASE("a list that is older than the last one brings nothing back") {
  Ledger ledger;
  const auto profile = profile_of(1);
  const auto older = ledger.now();
  ledger.reconcile(ledger.now(), {});
  ledger.reconcile(older, {{"gone", one()}});
  CHECK(ledger.take("a", one(), profile).has_value());
}

TEST_CASE("a new ledger learns from the first list") {
  Ledger ledger;
  ledger.reconcile(ledger.now(), {{"a", one()}});
  CHECK(refusal(ledger.take("b", one(), profile_of(1))) == Errc::quota_exceeded);
  CHECK(ledger.take("a", one(), profile_of(1)).has_value());  // itself, started again
}

TEST_CASE("what does not run counts as a container and holds nothing else") {
  Ledger ledger;
  auto ended = one(4 * kGiB, {"/dev/a/0"});
  ended.live = false;
  ledger.reconcile(ledger.now(), {{"ended", ended}});
  auto profile = profile_of(2);
  profile.exclusive_devices = true;
  CHECK(ledger.take("b", one(4 * kGiB, {"/dev/a/0"}), profile).has_value());
  CHECK(refusal(ledger.take("ended", one(1), profile)) == Errc::quota_exceeded);  // cannot start
}

TEST_CASE("an exclusive device has one holder, whosever it is") {
  Ledger ledger;
  auto profile = profile_of(9);
  profile.exclusive_devices = true;
  auto other = one(1, {"/dev/a/0"});
  other.service = test::parsed<ServiceName>("other");
  ledger.reconcile(ledger.now(), {{"x", other}});
  CHECK(refusal(ledger.take("b", one(1, {"/dev/a/0"}), profile)) == Errc::conflict);
  CHECK(ledger.take("b", one(1, {"/dev/a/1"}), profile).has_value());
  profile.exclusive_devices = false;
  CHECK(ledger.take("c", one(1, {"/dev/a/0"}), profile).has_value());
  CHECK(refusal(ledger.take("d", one(1, {"/dev/a/1"}), profile)) == Errc::conflict);  // b's alone
}

TEST_CASE("what the Engine starts by itself counts whatever its state") {
  Holding holding = one();
  holding.restarts = true;
  holding.exclusive = true;
  Holding back{holding.service};
  broker::read_holds(broker::holds_text(holding), back);
  CHECK(back.restarts);
  CHECK(back.exclusive);
}

TEST_CASE("two that work on one container hold its place until both are done") {
  Ledger ledger;
  const auto profile = profile_of(1);
  REQUIRE(ledger.take("a", one(), profile).has_value());
  REQUIRE(ledger.take("a", one(), profile).has_value());
  ledger.settle("a");
  ledger.reconcile(ledger.now(), {});
  CHECK(refusal(ledger.take("b", one(), profile)) == Errc::quota_exceeded);
  ledger.release("a");
  CHECK(ledger.take("b", one(), profile).has_value());
}

TEST_CASE("a list of one service says nothing of others") {
  Ledger ledger;
  auto other = one();
  other.service = test::parsed<ServiceName>("other");
  ledger.reconcile(ledger.now(), {{"a", one()}, {"x", other}});
  ledger.reconcile(ledger.now(), {}, &other.service);
  CHECK(refusal(ledger.take("b", one(), profile_of(1))) == Errc::quota_exceeded);
  CHECK(ledger.take("y", other, profile_of(1)).has_value());
}

TEST_CASE("what is released leaves room at once") {
  Ledger ledger;
  REQUIRE(ledger.take("a", one(), profile_of(1)).has_value());
  ledger.release("a");
  CHECK(ledger.take("b", one(), profile_of(1)).has_value());
}
