// SPDX-License-Identifier: Apache-2.0
// du in a container. Broker only.
#include "broker/execute.hpp"

namespace dc::broker {

void execute(const policy::Allowed<MeasureDirectory>&, const ReplyPtr& reply, Context&) {
  reply->fail({Errc::internal, "not there yet", {}});
}

}  // namespace dc::broker
