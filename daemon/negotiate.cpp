// SPDX-License-Identifier: Apache-2.0
// Front only; see the head of negotiate.hpp.
#include "daemon/negotiate.hpp"
#include <algorithm>

namespace dc::daemon {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equals(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) {
                      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
                    });
}

// Takes the text before `separator` off the front of `rest`.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trim(part);
}

// 0: does not cover `type`.
int specificity(std::string_view range, std::string_view type) {
  if (equals(range, type)) return 3;
  const std::string_view family = type.substr(0, type.find('/') + 1);
  if (range.size() == family.size() + 1 && equals(range.substr(0, family.size()), family) &&
      range.back() == '*') {
    return 2;
  }
  return range == "*/*" ? 1 : 0;
}

// "q=0", "q=0.", "q=0.00".
bool is_zero_quality(std::string_view parameter) {
  if (!equals(parameter.substr(0, 2), "q=")) return false;
  const std::string_view value = parameter.substr(2);
  return !value.empty() && value.front() == '0' &&
         value.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool accepts(const std::optional<std::string>& accept, std::string_view media_type) {
  if (!accept || accept->empty()) return true;
  int best = 0;
  bool wanted = false;
  std::string_view rest = *accept;
  while (!rest.empty()) {
    std::string_view element = take(rest, ',');
    if (element.empty()) continue;
    const std::string_view range = take(element, ';');
    if (range.find('/') == std::string_view::npos) return true;  // malformed
    bool zero = false;
    while (!element.empty()) zero = zero || is_zero_quality(take(element, ';'));
    const int rank = specificity(range, media_type);
    if (rank <= best) continue;
    best = rank;
    wanted = !zero;
  }
  return wanted;
}

bool is_json_type(std::string_view content_type) {
  if (!equals(take(content_type, ';'), "application/json")) return false;
  while (!content_type.empty()) {
    std::string_view parameter = take(content_type, ';');
    if (parameter.empty()) continue;
    const std::string_view name = take(parameter, '=');
    if (!equals(name, "charset")) return false;
    if (!equals(parameter, "utf-8") && !equals(parameter, "\"utf-8\"")) return false;
  }
  return true;
}

std::optional<HttpResponse> refuse_form(const HttpRequest& request, BodyKind body,
                                        std::string_view answer_type) {
  if (!accepts(request.accept, answer_type)) {
    return http_error(406, "not_acceptable",
                      "This resource is served as " + std::string(answer_type));
  }
  if (request.content_encoding && !equals(*request.content_encoding, "identity")) {
    return http_error(415, "unsupported_media_type", "Content-Encoding is not supported");
  }
  if (body == BodyKind::none) return std::nullopt;
  const bool typed = request.content_type.has_value();
  if (typed ? !is_json_type(*request.content_type) : request.has_body) {
    return http_error(415, "unsupported_media_type",
                      "Content-Type must be application/json, in UTF-8");
  }
  return std::nullopt;
}

std::vector<Header> cors_headers(const HttpRequest& request) {
  if (!request.origin_listed || !request.origin) return {};
  return {{"Access-Control-Allow-Origin", *request.origin}, {"Vary", "Origin"}};
}

void allow_origin(HttpResponse& response, const HttpRequest& request) {
  for (Header& header : cors_headers(request)) response.headers.push_back(std::move(header));
}

bool is_preflight(const HttpRequest& request) {
  return request.method == Method::options && request.origin &&
         request.access_control_request_method;
}

HttpResponse preflight_answer(const HttpRequest& request) {
  HttpResponse response;
  response.status = 204;
  response.headers = cors_headers(request);
  if (response.headers.empty()) return response;
  response.headers.push_back({"Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE"});
  response.headers.push_back({"Access-Control-Allow-Headers", "Authorization, Content-Type"});
  response.headers.push_back({"Access-Control-Max-Age", "600"});
  return response;
}

}  // namespace dc::daemon
