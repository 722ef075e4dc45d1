// SPDX-License-Identifier: Apache-2.0
// The pages without a token: health, livez, readyz. Made of constants and of the state that the
// broker last reported, so that a stranger learns nothing and costs nothing. Front only.
#pragma once

#include <ctime>
#include "common/messages.hpp"
#include "daemon/http.hpp"
#include "daemon/routes.hpp"

namespace dc::daemon {

// `now` is the time of the answer.
HttpResponse health_page(Page page, const EngineStatus& status, std::time_t now);

}  // namespace dc::daemon
