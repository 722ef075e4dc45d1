// SPDX-License-Identifier: Apache-2.0
// The container that a caller names, and whether it may be touched. Broker only.
#pragma once

#include <functional>
#include "broker/container_view.hpp"
#include "broker/engine_request.hpp"
#include "broker/execute.hpp"

namespace dc::broker {

enum class Right : unsigned char { see, manage };

// By inspect: name and prefix are resolved by the Engine in one step, and what follows uses the
// full id that it answers with. `found` runs for a container on which the caller has the right; all
// others are answered here: those that it may see are refused openly, the rest do not exist for it.
template <class X>
void find_container(const policy::Allowed<X>& allowed, Right right, const ReplyPtr& reply,
                    Context& context, std::function<void(const InspectedPtr&)> found) {
  const auto judge = [allowed, right, reply, &context,
                      found = std::move(found)](Result<EngineResponse> response) {
    if (!X::kMutates && reply->abandoned()) return reply->done();
    const auto container = read_inspect(std::move(response));
    if (!container) return reply->fail(container.error());
    reply->about((*container)->view.id.view());
    const auto facts = facts_of((*container)->view, context.ownership);
    if (!policy::may_see(allowed.service(), allowed.profile(), facts)) {
      return reply->deny({Errc::not_found, "Container not found", {}});
    }
    if (right == Right::manage &&
        !policy::may_manage(allowed.service(), allowed.profile(), facts)) {
      return reply->deny({Errc::scope_denied, "This container belongs to another",
                          "`manage` of the service's profile lists what may be managed"});
    }
    reply->allowed_while([service = allowed.service(), right, facts, &context] {
      const auto* profile = context.policy->find(service.view());
      return profile != nullptr &&
             (right == Right::manage ? policy::may_manage(service, *profile, facts)
                                     : policy::may_see(service, *profile, facts));
    });
    found(*container);
  };
  context.engine.send(request::inspect_container(allowed.command().container), judge);
}

}  // namespace dc::broker
