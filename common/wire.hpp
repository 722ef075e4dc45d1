// SPDX-License-Identifier: Apache-2.0
// The codec of the channel: one template encodes and decodes every type that has fields(). Both
// sides; the decoder trusts nothing, re-parses every validated type and answers nullopt, which the
// caller must treat as a breach. Little-endian, u32 lengths, no floats, no recursion beyond the
// types' own.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#include "common/limits.hpp"

namespace dc::wire {

static_assert(std::endian::native == std::endian::little, "the codec copies integers as they are");

// Raw bytes inside a message: Engine JSON on its way to a client. At most one chunk.
struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};

class Writer {
 public:
  void raw(const void* data, std::size_t size) {
    out_.append(static_cast<const char*>(data), size);
  }
  template <std::unsigned_integral T>
  void integer(T value) {
    raw(&value, sizeof value);
  }
  void string(std::string_view text) {
    integer(static_cast<std::uint32_t>(text.size()));
    raw(text.data(), text.size());
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what a Writer wrote. After the first failure every further read fails.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::string_view> raw(std::size_t size) {
    if (broken_ || size > rest_.size()) {
      broken_ = true;
      return std::nullopt;
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  template <std::unsigned_integral T>
  std::optional<T> integer() {
    const auto bytes = raw(sizeof(T));
    if (!bytes) return std::nullopt;
    T value;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
  }
  std::optional<std::string_view> string() {
    const auto size = integer<std::uint32_t>();
    return size ? raw(*size) : std::nullopt;
  }
  // True when every byte was read and no read failed.
  [[nodiscard]] bool finished() const { return !broken_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

namespace detail {

struct AnyField {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor): only its existence is asked
};

template <class T, std::size_t... I>
consteval bool constructible_from(std::index_sequence<I...>) {
  return requires { T{((void)I, AnyField{})...}; };
}

// Number of members of an aggregate: the most initialisers that it takes.
template <class T, std::size_t N = 48>
consteval std::size_t member_count() {
  static_assert(N > 0, "not an aggregate, or one with more than 48 members");
  if constexpr (constructible_from<T>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return member_count<T, N - 1>();
  }
}

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_variant : std::false_type {};
template <class... T>
struct is_variant<std::variant<T...>> : std::true_type {};

}  // namespace detail

template <class T>
concept Aggregate = requires(T& value) {
  T::fields(value);
};

// A type with view() and a parse() that can refuse: decoding goes through parse, never around it.
template <class T>
concept Parsed = requires(const T& value, std::string_view text) {
  { value.view() } -> std::convertible_to<std::string_view>;
  { T::parse(text).has_value() } -> std::convertible_to<bool>;
};

template <class T>
void encode(Writer& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out.integer(static_cast<std::uint8_t>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    out.integer(value);
  } else if constexpr (std::signed_integral<T>) {
    out.integer(static_cast<std::make_unsigned_t<T>>(value));
  } else if constexpr (std::is_enum_v<T>) {
    out.integer(static_cast<std::uint8_t>(value));
  } else if constexpr (std::is_same_v<T, Blob>) {
    out.string(value.bytes);
  } else if constexpr (Parsed<T>) {
    out.string(value.view());
  } else if constexpr (detail::is_optional<T>::value) {
    encode(out, value.has_value());
    if (value) encode(out, *value);
  } else if constexpr (detail::is_vector<T>::value) {
    out.integer(static_cast<std::uint32_t>(value.size()));
    for (const auto& element : value) encode(out, element);
  } else if constexpr (detail::is_variant<T>::value) {
    out.integer(static_cast<std::uint8_t>(value.index()));
    std::visit([&](const auto& alternative) { encode(out, alternative); }, value);
  } else {
    static_assert(Aggregate<T>, "this type has no fields()");
    static_assert(std::is_final_v<T>,
                  "a message type is final, so that no overload takes another's");
    static_assert(std::tuple_size_v<decltype(T::fields(value))> == detail::member_count<T>(),
                  "fields() does not name every member");
    std::apply([&](const auto&... member) { (encode(out, member), ...); }, T::fields(value));
  }
}

template <class T>
std::optional<T> decode(Reader& in);

namespace detail {

template <class T>
std::optional<T> decode_vector(Reader& in) {
  const auto count = in.integer<std::uint32_t>();
  if (!count || *count > limits::kListElements) return std::nullopt;
  T list;
  for (std::uint32_t i = 0; i < *count; ++i) {
    auto element = decode<typename T::value_type>(in);
    if (!element) return std::nullopt;
    list.push_back(std::move(*element));
  }
  return list;
}

template <class V, std::size_t I = 0>
std::optional<V> decode_variant(Reader& in, std::size_t index) {
  if constexpr (I == std::variant_size_v<V>) {
    return std::nullopt;
  } else {
    if (index != I) return decode_variant<V, I + 1>(in, index);
    auto alternative = decode<std::variant_alternative_t<I, V>>(in);
    if (!alternative) return std::nullopt;
    return V(std::in_place_index<I>, std::move(*alternative));
  }
}

template <class T, class... Member>
std::optional<T> decode_members(Reader& in, const std::tuple<Member&...>*) {
  // Braces fix the order of evaluation: members are read in the order that fields() gives.
  std::tuple<std::optional<std::remove_cv_t<Member>>...> members{
      decode<std::remove_cv_t<Member>>(in)...};
  return std::apply(
      [](auto&... member) -> std::optional<T> {
        if (!(member.has_value() && ...)) return std::nullopt;
        return T{std::move(*member)...};
      },
      members);
}

}  // namespace detail

template <class T>
std::optional<T> decode(Reader& in) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto value = in.integer<std::uint8_t>();
    if (!value || *value > 1) return std::nullopt;
    return *value == 1;
  } else if constexpr (std::unsigned_integral<T>) {
    return in.integer<T>();
  } else if constexpr (std::signed_integral<T>) {
    const auto value = in.integer<std::make_unsigned_t<T>>();
    if (!value) return std::nullopt;
    return static_cast<T>(*value);
  } else if constexpr (std::is_enum_v<T>) {
    const auto value = in.integer<std::uint8_t>();
    if (!value || *value > static_cast<std::uint8_t>(enum_last(T{}))) return std::nullopt;
    return static_cast<T>(*value);
  } else if constexpr (std::is_same_v<T, Blob>) {
    const auto bytes = in.string();
    if (!bytes || bytes->size() > limits::kChunk) return std::nullopt;
    return Blob{std::string(*bytes)};
  } else if constexpr (Parsed<T>) {
    const auto text = in.string();
    if (!text) return std::nullopt;
    auto parsed = T::parse(*text);
    if (!parsed) return std::nullopt;
    return std::move(*parsed);
  } else if constexpr (detail::is_optional<T>::value) {
    const auto present = decode<bool>(in);
    if (!present) return std::nullopt;
    if (!*present) return T{};
    auto value = decode<typename T::value_type>(in);
    if (!value) return std::nullopt;
    return T(std::move(*value));
  } else if constexpr (detail::is_vector<T>::value) {
    return detail::decode_vector<T>(in);
  } else if constexpr (detail::is_variant<T>::value) {
    const auto index = in.integer<std::uint8_t>();
    if (!index) return std::nullopt;
    return detail::decode_variant<T>(in, *index);
  } else {
    using Members = decltype(T::fields(std::declval<T&>()));
    return detail::decode_members<T>(in, static_cast<const Members*>(nullptr));
  }
}

// --- frames ------------------------------------------------------------------------------------

// One datagram: 16 bytes of header, then the fields of one message of the variant Messages.
template <class Messages>
struct Frame {
  std::uint64_t id = 0;  // the request; 0 for messages that belong to none
  bool last = false;     // nothing more comes for this id
  Messages message;
};

inline constexpr std::uint16_t kMagic = 0x4443;
inline constexpr std::uint8_t kVersion = 1;

template <class Messages>
std::string encode_frame(std::uint64_t id, bool last, const Messages& message) {
  Writer out;
  out.integer(kMagic);
  out.integer(kVersion);
  out.integer(static_cast<std::uint8_t>(last));
  out.integer(std::uint32_t{0});
  out.integer(id);
  encode(out, message);
  return out.take();
}

// nullopt: not a frame that encode_frame could have made.
template <class Messages>
std::optional<Frame<Messages>> decode_frame(std::string_view bytes) {
  Reader in(bytes);
  const auto magic = in.integer<std::uint16_t>();
  const auto version = in.integer<std::uint8_t>();
  const auto last = decode<bool>(in);
  const auto reserved = in.integer<std::uint32_t>();
  const auto id = in.integer<std::uint64_t>();
  if (magic != kMagic || version != kVersion || !last || reserved != 0U || !id) return std::nullopt;
  auto message = decode<Messages>(in);
  if (!message || !in.finished()) return std::nullopt;
  return Frame<Messages>{*id, *last, std::move(*message)};
}

}  // namespace dc::wire
