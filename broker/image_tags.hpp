// SPDX-License-Identifier: Apache-2.0
// The tags of the images that are here, kept while the Engine's own events say that none changed. A
// container's document shows its image's tags, and asking for them each time would double its cost.
// Broker only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/engine.hpp"

namespace dc::broker {

using Tags = std::map<std::string, std::vector<std::string>, std::less<>>;  // by image id

class ImageTags {
 public:
  explicit ImageTags(Engine& engine) : engine_(engine) {}

  // Follows the Engine's image events, unless it does already. Until they flow nothing is kept.
  void watch();
  // Calls back, perhaps at once, with the tags of all images. Images without tags are left out.
  void get(std::function<void(const Result<Tags>&)> use);

 private:
  void forget();
  void fetched(std::uint64_t generation, const Result<EngineResponse>& response);

  Engine& engine_;
  std::shared_ptr<EngineExchange> events_;
  bool events_flow_ = false;
  bool known_ = false;
  std::uint64_t generation_ = 0;  // counts changes
  Tags tags_;
  bool fetching_ = false;
  std::vector<std::function<void(const Result<Tags>&)>> waiting_;
};

}  // namespace dc::broker
