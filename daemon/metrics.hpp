// SPDX-License-Identifier: Apache-2.0
// What the front counts of itself, and what the broker last told of the rest, for Prometheus. Front
// only. No label takes a value from a client: routes are patterns of the table, codes and states
// are our own words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "common/messages.hpp"
#include "daemon/http.hpp"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
template <typename T>
class Family;
}  // namespace prometheus

namespace dc::daemon {

class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  // On the way of every answer: a few additions, no look-up by name.
  void answered(const Answered& answer);
  void use_status(const EngineStatus& status);
  // `count` is asked at each render().
  void watch_connections(std::function<ConnectionCounts()> count) { count_ = std::move(count); }

  // All of it, in Prometheus' text format 0.0.4.
  HttpResponse page();

 private:
  // Requests of one route with one method and one status.
  struct Series {
    std::optional<Method> method;
    int status;
    prometheus::Counter* counter;
  };

  prometheus::Counter& requests(std::size_t route, const Answered& answer);
  prometheus::Histogram& durations(std::size_t route);
  prometheus::Gauge& gauge(const char* name, const char* help);
  prometheus::Counter& counter(const char* name, const char* help);
  void add_refusals();
  void add_connections();

  std::unique_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& durations_;
  // By route, and last those that found none. Made when first counted, so that the page shows only
  // what there is.
  std::vector<std::vector<Series>> counters_;
  std::vector<prometheus::Histogram*> histograms_;
  std::vector<prometheus::Counter*> refusals_;  // by Errc
  std::array<prometheus::Gauge*, 4> connections_{};
  std::function<ConnectionCounts()> count_;

  prometheus::Gauge& engine_up_;
  prometheus::Gauge& engine_ping_;
  prometheus::Gauge& policy_stale_;
  prometheus::Gauge& pulls_;
  prometheus::Gauge& streams_;
  prometheus::Counter& front_starts_;
  prometheus::Counter& breaches_;
};

}  // namespace dc::daemon
