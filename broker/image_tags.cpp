// SPDX-License-Identifier: Apache-2.0
// Fetches all tags at once and forgets them at the next image event. Broker only.
#include "broker/image_tags.hpp"

#include <ctime>

#include "broker/engine_request.hpp"
#include "common/json_reader.hpp"

namespace dc::broker {
namespace {

Result<Tags> read_tags(const Result<EngineResponse>& response) {
  if (!response) return fail(response.error());
  const JsonText document(response->body);
  Tags tags;
  const bool whole =
      response->status == 200 && for_each_element(document.view(), [&](std::string_view image) {
        const auto id = json_string(json_member(image, "Id"));
        const std::string_view list = json_member(image, "RepoTags");
        if (!id || json_is_null(list)) return;
        for_each_element(list, [&](std::string_view tag) {
          auto text = json_string(tag);
          if (text && *text != "<none>:<none>") tags[*id].push_back(std::move(*text));
        });
      });
  if (!whole)
    return fail(Errc::engine_failure, "The Docker Engine's answer is not a list of images");
  return tags;
}

}  // namespace

void ImageTags::watch() {
  if (events_) return;
  // Events since a moment ago come again, so none falls between asking and listening.
  EngineRequest request = request::image_events(std::time(nullptr) - 2);
  request.on_open = [this] { events_flow_ = true; };
  request.on_data = [this](std::string_view) {
    forget();
    return true;
  };
  events_ = engine_.send(std::move(request), [this](const Result<EngineResponse>&) {
    events_.reset();
    events_flow_ = false;
    forget();
  });
}

void ImageTags::forget() {
  ++generation_;
  known_ = false;
  tags_.clear();
}

void ImageTags::get(std::function<void(const Result<Tags>&)> use) {
  if (known_) {
    use(tags_);
    return;
  }
  waiting_.push_back(std::move(use));
  if (fetching_) return;
  fetching_ = true;
  const std::uint64_t generation = events_flow_ ? generation_ : ~generation_;
  engine_.send(request::list_images(), [this, generation](const Result<EngineResponse>& response) {
    fetched(generation, response);
  });
}

void ImageTags::fetched(std::uint64_t generation, const Result<EngineResponse>& response) {
  fetching_ = false;
  const Result<Tags> tags = read_tags(response);
  if (tags && events_flow_ && generation == generation_) {
    tags_ = *tags;
    known_ = true;
  }
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& use : waiting) use(tags);
}

}  // namespace dc::broker
