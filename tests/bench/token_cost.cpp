// SPDX-License-Identifier: Apache-2.0
// What the check of a token costs, in processor time, and whether the time of a wrong MAC tells how
// much of it was right. Prints one "NAME VALUE" a line: microseconds a token, and Welch's t.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>
#include "admin/signing_key.hpp"
#include "admin/token.hpp"
#include "common/token_keys.hpp"

namespace {

using namespace dc;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::string_view kSecret = "k7Qm2vXb9LrT4nZc8WfH1sJd6PyG3aEu0oRi5tVx";

double processor_microseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

double cost_of(const TokenKeys& keys, const std::string& token, int times) {
  int accepted = 0;
  const double start = processor_microseconds();
  for (int i = 0; i < times; ++i) accepted += keys.verify(token, kNow).has_value() ? 1 : 0;
  const double cost = (processor_microseconds() - start) / times;
  if (accepted != 0 && accepted != times) std::abort();
  return cost;
}

// The token with byte `index` of its signature changed.
std::string spoiled(const std::string& token, std::size_t index) {
  const std::size_t dot = token.rfind('.');
  std::string signature = *jwt::decode_base64url(std::string_view(token).substr(dot + 1));
  signature[index] = static_cast<char>(signature[index] ^ 1);
  return token.substr(0, dot + 1) + jwt::encode_base64url(signature);
}

void print_costs(jwt::Algorithm algorithm) {
  const std::string name(jwt::algorithm_name(algorithm));
  TokenKey key;
  key.algorithm = algorithm;
  key.kid = "a";
  auto signer = admin::SigningKey::from(Secret(kSecret));
  if (algorithm == jwt::Algorithm::hs256) {
    key.secret = Secret(kSecret);
  } else {
    auto pair = admin::make_key_pair(algorithm);
    key.public_key = std::move(*read_public_key(algorithm, pair->public_pem));
    signer = admin::SigningKey::from(std::move(pair->private_pem));
  }
  TokenKeys keys;
  if (!keys.add(std::move(key))) std::abort();
  admin::TokenRequest request{
      *ServiceName::parse("backend"), std::chrono::hours(1), "a", {}, {}, {}};
  const std::string good = admin::make_token(request, *signer, kNow, "0123456789abcdef");
  request.kid = "b";
  const std::string unknown = admin::make_token(request, *signer, kNow, "0123456789abcdef");
  std::printf("%s-good %.2f\n", name.c_str(), cost_of(keys, good, 2000));
  std::printf("%s-bad %.2f\n", name.c_str(), cost_of(keys, spoiled(good, 8), 2000));
  std::printf("%s-unknown-kid %.2f\n", name.c_str(), cost_of(keys, unknown, 20000));
}

// Of two kinds of call in random order, without the slowest tenth of each, where interruptions are.
template <class First, class Second>
double welch_t(First first, Second second) {
  std::mt19937 random(1);
  std::vector<double> times[2];
  for (int i = 0; i < 200'000; ++i) {
    const auto which = random() & 1U;
    const auto start = std::chrono::steady_clock::now();
    if (which == 0) {
      first();
    } else {
      second();
    }
    const auto took = std::chrono::steady_clock::now() - start;
    times[which].push_back(std::chrono::duration<double, std::nano>(took).count());
  }
  double mean[2] = {}, error[2] = {};
  for (int k = 0; k < 2; ++k) {
    auto& all = times[k];
    std::sort(all.begin(), all.end());
    all.resize(all.size() * 9 / 10);
    for (double t : all) mean[k] += t / static_cast<double>(all.size());
    for (double t : all) error[k] += (t - mean[k]) * (t - mean[k]);
    error[k] /= static_cast<double>(all.size()) * static_cast<double>(all.size());
  }
  return std::abs(mean[0] - mean[1]) / std::sqrt(error[0] + error[1]);
}

// What CRYPTO_memcmp must not be: it stops at the first difference.
bool naive_equal(const volatile char* a, const volatile char* b) {
  for (std::size_t i = 0; i < 32; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

void print_timing() {
  TokenKeys keys;
  TokenKey key;
  key.secret = Secret(kSecret);
  if (!keys.add(std::move(key))) std::abort();
  const admin::TokenRequest request{
      *ServiceName::parse("b"), std::chrono::hours(1), {}, {}, {}, {}};
  const auto signer = admin::SigningKey::from(Secret(kSecret));
  const std::string good = admin::make_token(request, *signer, kNow, "0123456789abcdef");
  const std::string first = spoiled(good, 0);
  const std::string last = spoiled(good, 31);
  volatile bool sink = false;
  const auto verify = [&](const std::string& token) {
    return [&] { sink = keys.verify(token, kNow).has_value(); };
  };
  std::printf("timing-verify %.2f\n", welch_t(verify(first), verify(last)));
  const std::string mac(32, 'x');
  std::string early = mac, late = mac;
  early[0] = late[31] = 'y';
  const auto naive = [&](const std::string& other) {
    return [&] { sink = naive_equal(mac.data(), other.data()); };
  };
  std::printf("timing-control %.2f\n", welch_t(naive(early), naive(late)));
}

}  // namespace

int main() {
  for (const auto algorithm : {jwt::Algorithm::hs256, jwt::Algorithm::es256, jwt::Algorithm::eddsa,
                               jwt::Algorithm::rs256}) {
    print_costs(algorithm);
  }
  print_timing();
}
