// SPDX-License-Identifier: Apache-2.0
// The codec on small types of its own; invariants_test.cpp walks the real messages.
#include "common/wire.hpp"
#include <doctest/doctest.h>
#include "common/image_ref.hpp"
#include "common/types.hpp"

using dc::wire::Blob;
using dc::wire::Reader;
using dc::wire::Writer;

namespace {

enum class Colour : std::uint8_t { red, green };
constexpr Colour enum_last(Colour) { return Colour::green; }

struct Sample final {
  bool flag = false;
  std::uint16_t small = 0;
  std::int64_t negative = 0;
  Colour colour = Colour::red;
  std::optional<std::uint32_t> maybe;
  std::vector<dc::ContainerName> names;
  static constexpr auto fields = [](auto& self) {
    return std::tie(self.flag, self.small, self.negative, self.colour, self.maybe, self.names);
  };
};

using Messages = std::variant<Sample, Blob>;

template <class T>
std::string encoded(const T& value) {
  Writer out;
  dc::wire::encode(out, value);
  return out.take();
}

template <class T>
std::optional<T> decoded(std::string_view bytes) {
  Reader in(bytes);
  auto value = dc::wire::decode<T>(in);
  return in.finished() ? std::move(value) : std::nullopt;
}

Sample sample() { return {true, 0x0102, -2, Colour::green, 7U, {*dc::ContainerName::parse("ab")}}; }

}  // namespace

TEST_CASE("the layout is little-endian, packed, with u32 lengths") {
  const std::string expected(
      "\x01"                              // flag
      "\x02\x01"                          // small
      "\xfe\xff\xff\xff\xff\xff\xff\xff"  // negative
      "\x01"                              // colour
      "\x01\x07\0\0\0"                    // maybe
      "\x01\0\0\0\x02\0\0\0ab",           // names
      27);
  CHECK(encoded(sample()) == expected);
}

TEST_CASE("a value survives the round trip") {
  const auto back = decoded<Sample>(encoded(sample()));
  REQUIRE(back.has_value());
  CHECK(encoded(*back) == encoded(sample()));
}

TEST_CASE("values outside their type are refused") {
  CHECK_FALSE(decoded<bool>("\x02").has_value());
  CHECK_FALSE(decoded<Colour>("\x02").has_value());
  CHECK_FALSE(decoded<std::optional<bool>>("\x02").has_value());
  CHECK_FALSE(decoded<Messages>("\x02").has_value());
  CHECK_FALSE(decoded<dc::ContainerName>(std::string("\x02\0\0\0/x", 6)).has_value());
  CHECK_FALSE(decoded<dc::ImageRef>(std::string("\x03\0\0\0a b", 7)).has_value());
}

TEST_CASE("a length beyond the bytes, the list cap or the chunk cap is refused") {
  CHECK_FALSE(decoded<Blob>(std::string("\xff\xff\xff\xff", 4)).has_value());
  CHECK_FALSE(decoded<std::vector<bool>>(std::string("\xff\xff\xff\xff", 4)).has_value());
  CHECK(decoded<std::vector<bool>>(encoded(std::vector<bool>())).has_value());
  std::vector<std::uint8_t> most(dc::limits::kListElements);
  CHECK(decoded<std::vector<std::uint8_t>>(encoded(most)).has_value());
  most.push_back(0);
  CHECK_FALSE(decoded<std::vector<std::uint8_t>>(encoded(most)).has_value());
  CHECK(decoded<Blob>(encoded(Blob{std::string(dc::limits::kChunk, 'x')})).has_value());
  CHECK_FALSE(decoded<Blob>(encoded(Blob{std::string(dc::limits::kChunk + 1, 'x')})).has_value());
}

TEST_CASE("a reader that failed once fails for ever") {
  Reader in("\x01");
  CHECK_FALSE(in.integer<std::uint32_t>().has_value());
  CHECK_FALSE(in.integer<std::uint8_t>().has_value());
  CHECK_FALSE(in.finished());
}

TEST_CASE("a frame carries id and last, and its header is checked byte by byte") {
  const std::string good = dc::wire::encode_frame<Messages>(9, true, sample());
  const auto frame = dc::wire::decode_frame<Messages>(good);
  REQUIRE(frame.has_value());
  CHECK(frame->id == 9);
  CHECK(frame->last);
  CHECK(std::holds_alternative<Sample>(frame->message));
  for (std::size_t i = 0; i < 8; ++i) {  // magic, version, last, reserved
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    CAPTURE(i);
    CHECK_FALSE(dc::wire::decode_frame<Messages>(bad).has_value());
  }
  CHECK_FALSE(dc::wire::decode_frame<Messages>(good + '\0').has_value());
  CHECK_FALSE(dc::wire::decode_frame<Messages>("").has_value());
}
