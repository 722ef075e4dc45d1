// SPDX-License-Identifier: Apache-2.0
// What the broker knows of the Engine without being asked: whether it answers, how full its disk
// is, and the tags of its images. Broker only.
#pragma once

#include <uv.h>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "broker/engine.hpp"
#include "common/messages.hpp"
#include "common/uv.hpp"

namespace dc::broker {

// A ping every second, so that health costs no request.
class EngineProbe {
 public:
  using Found = std::function<void(EngineState, DiskState, std::chrono::microseconds ping)>;
  // `found` runs after every ping.
  EngineProbe(uv_loop_t* loop, Engine& engine, Found found)
      : engine_(engine), timer_(loop), found_(std::move(found)) {}
  void start();
  // Where the Engine keeps its data; empty until it has said so.
  [[nodiscard]] const std::string& data_root() const { return data_root_; }

 private:
  void probe();
  void answered(bool up, std::chrono::microseconds ping);
  void read_info(const EngineResponse& response);
  [[nodiscard]] DiskState disk() const;

  Engine& engine_;
  uv::Timer timer_;
  Found found_;
  bool probing_ = false;
  EngineState engine_state_ = EngineState::unknown;
  std::string data_root_;
};

// A container's document shows its image's tags, and asking for them each time would double its
// cost: they are kept while the Engine's own events say that no image changed.
using Tags = std::map<std::string, std::vector<std::string>, std::less<>>;  // by image id

class ImageTags {
 public:
  explicit ImageTags(Engine& engine) : engine_(engine) {}

  // Calls back, perhaps at once, with the tags of all images. Images without tags are left out.
  void get(std::function<void(const Result<Tags>&)> use);

 private:
  void watch();
  void forget();
  void fetched(std::uint64_t generation, const Result<EngineResponse>& response);

  Engine& engine_;
  bool watching_ = false;
  bool events_flow_ = false;
  bool known_ = false;
  std::uint64_t generation_ = 0;  // counts changes
  Result<Tags> tags_;
  bool fetching_ = false;
  std::vector<std::function<void(const Result<Tags>&)>> waiting_;
};

}  // namespace dc::broker
