// SPDX-License-Identifier: Apache-2.0
// How many requests a second each service may make: a bucket per service, filled at the rate of its
// profile. Broker only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace dc::broker {

class RateLimit {
 public:
  // Takes one request. False: there were `rate` a second for some time, or twice as many at once.
  // `now` in milliseconds of a clock that only rises.
  bool take(std::string_view service, std::uint32_t rate, std::uint64_t now) {
    const double most = 2.0 * rate;
    auto [found, fresh] = buckets_.try_emplace(std::string(service), Bucket{most, now});
    Bucket& bucket = found->second;
    bucket.left =
        std::min(most, bucket.left + static_cast<double>(now - bucket.filled) * rate / 1e3);
    bucket.filled = now;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

 private:
  struct Bucket {
    double left;
    std::uint64_t filled;
  };
  std::map<std::string, Bucket, std::less<>> buckets_;  // of services with a profile
};

}  // namespace dc::broker
