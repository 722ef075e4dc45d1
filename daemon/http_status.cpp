// SPDX-License-Identifier: Apache-2.0
// Error answers: which status an error code has, and the one shape of their bodies. Front only.
#include "daemon/http_status.hpp"
#include <utility>
#include "common/json_text.hpp"
#include "daemon/http.hpp"

namespace dc::daemon {
namespace {

// Seconds after which a refused client may try again: about what a restart takes.
constexpr std::string_view kRetryAfter = "1";

HttpResponse error_answer(int status, std::string_view code, std::string_view detail,
                          std::string_view hint) {
  HttpResponse response;
  response.status = status;
  std::string& body = response.body;
  body.reserve(detail.size() + hint.size() + 64);
  body += "{\"detail\":";
  append_json_string(body, detail);
  body += ",\"code\":";
  append_json_string(body, code);
  if (!hint.empty()) {
    body += ",\"hint\":";
    append_json_string(body, hint);
  }
  body += '}';
  if (status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  if (status == 429 || status == 503) {
    response.headers.push_back({"Retry-After", std::string(kRetryAfter)});
  }
  return response;
}

}  // namespace

int http_status(Errc code) {
  switch (code) {
    case Errc::invalid_request:
    case Errc::privileged_not_allowed:
    case Errc::image_not_allowed:
    case Errc::network_not_allowed:
    case Errc::port_not_allowed:
    case Errc::mount_not_allowed:
    case Errc::device_not_allowed:
    case Errc::capability_not_allowed:
    case Errc::limit_exceeded:
    case Errc::quota_exceeded:
    case Errc::field_not_allowed: return 400;
    case Errc::unauthenticated: return 401;
    case Errc::scope_denied: return 403;
    case Errc::not_found: return 404;
    case Errc::conflict: return 409;
    case Errc::rate_limited: return 429;
    case Errc::internal:
    case Errc::policy_not_enforced: return 500;
    case Errc::engine_failure: return 502;
    case Errc::overloaded:
    case Errc::engine_unreachable:
    case Errc::broker_unreachable:
    case Errc::audit_unavailable:
    case Errc::not_configured: return 503;
    case Errc::deadline_exceeded: return 504;
  }
  return 500;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

HttpResponse error_response(const Error& error) {
  // One body for every cause, so that an answer tells nothing about why a token was refused.
  HttpResponse response =
      error.code == Errc::unauthenticated
          ? error_answer(401, "unauthenticated", "Invalid or missing JWT token", {})
          : error_answer(http_status(error.code), errc_name(error.code), error.detail, error.hint);
  response.error = error.code;
  return response;
}

HttpResponse http_error(int status, std::string_view code, std::string detail) {
  return error_answer(status, code, detail, {});
}

}  // namespace dc::daemon
