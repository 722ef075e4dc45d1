// SPDX-License-Identifier: Apache-2.0
// What the headers of a request say about its form: Accept, Content-Type, Content-Encoding, and the
// origins that browsers may call us from. Front only; pure functions of hostile text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "daemon/http.hpp"
#include "daemon/routes.hpp"

namespace dc::daemon {

// Whether the client takes application/json. Absent and malformed headers take anything.
bool accepts_json(const std::optional<std::string>& accept);

// "application/json", alone or with charset=utf-8.
bool is_json_type(std::string_view content_type);

// 406 and 415. nullopt: the request may go on.
std::optional<HttpResponse> refuse_form(const HttpRequest& request, BodyKind body);

// The headers that let a page of a listed origin read the answer; empty for every other origin.
std::vector<Header> cors_headers(const HttpRequest& request);

bool is_preflight(const HttpRequest& request);
HttpResponse preflight_answer(const HttpRequest& request);

}  // namespace dc::daemon
