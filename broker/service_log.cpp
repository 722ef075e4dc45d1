// SPDX-License-Identifier: Apache-2.0
// The end of a log file of the host. Broker only.
#include "broker/execute.hpp"

namespace dc::broker {

void execute(const policy::Allowed<ReadServiceLog>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

}  // namespace dc::broker
