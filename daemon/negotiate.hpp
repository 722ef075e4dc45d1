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

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kEventStream = "text/event-stream";

// Whether the client takes answers of this media type. Absent and malformed headers take anything.
bool accepts(const std::optional<std::string>& accept, std::string_view media_type);

// "application/json", alone or with charset=utf-8.
bool is_json_type(std::string_view content_type);

// 406 and 415. nullopt: the request may go on.
std::optional<HttpResponse> refuse_form(const HttpRequest& request, BodyKind body,
                                        std::string_view answer_type);

// The headers that let a page of a listed origin read the answer; empty for every other origin.
std::vector<Header> cors_headers(const HttpRequest& request);

// Adds them to an answer.
void allow_origin(HttpResponse& response, const HttpRequest& request);

bool is_preflight(const HttpRequest& request);
HttpResponse preflight_answer(const HttpRequest& request);

}  // namespace dc::daemon
