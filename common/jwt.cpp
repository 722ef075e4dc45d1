// SPDX-License-Identifier: Apache-2.0
// The shape of a token: segments, alphabet, header. Both sides; runs before any signature is
// checked, so it is small, allocates little and reads no JSON but a header of three known members
// without escapes.
#include "common/jwt.hpp"
#include <algorithm>
#include <array>
#include "common/limits.hpp"

namespace dc::jwt {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr auto kDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return digits;
}();
constexpr std::int8_t digit_of(char c) { return kDigits[static_cast<unsigned char>(c)]; }
constexpr std::size_t encoded_size(std::size_t bytes) { return (bytes * 4 + 2) / 3; }

// Reads {"name":"value",...} of printable ASCII. No value that we accept needs an escape, so a
// backslash is refused, and with it every second spelling of a member.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view json) : rest_(json) {}

  bool take(char expected) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string_view> string() {
    if (!take('"')) return std::nullopt;
    const std::size_t size = rest_.find('"');
    if (size == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(0, size);
    for (char c : text) {
      if (c < 0x20 || c > 0x7e || c == '\\') return std::nullopt;
    }
    rest_.remove_prefix(size + 1);
    return text;
  }
  [[nodiscard]] bool finished() const {
    return rest_.find_first_not_of(" \t\r\n") == std::string_view::npos;
  }

 private:
  std::string_view rest_;
};

struct Header {
  std::optional<std::string_view> alg, typ, kid;
};

// nullopt also for jku, x5u, x5c, jwk, x5t, b64, zip, enc, cty, crit: we support none of them, and
// one that is ignored is a hole.
std::optional<Header> read_header(std::string_view json) {
  HeaderReader in(json);
  Header header;
  if (!in.take('{')) return std::nullopt;
  do {
    const auto name = in.string();
    if (!name || !in.take(':')) return std::nullopt;
    const auto value = in.string();
    auto* const member = *name == "alg"   ? &header.alg
                         : *name == "typ" ? &header.typ
                         : *name == "kid" ? &header.kid
                                          : nullptr;
    if (!value || member == nullptr || *member) return std::nullopt;
    *member = value;
  } while (in.take(','));
  if (!in.take('}') || !in.finished()) return std::nullopt;
  return header;
}

// The one list of algorithms, in the order of the enum.
constexpr std::array<std::string_view, 4> kAlgorithms = {"HS256", "ES256", "EdDSA", "RS256"};
static_assert(kAlgorithms.size() == static_cast<std::size_t>(enum_last(Algorithm{})) + 1);

// Media type names are case-insensitive; `expected` is in lower case.
bool is_type(std::string_view typ, std::string_view expected) {
  return std::equal(typ.begin(), typ.end(), expected.begin(), expected.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
  });
}

auto refuse(std::string_view reason) { return fail(Errc::unauthenticated, std::string(reason)); }

}  // namespace

Result<Unverified> parse_token(std::string_view token) {
  if (token.size() > limits::kToken) return refuse("token is too long");
  constexpr auto kNone = std::string_view::npos;
  const std::size_t first = token.find('.');
  const std::size_t second = first == kNone ? kNone : token.find('.', first + 1);
  if (second == kNone || token.find('.', second + 1) != kNone) return refuse("not three segments");
  const auto head = token.substr(0, first);
  const auto body = token.substr(first + 1, second - first - 1);
  const auto tail = token.substr(second + 1);
  if (head.empty() || body.empty() || tail.empty()) return refuse("empty segment");
  if (head.size() > encoded_size(limits::kTokenHeader)) return refuse("header is too long");
  if (body.size() > encoded_size(limits::kTokenClaims)) return refuse("claims are too long");

  const auto json = decode_base64url(head);
  auto payload = decode_base64url(body);
  auto signature = decode_base64url(tail);
  if (!json || !payload || !signature) return refuse("not canonical base64url");
  const auto header = read_header(*json);
  if (!header) return refuse("malformed header or unsupported member");
  const auto algorithm = parse_algorithm(header->alg.value_or(""));
  if (!algorithm) return refuse("unsupported algorithm");
  const bool access_token = header->typ && is_type(*header->typ, "at+jwt");
  if (header->typ && !access_token && !is_type(*header->typ, "jwt")) {
    return refuse("unsupported type");
  }
  if (header->kid && !is_key_id(*header->kid)) return refuse("malformed key id");
  return Unverified{token.substr(0, second),
                    std::move(*payload),
                    std::move(*signature),
                    *algorithm,
                    std::optional<std::string>(header->kid),
                    access_token};
}

std::string_view algorithm_name(Algorithm algorithm) {
  return kAlgorithms.at(static_cast<std::size_t>(algorithm));
}

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  const auto* const found = std::find(kAlgorithms.begin(), kAlgorithms.end(), name);
  if (found == kAlgorithms.end()) return std::nullopt;
  return static_cast<Algorithm>(found - kAlgorithms.begin());
}

bool is_key_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || digit_of(c) >= 0; });
}

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes(text.size() * 3 / 4, '\0');
  auto out = bytes.begin();
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (char c : text) {
    const std::int8_t digit = digit_of(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    *out++ = static_cast<char>(bits >> held);
    bits &= (1U << held) - 1;
  }
  // Bits left over must be zero, else several texts would spell the same bytes.
  if (bits != 0) return std::nullopt;
  return bytes;
}

std::string encode_base64url(std::string_view bytes) {
  std::string text;
  text.reserve(encoded_size(bytes.size()));
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (char c : bytes) {
    bits = ((bits << 8U) | static_cast<unsigned char>(c)) & 0xFFFFU;
    for (held += 8; held >= 6; held -= 6) text.push_back(kAlphabet[(bits >> (held - 6)) & 63U]);
  }
  if (held > 0) text.push_back(kAlphabet[(bits << (6 - held)) & 63U]);
  return text;
}

}  // namespace dc::jwt
