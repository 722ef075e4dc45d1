// SPDX-License-Identifier: Apache-2.0
// Pulls: begun, followed, ended. Broker only. What a registry says reaches callers as figures, as
// printable text of the progress, and as constant sentences where it fails.
#include "broker/pulls.hpp"
#include <spdlog/spdlog.h>
#include <algorithm>
#include <ctime>
#include <utility>
#include "broker/engine_request.hpp"
#include "broker/execute.hpp"
#include "broker/pull_progress.hpp"
#include "common/json_reader.hpp"

namespace dc::broker {

struct Pull {
  ServiceName service;
  ImageRef image;
  std::optional<PullId> id;
  Slots::Slot slot;  // while it is under way
  Pulls::Ended ended;
  std::int64_t started_at = std::time(nullptr), updated_at = started_at;  // seconds
  EngineTicket ticket;
  PullProgress progress;
  std::optional<Error> error;
  std::vector<ReplyPtr> followers;
};

namespace {

const Error kDiskLow{Errc::overloaded, "The disk of the Docker Engine has too little free space",
                     "remove images that are not needed"};
const Error kTooMany{Errc::overloaded, "Too many images are being pulled",
                     "try again when one has arrived"};

Error pull_error(const std::string& message) {
  const auto shown = Text<512>::clip(message);
  spdlog::warn("a pull failed: {}", shown.view());
  // dockerd gives one text for "no such image" and "not yours": pull access denied.
  for (const std::string_view known :
       {"not found", "manifest unknown", "access denied", "does not exist", "unauthorized",
        "no basic auth credentials", "no matching manifest"}) {
    if (message.find(known) != std::string::npos) {
      return {Errc::not_found, "Image not found in its registry", {}};
    }
  }
  return {Errc::engine_failure, "The image could not be pulled",
          "see the broker's log for the Engine's reason"};
}

Result<void> outcome(const PullProgress& progress, const Result<EngineResponse>& response) {
  if (!response) return fail(response.error());
  if (progress.error()) return fail(pull_error(*progress.error()));
  if (response->status == 200) return {};
  const JsonText body(response->body);
  return fail(pull_error(json_text(body.view(), "message")));
}

std::string snapshot(const Pull& pull) {
  const bool whole = !pull.slot && !pull.error;
  const std::string message = pull.error ? pull.error->detail
                              : whole    ? "Image " + pull.image.familiar() + " pulled successfully"
                                         : pull.progress.message();
  JsonWriter out;
  out.open('{').key("pull_id").string(pull.id->view());
  out.key("status").string(pull.slot ? "pulling" : pull.error ? "error" : "success");
  pull.progress.write(out, whole);
  out.key("message").string(message).key("error");
  pull.error ? out.string(message) : out.raw("null");
  out.key("started_at").number(pull.started_at).key("updated_at").number(pull.updated_at);
  return out.close('}').take();
}

// Without credit the change waits, and those that follow it are one with it.
void push(const PullPtr& pull, const ReplyPtr& reply) {
  if (reply->ready()) return reply->data(Chunk{wire::Blob{snapshot(*pull)}});
  reply->on_ready([pull, weak = std::weak_ptr(reply)] {
    if (const auto follower = weak.lock()) push(pull, follower);
  });
}

}  // namespace

void Pulls::start(const ServiceName& service, std::uint32_t quota, const PullImage& command,
                  Ended ended) {
  const PullPtr known = command.id ? find(service, *command.id) : nullptr;
  if (known && known->slot) {
    if (known->image == command.image) return ended({});
    return ended(
        fail(Errc::conflict, "Another image is being pulled under this pull_id, use another"));
  }
  if (disk_low_) return ended(fail(kDiskLow));
  auto slot = slots_.take(service.view(), false, quota);
  if (!slot) return ended(fail(kTooMany));
  std::erase(pulls_, known);  // what this id stood for until now
  auto room = static_cast<std::ptrdiff_t>(limits::kPullsKept);
  for (const PullPtr& pull : pulls_) room -= pull->service == service ? 1 : 0;
  // Where there is none, the one that was begun first goes.
  std::erase_if(pulls_, [&](const PullPtr& pull) {
    return pull->service == service && !pull->slot && room++ <= 0;
  });
  const auto pull = std::make_shared<Pull>(
      Pull{service, command.image, command.id, std::move(slot), std::move(ended)});
  pulls_.push_back(pull);
  EngineRequest request = request::pull_image(command);
  request.on_data = [pull](std::string_view bytes) {
    const bool good = pull->progress.take(bytes);
    pull->updated_at = std::time(nullptr);
    for (const ReplyPtr& reply : std::vector(pull->followers)) push(pull, reply);
    return good;
  };
  pull->ticket =
      engine_.send(std::move(request), [this, pull](const Result<EngineResponse>& response) {
        pull->progress.take("\n");  // the last line may lack it
        finish(pull, outcome(pull->progress, response));
      });
}

PullPtr Pulls::find(const ServiceName& service, const PullId& id) const {
  const std::int64_t oldest = std::time(nullptr) - limits::kPullKept.count();
  const auto found = std::find_if(pulls_.begin(), pulls_.end(), [&](const PullPtr& pull) {
    return pull->service == service && pull->id == id && pull->updated_at >= oldest;
  });
  return found == pulls_.end() ? nullptr : *found;
}

void Pulls::show(const ServiceName& service, const ReadPull& command, const ReplyPtr& reply) {
  const PullPtr pull = find(service, command.id);
  if (!pull) return reply->fail({Errc::not_found, "Pull not found", {}});
  if (!command.follow || !pull->slot) return send_bytes(reply, snapshot(*pull));
  pull->followers.push_back(reply);
  reply->cancel_with([pull, follower = reply.get()] {
    std::erase_if(pull->followers, [&](const ReplyPtr& one) { return one.get() == follower; });
  });
  push(pull, reply);
}

void Pulls::finish(const PullPtr& pull, const Result<void>& result) {
  pull->slot.reset();
  pull->updated_at = std::time(nullptr);
  if (!result) pull->error = result.error();
  if (!pull->id) std::erase(pulls_, pull);
  for (const ReplyPtr& reply : std::exchange(pull->followers, {})) {
    send_bytes(reply, snapshot(*pull));
  }
  std::exchange(pull->ended, nullptr)(result);
}

void Pulls::use_disk(DiskState disk) {
  disk_low_ = disk == DiskState::low;
  if (disk_low_) end_all(kDiskLow);
}

void Pulls::end_all(const Error& reason) {
  for (const PullPtr& pull : std::vector(pulls_)) {
    if (!pull->slot) continue;
    engine_.cancel(pull->ticket);
    finish(pull, fail(reason));
  }
}

void execute(const policy::Allowed<PullImage>& allowed, const ReplyPtr& reply, Context& context) {
  const PullImage& command = allowed.command();
  context.pulls.start(allowed.service(), allowed.profile().quota.pulls, command,
                      [reply](const Result<void>& result) {
                        result ? reply->done() : reply->fail(result.error());
                      });
  if (command.id) reply->answer_ahead();
}

void execute(const policy::Allowed<ReadPull>& allowed, const ReplyPtr& reply, Context& context) {
  context.pulls.show(allowed.service(), allowed.command(), reply);
}

}  // namespace dc::broker
