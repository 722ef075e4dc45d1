// SPDX-License-Identifier: Apache-2.0
// Networks. Broker only.
#include "broker/execute.hpp"

namespace dc::broker {

void execute(const policy::Allowed<CreateNetwork>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

void execute(const policy::Allowed<ListNetworks>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

void execute(const policy::Allowed<RemoveNetwork>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

void execute(const policy::Allowed<ConnectNetwork>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

void execute(const policy::Allowed<DisconnectNetwork>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

}  // namespace dc::broker
