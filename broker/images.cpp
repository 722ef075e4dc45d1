// SPDX-License-Identifier: Apache-2.0
// Images: list, exists, remove. Broker only.
#include "broker/execute.hpp"

namespace dc::broker {

void execute(const policy::Allowed<ListImages>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

void execute(const policy::Allowed<FindImage>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

void execute(const policy::Allowed<RemoveImage>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

}  // namespace dc::broker
