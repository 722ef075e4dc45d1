// SPDX-License-Identifier: Apache-2.0
// Constants only, written in slices so that a slow client costs one slice and not a megabyte. Front
// only; see the head of docs_pages.hpp.
#include "daemon/docs_pages.hpp"
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "daemon/docs_assets.hpp"
#include "daemon/negotiate.hpp"
#include "daemon/openapi.hpp"

namespace dc::daemon {
namespace {

// Of an answer: what a client that takes nothing holds of it beyond the write queue's limit.
constexpr std::size_t kSlice = 64 * 1024;

// Files of ours only, and no address but ours. Both pages show pictures that are written into
// their style sheets.
constexpr std::string_view kSwaggerPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// Redoc makes two <style> elements, known by their hashes: an empty one, to which it adds rules by
// script, and one for its scroll bars. It searches in a worker that it makes of its own text. Its
// maker's logo, on another host, is not loaded.
constexpr std::string_view kRedocPolicy =
    "default-src 'none'; script-src 'self'; worker-src blob:; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";
// What the pages load is no page by itself.
constexpr std::string_view kAssetPolicy = "default-src 'none'; frame-ancestors 'none'";

struct DocsPage {
  std::string_view bytes;
  std::string_view content_type;
  std::string_view policy;
};

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".png")) return "image/png";
  return "text/plain; charset=utf-8";
}

std::optional<DocsPage> asset(std::string_view name, std::string_view policy) {
  const auto assets = docs_assets();
  const auto found = std::find_if(assets.begin(), assets.end(),
                                  [name](const DocsAsset& one) { return one.name == name; });
  if (found == assets.end()) return std::nullopt;
  return DocsPage{found->bytes, type_of(name), policy};
}

std::optional<DocsPage> find_page(const std::vector<std::string>& path) {
  if (path.size() < 3 || path.size() > 4 || path[0] != "api" || path[1] != "v1") {
    return std::nullopt;
  }
  if (path.size() == 4) {
    // The pages themselves have one address each.
    if (path[2] != "docs" || path[3].ends_with(".html")) return std::nullopt;
    return asset(path[3], kAssetPolicy);
  }
  if (path[2] == "docs") return asset("docs.html", kSwaggerPolicy);
  if (path[2] == "redoc") return asset("redoc.html", kRedocPolicy);
  if (path[2] == "openapi.json") {
    return DocsPage{openapi_document(), "application/json", kAssetPolicy};
  }
  return std::nullopt;
}

// One answer on its way. Lives until the client has it all, or is gone: the exchange's callback
// holds it.
class Sender : public std::enable_shared_from_this<Sender> {
 public:
  Sender(std::shared_ptr<Exchange> exchange, std::string_view bytes)
      : exchange_(std::move(exchange)), rest_(bytes) {}

  void start(HttpResponse head) {
    exchange_->begin(std::move(head));
    exchange_->on_drained([self = shared_from_this()] { self->send(); });
    send();
  }

 private:
  void send() {
    while (!rest_.empty()) {
      const std::string_view slice = rest_.substr(0, kSlice);
      rest_.remove_prefix(slice.size());
      if (!exchange_->write(slice)) return;
    }
    exchange_->end();
  }

  std::shared_ptr<Exchange> exchange_;
  std::string_view rest_;
};

}  // namespace

bool serve_docs(const std::shared_ptr<Exchange>& exchange) {
  const HttpRequest& request = exchange->request();
  const auto page = find_page(request.path);
  if (!page) return false;
  HttpResponse response;
  if (request.method != Method::get && request.method != Method::head) {
    response = http_error(405, "method_not_allowed", "Method Not Allowed");
    response.headers.push_back({"Allow", "GET, HEAD"});
  } else {
    response.content_type = page->content_type;
    response.headers.push_back({"Content-Security-Policy", std::string(page->policy)});
    response.headers.push_back({"Referrer-Policy", "no-referrer"});
  }
  allow_origin(response, request);
  if (response.status != 200) {
    exchange->respond(std::move(response));
  } else {
    std::make_shared<Sender>(exchange, page->bytes)->start(std::move(response));
  }
  return true;
}

}  // namespace dc::daemon
