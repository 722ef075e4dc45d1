// SPDX-License-Identifier: Apache-2.0
// Counters and their page, by prometheus-cpp's core. Front only; see the head of metrics.hpp.
#include "daemon/metrics.hpp"
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <algorithm>
#include <ctime>
#include "daemon/routes.hpp"

namespace dc::daemon {
namespace {

// Seconds: from what the front alone takes, over what the Engine takes for a read, a start and a
// stop, to what only a pull does.
const prometheus::Histogram::BucketBoundaries& buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  return kBuckets;
}

// What a request without a route, or something that was no request, is counted under.
constexpr std::string_view kNone = "none";

std::string_view method_name(std::optional<Method> method) {
  if (!method) return kNone;
  switch (*method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::patch: return "PATCH";
    case Method::del: return "DELETE";
    case Method::options: return "OPTIONS";
  }
  return kNone;
}

std::string route_name(std::size_t route) {
  return std::string(route < routes().size() ? routes()[route].pattern : kNone);
}

void raise_to(prometheus::Counter& counter, std::uint32_t value) {
  counter.Increment(std::max(0.0, static_cast<double>(value) - counter.Value()));
}

}  // namespace

Metrics::Metrics()
    : registry_(std::make_unique<prometheus::Registry>()),
      requests_(prometheus::BuildCounter()
                    .Name("docker_control_http_requests_total")
                    .Help("Answers to requests, by route, method and status")
                    .Register(*registry_)),
      durations_(prometheus::BuildHistogram()
                     .Name("docker_control_http_request_duration_seconds")
                     .Help("Time from the head of a request to the head of its answer")
                     .Register(*registry_)),
      counters_(routes().size() + 1),
      histograms_(routes().size() + 1),
      engine_up_(gauge("docker_control_engine_up", "1: the Docker Engine answers")),
      engine_ping_(gauge("docker_control_engine_ping_seconds",
                         "How long the Docker Engine took to answer the last ping")),
      policy_stale_(gauge("docker_control_policy_stale",
                          "1: the newest policy, token keys or revocations were refused, those "
                          "before are in force")),
      pulls_(gauge("docker_control_pulls", "Pulls of images that are under way")),
      streams_(
          gauge("docker_control_streams", "Followed logs and pulls, and waits, that are open")),
      front_starts_(counter("docker_control_front_starts_total",
                            "Fronts that the broker has started; the first is one")),
      breaches_(counter("docker_control_channel_breaches_total",
                        "Fronts that were ended because they broke the channel's protocol")) {
  gauge("docker_control_front_start_time_seconds", "When this front started, since the epoch")
      .Set(static_cast<double>(std::time(nullptr)));
  prometheus::BuildGauge()
      .Name("docker_control_build_info")
      .Help("1, with the version as a label")
      .Register(*registry_)
      .Add({{"version", DC_VERSION}})
      .Set(1);
  add_refusals();
  add_connections();
}

Metrics::~Metrics() = default;

prometheus::Gauge& Metrics::gauge(const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add({});
}

prometheus::Counter& Metrics::counter(const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add({});
}

void Metrics::add_refusals() {
  auto& denials = prometheus::BuildCounter()
                      .Name("docker_control_denials_total")
                      .Help("Requests that were refused, by code")
                      .Register(*registry_);
  auto& failures = prometheus::BuildCounter()
                       .Name("docker_control_failures_total")
                       .Help("Requests that failed on our side or on Docker's, by code")
                       .Register(*registry_);
  for (std::size_t i = 0; i <= static_cast<std::size_t>(enum_last(Errc())); ++i) {
    const auto code = static_cast<Errc>(i);
    auto& family = code < Errc::internal ? denials : failures;
    refusals_.push_back(&family.Add({{"code", std::string(errc_name(code))}}));
  }
}

void Metrics::add_connections() {
  auto& family = prometheus::BuildGauge()
                     .Name("docker_control_http_connections")
                     .Help("Client connections that are open, by what they are at")
                     .Register(*registry_);
  constexpr std::array<const char*, 4> kStates = {"idle", "active", "streaming", "closing"};
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    connections_[i] = &family.Add({{"state", kStates[i]}});
  }
}

void Metrics::answered(const Answered& answer) {
  const std::size_t route = answer.route.value_or(routes().size());
  requests(route, answer).Increment();
  if (answer.method) durations(route).Observe(static_cast<double>(answer.nanoseconds) * 1e-9);
  if (answer.error) refusals_[static_cast<std::size_t>(*answer.error)]->Increment();
}

prometheus::Counter& Metrics::requests(std::size_t route, const Answered& answer) {
  auto& series = counters_[route];
  for (const Series& one : series) {
    if (one.status == answer.status && one.method == answer.method) return *one.counter;
  }
  auto& made = requests_.Add({{"route", route_name(route)},
                              {"method", std::string(method_name(answer.method))},
                              {"status", std::to_string(answer.status)}});
  series.push_back({answer.method, answer.status, &made});
  return made;
}

prometheus::Histogram& Metrics::durations(std::size_t route) {
  auto*& histogram = histograms_[route];
  if (histogram == nullptr) {
    histogram = &durations_.Add({{"route", route_name(route)}}, buckets());
  }
  return *histogram;
}

void Metrics::use_status(const EngineStatus& status) {
  engine_up_.Set(status.engine == EngineState::up ? 1 : 0);
  policy_stale_.Set(status.policy_stale ? 1 : 0);
  engine_ping_.Set(static_cast<double>(status.ping_us) * 1e-6);
  pulls_.Set(status.pulls);
  streams_.Set(status.streams);
  raise_to(front_starts_, status.front_starts);
  raise_to(breaches_, status.breaches);
}

HttpResponse Metrics::page() {
  const ConnectionCounts counts = count_ ? count_() : ConnectionCounts{};
  const std::array<std::size_t, 4> values = {counts.idle, counts.active, counts.streaming,
                                             counts.closing};
  for (std::size_t i = 0; i < values.size(); ++i) {
    connections_[i]->Set(static_cast<double>(values[i]));
  }
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = prometheus::TextSerializer().Serialize(registry_->Collect());
  return response;
}

}  // namespace dc::daemon
