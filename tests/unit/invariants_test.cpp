// SPDX-License-Identifier: Apache-2.0
// What holds for every command and every message, including those that nobody has written yet.
#include <doctest/doctest.h>
#include <random>
#include <set>
#include "policy/authorize.hpp"
#include "tests/unit/samples.hpp"

using namespace dc;
using test::encoded;

namespace {

// Calls visit(bytes, decode) with the frame of every sample; decode(bytes) gives the re-encoded
// frame, or nullopt.
template <class Messages, class Visit>
void for_each_frame_of(Visit visit) {
  const auto recode = [](std::string_view bytes) -> std::optional<std::string> {
    const auto frame = wire::decode_frame<Messages>(bytes);
    if (!frame) return std::nullopt;
    return wire::encode_frame<Messages>(frame->id, frame->last, frame->message);
  };
  test::for_each_sample<Messages>([&](auto message) {
    visit(wire::encode_frame<Messages>(77, true, Messages(std::move(message))), recode);
  });
}

// Every message in both directions, and every command in a Submit.
template <class Visit>
void for_each_frame(Visit visit) {
  for_each_frame_of<ToBroker>(visit);
  for_each_frame_of<ToFront>(visit);
  const auto recode = [](std::string_view bytes) -> std::optional<std::string> {
    const auto frame = wire::decode_frame<ToBroker>(bytes);
    if (!frame) return std::nullopt;
    return wire::encode_frame<ToBroker>(frame->id, frame->last, frame->message);
  };
  test::for_each_sample<Command>([&](auto command) {
    Submit submit{{1, 2}, test::parsed<Text<64>>("127.0.0.1:5"), Command(std::move(command))};
    visit(wire::encode_frame<ToBroker>(78, true, ToBroker(std::move(submit))), recode);
  });
}

}  // namespace

TEST_CASE("every frame fits the channel and survives the round trip") {
  for_each_frame([](const std::string& bytes, auto recode) {
    CHECK(bytes.size() <= limits::kFrame);
    CHECK(recode(bytes) == bytes);
  });
}

TEST_CASE("every frame cut at any byte is refused") {
  for_each_frame([](const std::string& bytes, auto recode) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      if (recode(std::string_view(bytes).substr(0, size))) FAIL("accepted, cut at ", size);
    }
  });
}

TEST_CASE("every frame with a byte left over is refused") {
  for_each_frame([](const std::string& bytes, auto recode) {
    CHECK_FALSE(recode(bytes + '\0'));
    CHECK_FALSE(recode(bytes + "x"));
  });
}

TEST_CASE("a frame with one byte changed is refused or means something valid") {
  for_each_frame([](const std::string& bytes, auto recode) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (unsigned mask : {0x01U, 0x02U, 0x20U, 0x80U, 0xffU}) {
        std::string changed = bytes;
        changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ mask);
        const auto again = recode(changed);
        if (again && recode(*again) != again) FAIL("unstable after a change at ", i);
      }
    }
  });
}

TEST_CASE("random bytes after a good header are refused or mean something valid") {
  std::mt19937 random(20240607);
  for_each_frame([&](const std::string& bytes, auto recode) {
    for (int round = 0; round < 200; ++round) {
      std::string noise = bytes;
      for (std::size_t i = 16; i < noise.size(); ++i) {
        if (random() % 4 == 0) noise[i] = static_cast<char>(random());
      }
      const auto again = recode(noise);
      if (again && recode(*again) != again) FAIL("unstable");
    }
  });
}

TEST_CASE("every command is denied by the empty policy") {
  const auto empty = std::make_shared<const policy::Policy>();
  test::for_each_sample<Command>([&](auto command) {
    const auto allowed = policy::authorize(std::move(command), test::sample_caller(), empty);
    REQUIRE_FALSE(allowed.has_value());
    CHECK(allowed.error().code == Errc::scope_denied);
    CHECK(allowed.error().hint.find("[service.tt_studio_backend]") != std::string::npos);
  });
}

TEST_CASE("every command is denied by a profile without scopes") {
  auto profile = test::sample_profile();
  profile.scopes = {};
  const auto snapshot = test::snapshot_of(profile);
  test::for_each_sample<Command>([&](auto command) {
    const auto allowed = policy::authorize(std::move(command), test::sample_caller(), snapshot);
    REQUIRE_FALSE(allowed.has_value());
    CHECK(allowed.error().code == Errc::scope_denied);
  });
}

TEST_CASE("every command is denied to a token whose claim leaves its scope out") {
  const auto snapshot = test::snapshot_of(test::sample_profile());
  test::for_each_sample<Command>([&](auto command) {
    auto caller = test::sample_caller();
    caller.scopes.bits &= ~(1U << static_cast<unsigned>(command.kScope));
    const auto allowed = policy::authorize(std::move(command), caller, snapshot);
    REQUIRE_FALSE(allowed.has_value());
    CHECK(allowed.error().code == Errc::scope_denied);
    CHECK(allowed.error().hint.find("token") != std::string::npos);
  });
}

TEST_CASE("every sample is allowed by the sample profile, and checking it again changes nothing") {
  const auto snapshot = test::snapshot_of(test::sample_profile());
  test::for_each_sample<Command>([&](auto command) {
    const auto once = policy::authorize(std::move(command), test::sample_caller(), snapshot);
    REQUIRE(once.has_value());
    CHECK(once->service().view() == test::kService);
    CHECK(&once->profile() == snapshot->find(test::kService));
    const auto twice = policy::authorize(once->command(), test::sample_caller(), snapshot);
    REQUIRE(twice.has_value());
    CHECK(encoded(twice->command()) == encoded(once->command()));
  });
}

TEST_CASE("every command has a name of its own") {
  std::set<std::string_view> names;
  test::for_each_sample<Command>([&](const auto& command) { names.insert(command.kName); });
  CHECK(names.size() == std::variant_size_v<Command>);
}
