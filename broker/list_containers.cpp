// SPDX-License-Identifier: Apache-2.0
// The list: one /containers/json, then the inspects in parallel, sent in the Engine's order as they
// come in and as the front takes them. Broker only.
#include <map>
#include <memory>
#include <optional>
#include "broker/container_view.hpp"
#include "broker/engine_request.hpp"
#include "broker/execute.hpp"

namespace dc::broker {
namespace {

class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(const policy::Allowed<ListContainers>& allowed, ReplyPtr reply, Context& context)
      : allowed_(allowed), reply_(std::move(reply)), context_(context) {}

  void start() {
    // With `visible = "owned"` and no foreign container to manage, the Engine can leave the others
    // out.
    const auto& profile = allowed_.profile();
    const bool owned_only = profile.visible == policy::Visible::owned &&
                            !profile.manage_image_allowed && profile.adopt.empty();
    auto self = shared_from_this();
    context_.engine.send(
        request::list_containers(allowed_.command(), owned_only ? &allowed_.service() : nullptr),
        [self](Result<EngineResponse> response) { self->listed(std::move(response)); });
    context_.tags.get([self](const Result<Tags>& tags) { self->tagged(tags); });
  }

 private:
  void listed(Result<EngineResponse> response) {
    const auto document = read_document(std::move(response), EngineStep::find);
    if (!document) return reply_->fail(document.error());
    bool all_named = true;
    const bool whole = for_each_element(document->view(), [&](std::string_view container) {
      auto id = ContainerId::parse(json_text(container, "Id"));
      all_named = all_named && id;
      if (id) ids_.push_back(std::move(*id));
    });
    if (!whole || !all_named) {
      return reply_->fail({Errc::engine_failure, "The Docker Engine's answer is not a list", {}});
    }
    listed_ = true;
    inspect_ahead();
    advance();
  }

  void tagged(const Result<Tags>& tags) {
    if (!tags) return reply_->fail(tags.error());
    tags_ = *tags;
    advance();
  }

  // Keeps the window of inspects full.
  void inspect_ahead() {
    while (inspected_ < ids_.size() && inspected_ - sent_ < limits::kInspectsPerList &&
           !reply_->abandoned()) {
      inspect(inspected_++);
    }
  }

  void inspect(std::size_t index) {
    auto self = shared_from_this();
    EngineRequest request = request::inspect_container(ids_[index]);
    request.bulk = index > 0;
    context_.engine.send(std::move(request), [self, index](Result<EngineResponse> response) {
      auto container = read_inspect(std::move(response));
      if (container) {
        self->arrived_[index] = std::move(*container);
      } else if (container.error().code == Errc::not_found) {
        self->arrived_[index] = nullptr;  // removed since the list was made
      } else {
        return self->reply_->fail(container.error());
      }
      self->advance();
    });
  }

  // Sends what is next in order, as far as it has arrived.
  void advance() {
    if (sending_ || !listed_ || !tags_) return;
    while (!reply_->abandoned() && sent_ < ids_.size()) {
      inspect_ahead();
      const auto next = arrived_.find(sent_);
      if (next == arrived_.end()) return;
      const InspectedPtr container = std::move(next->second);
      arrived_.erase(next);
      ++sent_;
      if (container && show(*container)) return;
    }
    reply_->done();
  }

  // False: the caller may not see this one.
  bool show(const Inspected& container) {
    const auto facts = facts_of(container.view, context_.ownership);
    if (!policy::may_see(allowed_.service(), allowed_.profile(), facts)) return false;
    const bool mask = !policy::is_owned(allowed_.service(), facts);
    sending_ = true;
    send_document(reply_, container, *tags_, mask, [self = shared_from_this()] {
      self->sending_ = false;
      self->advance();
    });
    return true;
  }

  policy::Allowed<ListContainers> allowed_;
  ReplyPtr reply_;
  Context& context_;
  std::vector<ContainerId> ids_;
  std::optional<Tags> tags_;
  std::map<std::size_t, InspectedPtr> arrived_;  // by place in the list; null: gone
  std::size_t inspected_ = 0;                    // inspects asked for
  std::size_t sent_ = 0;                         // containers sent or left out
  bool listed_ = false;
  bool sending_ = false;
};

}  // namespace

void execute(const policy::Allowed<ListContainers>& allowed, const ReplyPtr& reply,
             Context& context) {
  std::make_shared<Listing>(allowed, reply, context)->start();
}

}  // namespace dc::broker
