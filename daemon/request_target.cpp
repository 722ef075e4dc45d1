// SPDX-License-Identifier: Apache-2.0
// Request targets. Front only; the bytes are hostile.
#include "daemon/request_target.hpp"
#include <simdjson.h>
#include <algorithm>
#include <utility>
#include "common/limits.hpp"

namespace dc::daemon {
namespace {

constexpr HttpFailure kBadEscape = bad_request("The request target holds a bad escape");
constexpr HttpFailure kBadPath = bad_request("The path is malformed");
constexpr HttpFailure kBadQuery = bad_request("The query is malformed");

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool valid_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::optional<HttpFailure> parse_path(std::string_view path, std::vector<std::string>& out) {
  if (path == "/") return std::nullopt;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t slash = std::min(path.find('/'), path.size());
    auto segment = percent_decode(path.substr(0, slash), false);
    if (!segment) return kBadEscape;
    // An empty last segment, from a slash at the end, names nothing: no route has one.
    const bool last = slash == path.size();
    if ((segment->empty() && !last) || *segment == "." || *segment == ".." ||
        has_control(*segment) || segment->find('\\') != std::string::npos ||
        !valid_utf8(*segment)) {
      return kBadPath;
    }
    if (out.size() == limits::kPathSegments) return bad_request("The path has too many segments");
    out.push_back(std::move(*segment));
    path.remove_prefix(slash);
  }
  return std::nullopt;
}

std::optional<HttpFailure> parse_query(std::string_view query, std::vector<QueryParameter>& out) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return kBadEscape;
    if (name->empty() || has_control(*name) || has_control(*value) || !valid_utf8(*name) ||
        !valid_utf8(*value)) {
      return kBadQuery;
    }
    if (out.size() == limits::kQueryParameters) return bad_request("Too many query parameters");
    for (const QueryParameter& parameter : out) {
      if (parameter.name == *name) return bad_request("A query parameter is given twice");
    }
    out.push_back({std::move(*name), std::move(*value)});
  }
  return std::nullopt;
}

// Takes "http://authority" off an absolute form. The path may be empty there.
std::optional<HttpFailure> strip_authority(std::string_view& target, std::string_view host) {
  const std::size_t scheme_end = target.find("://");
  const std::string_view scheme = target.substr(0, std::min(scheme_end, target.size()));
  if (scheme_end == std::string_view::npos ||
      !(equal_ignoring_case(scheme, "http") || equal_ignoring_case(scheme, "https"))) {
    return bad_request("The request target is malformed");
  }
  target.remove_prefix(scheme_end + 3);
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  if (end == 0 || !equal_ignoring_case(target.substr(0, end), host)) {
    return bad_request("The request target and the Host header differ");
  }
  target.remove_prefix(end);
  return std::nullopt;
}

}  // namespace

std::optional<HttpFailure> parse_target(std::string_view target, Method method,
                                        std::string_view host, Target& out) {
  if (target == "*") {
    if (method != Method::options) return bad_request("The target * goes with OPTIONS only");
    out.asterisk = true;
    return std::nullopt;
  }
  if (!target.starts_with('/')) {
    if (auto failure = strip_authority(target, host)) return failure;
  }
  if (target.find('#') != std::string_view::npos) return kBadPath;
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  if (auto failure = parse_path(path.empty() ? "/" : path, out.path)) return failure;
  return parse_query(target.substr(std::min(question + 1, target.size())), out.query);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace dc::daemon
