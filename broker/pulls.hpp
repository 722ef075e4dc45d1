// SPDX-License-Identifier: Apache-2.0
// Pulls of images: those under way, and for a while those that had an id and have ended. Broker
// only. They belong to the broker and not to who asked for them, so they outlive callers and
// fronts.
#pragma once

#include <functional>
#include <memory>
#include <vector>
#include "broker/engine.hpp"
#include "broker/reply.hpp"
#include "common/commands.hpp"

namespace dc::broker {

struct Pull;
using PullPtr = std::shared_ptr<Pull>;

class Pulls {
 public:
  // Errors: not_found when the registry does not have the image or refuses it, engine_failure,
  // overloaded when too many are under way or the disk is low, conflict when the id stands for a
  // pull of another image, and those of Engine::send.
  using Ended = std::function<void(const Result<void>&)>;

  explicit Pulls(Engine& engine) : engine_(engine) {}

  // `ended` runs once: at the end of the pull, or at once when none is begun or when the service's
  // own pull of that id is under way and is joined.
  // `quota`: how many the service may have under way.
  void start(const ServiceName& service, std::uint32_t quota, const PullImage& command,
             Ended ended);
  // Answers with how far it is; with `follow` also with each change, as fast as the caller takes
  // them, until the end. Other services' pulls are not found.
  void show(const ServiceName& service, const ReadPull& command, const ReplyPtr& reply);
  [[nodiscard]] std::size_t under_way() const { return slots_.taken(); }
  // While the disk is low, what is under way ends and nothing begins.
  void use_disk(DiskState disk);
  // Ends what is under way, for this reason.
  void end_all(const Error& reason);

 private:
  [[nodiscard]] PullPtr find(const ServiceName& service, const PullId& id) const;
  void finish(const PullPtr& pull, const Result<void>& result);

  Engine& engine_;
  Slots slots_{limits::kPulls, limits::kPullsPerService, 0};
  std::vector<PullPtr> pulls_;  // in the order of their start
  bool disk_low_ = false;
};

}  // namespace dc::broker
