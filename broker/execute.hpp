// SPDX-License-Identifier: Apache-2.0
// What each allowed command does to the Engine: one overload per command, and one that is missing
// does not compile. Broker only. Takes Allowed<X> and nothing else, so nothing unauthorised gets
// here.
#pragma once

#include <array>
#include <ctime>
#include <string>
#include "broker/audit.hpp"
#include "broker/engine.hpp"
#include "broker/engine_watch.hpp"
#include "broker/host_paths.hpp"
#include "broker/ownership.hpp"
#include "broker/pulls.hpp"
#include "broker/quotas.hpp"
#include "broker/rate_limit.hpp"
#include "broker/reply.hpp"
#include "broker/sweeper.hpp"
#include "broker/used_tokens.hpp"
#include "common/token_keys.hpp"
#include "policy/authorize.hpp"

namespace dc::broker {

// What the broker is, as all parts of it see it; lives as long as the loop.
struct Context {
  Context(uv_loop_t* event_loop, const std::string& docker_socket, Secret instance_key,
          AuditFiles audit_files, std::vector<std::string> own_directories)
      : loop(event_loop),
        ownership(std::move(instance_key)),
        audit(std::move(audit_files)),
        host_paths(std::move(own_directories)),
        slots(limits::kInFlight, limits::kInFlightPerService, limits::kInFlightReserve),
        streams(limits::kStreams, limits::kStreamsPerService, 0),
        measurements(limits::kMeasurements, 1, 0),
        measuring_services(limits::kMeasurements, limits::kMeasurementsPerService, 0),
        sweeper(loop, engine, ownership, audit),
        pulls(engine),
        quotas(engine, ownership),
        engine(loop, docker_socket),
        tags(engine) {}

  uv_loop_t* loop;
  const Ownership ownership;
  Audit audit;
  HostPaths host_paths;
  Slots slots;         // of what ends by itself soon
  Slots streams;       // and of what may last
  Slots measurements;  // by container
  Slots measuring_services;
  RateLimit rate_limit;
  Sweeper sweeper;
  Pulls pulls;
  Quotas quotas;
  Engine engine;  // what is under way in it uses all of the above to its end
  ImageTags tags;
  std::array<std::string, 3> service_logs;
  TokenKeys keys;
  Revocations revocations;
  UsedTokens used_tokens{std::time(nullptr)};
  std::uint64_t next_endless_notice = 0;  // uv_now() milliseconds
  policy::Snapshot policy;
  std::uint64_t policy_generation = 1;
  EngineStatus status;
  Welcome welcome;
};

void execute(const policy::Allowed<ListContainers>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<InspectContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<RunContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<StartContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<StopContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<RestartContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<RemoveContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<RenameContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<WaitContainer>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<ReadStats>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<ReadLogs>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<MeasureDirectory>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<PullImage>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<ReadPull>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<ListImages>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<FindImage>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<RemoveImage>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<CreateNetwork>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<ListNetworks>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<RemoveNetwork>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<ConnectNetwork>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<DisconnectNetwork>&, const ReplyPtr&, Context&);
void execute(const policy::Allowed<ReadServiceLog>&, const ReplyPtr&, Context&);

}  // namespace dc::broker
