// SPDX-License-Identifier: Apache-2.0
// Inspect, start, stop, restart and remove: find the container that the caller names, ask who owns
// it, act on its full id. Broker only. The list is in list_containers.cpp, run in
// run_container.cpp.
#include "broker/execute.hpp"
#include "broker/container_view.hpp"
#include "broker/engine_request.hpp"

namespace dc::broker {
namespace {

const Error kNoContainer{Errc::not_found, "Container not found", {}};

// The caller's container by inspect: name and prefix are resolved by the Engine in one step, and
// what follows uses the full id that it answers with.
void find(const ContainerRef& container, const ReplyPtr& reply, Context& context,
          std::function<void(const InspectedPtr&)> found) {
  context.engine.send(request::inspect_container(container),
                      [reply, found = std::move(found)](Result<EngineResponse> response) {
                        const auto inspected = read_inspect(std::move(response));
                        if (!inspected) return reply->fail(inspected.error());
                        reply->about((*inspected)->view.id.view());
                        found(*inspected);
                      });
}

// Acts on a container that the caller may manage.
template <class X>
void manage(const policy::Allowed<X>& allowed, const ReplyPtr& reply, Context& context,
            EngineStep step) {
  find(allowed.command().container, reply, context,
       [allowed, reply, &context, step](const InspectedPtr& container) {
         const auto facts = facts_of(container->view, context.ownership);
         if (!policy::may_manage(allowed.service(), allowed.profile(), facts)) {
           // Those that may be seen are refused openly, the others do not exist for this caller.
           if (!policy::may_see(allowed.service(), allowed.profile(), facts)) {
             return reply->deny(kNoContainer);
           }
           return reply->deny({Errc::scope_denied, "This container belongs to another",
                               "`manage` of the service's profile lists what may be managed"});
         }
         context.engine.send(request::act(allowed.command(), container->view.id),
                             [reply, step](const Result<EngineResponse>& response) {
                               if (!response) return reply->fail(response.error());
                               // 304: it is in that state already.
                               if (response->status == 204 || response->status == 304) {
                                 return reply->done();
                               }
                               reply->fail(engine_error(step, *response));
                             });
       });
}

}  // namespace

void execute(const policy::Allowed<InspectContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  find(allowed.command().container, reply, context,
       [allowed, reply, &context](const InspectedPtr& container) {
         const auto facts = facts_of(container->view, context.ownership);
         if (!policy::may_see(allowed.service(), allowed.profile(), facts)) {
           return reply->deny(kNoContainer);
         }
         const bool mask = !policy::is_owned(allowed.service(), facts);
         context.tags.get([container, reply, mask](const Result<Tags>& tags) {
           if (!tags) return reply->fail(tags.error());
           send_document(reply, *container, *tags, mask, nullptr);
         });
       });
}

void execute(const policy::Allowed<StartContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  manage(allowed, reply, context, EngineStep::start);
}

void execute(const policy::Allowed<StopContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  manage(allowed, reply, context, EngineStep::stop);
}

void execute(const policy::Allowed<RestartContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  manage(allowed, reply, context, EngineStep::restart);
}

void execute(const policy::Allowed<RemoveContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  manage(allowed, reply, context, EngineStep::remove);
}

}  // namespace dc::broker
