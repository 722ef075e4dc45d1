// SPDX-License-Identifier: Apache-2.0
// Inspect, wait, stats, and what changes a container's state: find it, ask who owns it, act on its
// full id. Broker only. The list is in list_containers.cpp, run in run_container.cpp, logs in
// read_logs.cpp, du in measure_directory.cpp.
#include "broker/execute.hpp"
#include "broker/find_container.hpp"

namespace dc::broker {
namespace {

// Acts on a container that the caller may manage.
template <class X>
void manage(const policy::Allowed<X>& allowed, const ReplyPtr& reply, Context& context,
            EngineStep step) {
  find_container(allowed, Right::manage, reply, context,
                 [allowed, reply, &context, step](const InspectedPtr& container) {
                   context.engine.send(request::act(allowed.command(), container->view.id),
                                       [reply, step](const Result<EngineResponse>& response) {
                                         finish_act(reply, step, response);
                                       });
                 });
}

// Starts a container that the caller may manage. One of its own takes its place in the quota again.
template <class X>
void start(const policy::Allowed<X>& allowed, const ReplyPtr& reply, Context& context,
           EngineStep step) {
  const auto found = [allowed, reply, &context, step](const InspectedPtr& container) {
    const ContainerView& view = container->view;
    const auto admitted = [allowed, reply, &context, step,
                           id = view.id](const Result<AdmissionPtr>& place) {
      if (!place) return reply->fail(place.error());
      context.engine.send(request::act(allowed.command(), id),
                          [reply, step, kept = *place](const Result<EngineResponse>& response) {
                            finish_act(reply, step, response);
                          });
    };
    if (!policy::is_owned(allowed.service(), facts_of(view, context.ownership))) {
      return admitted(nullptr);
    }
    // Its run has not compared it yet, or was cut off before: the sweep's.
    if (view.status == "created") {
      return reply->deny({Errc::conflict, "The container is still being made", {}});
    }
    Holding holding{allowed.service()};
    read_holds(view.labels.holds, holding);
    context.quotas.admit(view.labels.nonce, std::move(holding), allowed.shared_profile(), admitted);
  };
  find_container(allowed, Right::manage, reply, context, found);
}

// Sends on the JSON value that `read` finds in the Engine's answer about a container.
template <class X>
void show(const policy::Allowed<X>& allowed, const ReplyPtr& reply, Context& context,
          EngineRequest (*request)(const ContainerId&),
          std::string_view (*read)(std::string_view document)) {
  find_container(
      allowed, Right::see, reply, context,
      [reply, &context, request, read](const InspectedPtr& container) {
        const auto ticket = context.engine.send(
            request(container->view.id), [reply, read](Result<EngineResponse> response) {
              const auto document = read_document(std::move(response), EngineStep::find);
              if (!document) return reply->fail(document.error());
              const std::string_view value = read(document->view());
              if (json_is_null(value)) {
                return reply->fail(
                    {Errc::engine_failure, "The Docker Engine's answer is not valid", {}});
              }
              send_bytes(reply, std::string(value));
            });
        reply->cancel_with([&context, ticket] { context.engine.cancel(ticket); });
      });
}

}  // namespace

void execute(const policy::Allowed<InspectContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  find_container(allowed, Right::see, reply, context,
                 [allowed, reply, &context](const InspectedPtr& container) {
                   const auto facts = facts_of(container->view, context.ownership);
                   const bool mask = !policy::is_owned(allowed.service(), facts);
                   context.tags.get([container, reply, mask](const Result<Tags>& tags) {
                     if (!tags) return reply->fail(tags.error());
                     send_document(reply, *container, *tags, mask, nullptr);
                   });
                 });
}

void execute(const policy::Allowed<WaitContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  show(allowed, reply, context, request::wait_container,
       [](std::string_view document) { return json_member(document, "StatusCode"); });
}

void execute(const policy::Allowed<ReadStats>& allowed, const ReplyPtr& reply, Context& context) {
  show(allowed, reply, context, request::read_stats,
       [](std::string_view document) { return document; });
}

void execute(const policy::Allowed<StartContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  start(allowed, reply, context, EngineStep::start);
}

void execute(const policy::Allowed<StopContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  manage(allowed, reply, context, EngineStep::stop);
}

void execute(const policy::Allowed<RestartContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  start(allowed, reply, context, EngineStep::restart);
}

void execute(const policy::Allowed<RemoveContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  manage(allowed, reply, context, EngineStep::remove);
}

void execute(const policy::Allowed<RenameContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  manage(allowed, reply, context, EngineStep::rename);
}

}  // namespace dc::broker
