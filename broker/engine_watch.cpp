// SPDX-License-Identifier: Apache-2.0
// The Engine's state and its image tags. Broker only.
#include "broker/engine_watch.hpp"
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>
#include <ctime>
#include <utility>
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

using namespace std::chrono_literals;

void EngineProbe::start() {
  timer_.start(
      0ms, [this] { probe(); }, limits::kProbeEvery);
}

void EngineProbe::probe() {
  if (probing_) return;  // the last one has its deadline
  probing_ = true;
  const std::uint64_t sent = uv_hrtime();
  engine_.send(request::ping(limits::kProbeTime),
               [this, sent](const Result<EngineResponse>& response) {
                 probing_ = false;
                 const auto took = std::chrono::nanoseconds(uv_hrtime() - sent);
                 answered(response && response->status == 200,
                          std::chrono::duration_cast<std::chrono::microseconds>(took));
               });
}

void EngineProbe::answered(bool up, std::chrono::microseconds ping) {
  const EngineState engine = up ? EngineState::up : EngineState::down;
  if (engine != engine_state_) {
    if (up) {
      spdlog::info("the Docker Engine answers");
      engine_.send(request::info(), [this](const Result<EngineResponse>& response) {
        if (response && response->status == 200) read_info(*response);
      });
    } else {
      spdlog::error("the Docker Engine does not answer; commands get 503 until it does");
    }
  }
  engine_state_ = engine;
  found_(engine, disk(), ping);
}

void EngineProbe::read_info(const EngineResponse& response) {
  const JsonText document(response.body);
  for_each_member(document.view(), [this](std::string_view key, std::string_view json) {
    if (key == "DockerRootDir") data_root_ = json_string(json).value_or("");
    if (key == "ServerVersion") {
      spdlog::info("Docker Engine {}", json_string(json).value_or("?").substr(0, 64));
    }
  });
}

DiskState EngineProbe::disk() const {
  struct statvfs space {};
  if (data_root_.empty() || ::statvfs(data_root_.c_str(), &space) != 0) return DiskState::unknown;
  return space.f_bavail * space.f_frsize < limits::kDiskFloor ? DiskState::low : DiskState::ok;
}

void ImageTags::watch() {
  if (std::exchange(watching_, true)) return;
  // Events since a moment ago come again, so none falls between asking and listening.
  EngineRequest request = request::image_events(std::time(nullptr) - 2);
  request.on_open = [this] { events_flow_ = true; };
  request.on_data = [this](std::string_view) {
    forget();
    return true;
  };
  engine_.send(std::move(request), [this](const Result<EngineResponse>&) {
    watching_ = false;
    events_flow_ = false;
    forget();
  });
}

void ImageTags::forget() {
  ++generation_;
  known_ = false;
}

void ImageTags::get(std::function<void(const Result<Tags>&)> use) {
  if (known_) {
    use(tags_);
    return;
  }
  watch();
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
    tags_ = tags;
    known_ = true;
  }
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& use : waiting) use(tags);
}

}  // namespace dc::broker
