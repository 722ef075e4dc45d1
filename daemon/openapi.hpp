// SPDX-License-Identifier: Apache-2.0
// The OpenAPI 3.1 document, made from the table by which requests are routed. Front only.
#pragma once

#include <string>

namespace dc::daemon {

// The same at each call; made at the first.
const std::string& openapi_document();

}  // namespace dc::daemon
