// SPDX-License-Identifier: Apache-2.0
// The API pages of development mode: Swagger UI, Redoc, what they load, and the OpenAPI document.
// Front only; nobody's token is looked at, and nothing of the request but method and path is.
#pragma once

#include <memory>
#include "daemon/http.hpp"

namespace dc::daemon {

// Answers a request for one of the pages. False, with nothing done: the path is none of theirs.
bool serve_docs(const std::shared_ptr<Exchange>& exchange);

}  // namespace dc::daemon
