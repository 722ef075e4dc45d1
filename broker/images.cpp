// SPDX-License-Identifier: Apache-2.0
// Images: list, exists, remove. Broker only. Callers see and name what the policy's image list
// allows, and nothing else.
#include <spdlog/fmt/chrono.h>
#include <algorithm>
#include "broker/engine_request.hpp"
#include "broker/execute.hpp"
#include "common/json_reader.hpp"
#include "common/json_text.hpp"

namespace dc::broker {
namespace {

// "2026-01-31T12:00:00Z"
std::string date_of(std::string_view seconds) {
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  const std::int64_t time = json_integer(seconds).value_or(0);
  return fmt::format("{:%FT%TZ}", fmt::gmtime(std::clamp<std::int64_t>(time, 0, kYear10000 - 1)));
}

bool is_wanted(const ImageRef& image, const ListImages& list) {
  if (!list.image) return true;
  return list.any_tag ? image.name() == list.image->name() : image == *list.image;
}

// Those of a list of references that the policy allows and the caller asked for, as they stand.
std::vector<std::string> shown(std::string_view references,
                               const policy::Allowed<ListImages>& allowed) {
  std::vector<std::string> found;
  for_each_element(references, [&](std::string_view json) {
    auto text = json_string(json).value_or("");
    const auto image = ImageRef::parse(text);  // "<none>:<none>" is none
    if (image && policy::is_image_allowed(*image, allowed.profile()) &&
        is_wanted(*image, allowed.command())) {
      found.push_back(std::move(text));
    }
  });
  return found;
}

// Nothing for an image that neither a tag nor a digest shows to be an allowed one.
void write_image(JsonWriter& out, std::string_view document,
                 const policy::Allowed<ListImages>& allowed) {
  std::string id;
  std::string_view tags, digests, size = "0", created;
  for_each_member(document, [&](std::string_view key, std::string_view json) {
    if (key == "Id") id = json_string(json).value_or("");
    if (key == "RepoTags") tags = json;
    if (key == "RepoDigests") digests = json;
    if (key == "Size" && json_integer(json)) size = json;
    if (key == "Created") created = json;
  });
  auto names = shown(tags, allowed);
  if (names.empty() && !shown(digests, allowed).empty()) names.push_back(id.substr(0, 19));
  if (names.empty()) return;
  out.open('{').key("id").string(id).key("tags").open('[');
  for (const std::string& name : names) out.string(name);
  out.close(']').key("size").raw(size).key("created").string(date_of(created)).close('}');
}

}  // namespace

void execute(const policy::Allowed<ListImages>& allowed, const ReplyPtr& reply, Context& context) {
  context.engine.send(request::list_images(), [allowed, reply](Result<EngineResponse> response) {
    const auto document = read_document(std::move(response), EngineStep::image);
    if (!document) return reply->fail(document.error());
    JsonWriter out;
    out.open('[');
    const bool whole = for_each_element(
        document->view(), [&](std::string_view image) { write_image(out, image, allowed); });
    if (!whole) {
      return reply->fail(
          {Errc::engine_failure, "The Docker Engine's answer is not a list of images", {}});
    }
    send_bytes(reply, out.close(']').take());
  });
}

void execute(const policy::Allowed<FindImage>& allowed, const ReplyPtr& reply, Context& context) {
  context.engine.send(request::inspect_image(allowed.command().image),
                      [reply](const Result<EngineResponse>& response) {
                        if (!response) return reply->fail(response.error());
                        if (response->status == 200) return send_bytes(reply, "true");
                        if (response->status == 404) return send_bytes(reply, "false");
                        reply->fail(engine_error(EngineStep::image, *response));
                      });
}

// The name goes, and the image with it when it has no other.
void execute(const policy::Allowed<RemoveImage>& allowed, const ReplyPtr& reply, Context& context) {
  context.engine.send(request::remove_image(allowed.command()),
                      [reply](const Result<EngineResponse>& response) {
                        finish_act(reply, EngineStep::image, response);
                      });
}

}  // namespace dc::broker
