// SPDX-License-Identifier: Apache-2.0
// Pulls that outlive their callers. Broker only.
#include "broker/execute.hpp"

namespace dc::broker {

void execute(const policy::Allowed<PullImage>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

void execute(const policy::Allowed<ReadPull>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

}  // namespace dc::broker
