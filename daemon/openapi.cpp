// SPDX-License-Identifier: Apache-2.0
// From the route table and what its rows say of themselves to one JSON document. Front only;
// constant data, nothing of any request.
#include "daemon/openapi.hpp"
#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <vector>
#include "common/json_text.hpp"
#include "daemon/openapi_schema.hpp"
#include "daemon/routes.hpp"

namespace dc::daemon {
namespace {

using api::Documentation;
using api::Parameter;
using api::Property;
using api::Schema;
using api::Success;
using api::Type;

constexpr std::string_view kAbout =
    "Runs, lists, inspects, stops and removes Docker containers for services that must not have "
    "docker.sock. What a service may do is in the policy file.\n\n"
    "Each request brings a JSON Web Token: `docker-control token --service NAME` makes one. Every "
    "error has the same shape, and a refusal says in `hint` what would allow the request.";

struct Tag {
  std::string_view name;
  std::string_view text;
};
constexpr auto kTags = std::to_array<Tag>({
    {"Service", "The service itself."},
    {"Containers", "Containers of the Docker Engine."},
    {"Images", "Images of the Docker Engine."},
    {"Networks", "Networks of the Docker Engine."},
});

// One kind of failure, under components/responses.
struct Failure {
  int status;
  std::string_view name;
  std::string_view text;
  std::string_view example;  // JSON
};
constexpr auto kFailures = std::to_array<Failure>({
    {400, "BadRequest", "Malformed, out of range, an unknown field, or refused by the policy",
     R"({"detail":"Image not in allowed list","code":"image_not_allowed"})"},
    {401, "Unauthenticated", "The same answer for every cause",
     R"({"detail":"Invalid or missing JWT token","code":"unauthenticated"})"},
    {403, "Forbidden", "The token is good, but its service may not do this",
     R"({"detail":"This service may not manage this container","code":"scope_denied"})"},
    {404, "NotFound", "There is none, or the service may not see it",
     R"({"detail":"No such container","code":"not_found"})"},
    {406, "NotAcceptable", "The request accepts no content type that there is",
     R"({"detail":"This resource is served as application/json","code":"not_acceptable"})"},
    {409, "Conflict", "The name or port is taken, or the state is the wrong one",
     R"({"detail":"Container already exists","code":"conflict"})"},
    {413, "ContentTooLarge", "The body is too large",
     R"({"detail":"The body is too large","code":"body_too_large"})"},
    {415, "UnsupportedMediaType", "The body is not JSON in UTF-8",
     R"({"detail":"Content-Type must be application/json, in UTF-8",)"
     R"("code":"unsupported_media_type"})"},
    {429, "TooManyRequests", "Too many requests; Retry-After says when to come back",
     R"({"detail":"Too many requests","code":"rate_limited"})"},
    {500, "InternalError", "A defect of the service, or of what Docker made of the request",
     R"({"detail":"Something went wrong","code":"internal"})"},
    {502, "BadGateway", "Docker answered what cannot be used",
     R"({"detail":"The answer of Docker could not be used","code":"engine_failure"})"},
    {503, "Unavailable", "Docker or a part of the service does not answer, or has too much to do",
     R"({"detail":"Docker does not answer","code":"engine_unreachable"})"},
    {504, "GatewayTimeout", "Docker did not answer in time",
     R"({"detail":"The broker did not answer in time","code":"deadline_exceeded"})"},
});
// Of requests that are not HTTP as we take it, whatever they ask for.
constexpr Failure kOtherFailure{
    0, "OtherFailure", "Not HTTP as the service takes it: 405, 408, 414, 417, 421, 431, 501, 505",
    R"({"detail":"The request took too long","code":"request_timeout"})"};

constexpr const Failure* failure_of(int status) {
  const auto* found = std::find_if(kFailures.begin(), kFailures.end(),
                                   [status](const Failure& one) { return one.status == status; });
  return found == kFailures.end() ? &kOtherFailure : found;
}

class Document {
 public:
  std::string make();

 private:
  void info();
  void tags();
  void paths();
  void operation(const Route& route);
  void parameters(const Route& route);
  void body(const Route& route);
  void responses(const Route& route);
  void success(const Route& route);
  void header(std::string_view name, std::string_view meaning, std::string_view type);
  void failure(const Failure& failure);
  void components();
  void schemas();
  void schema(const Schema& schema);
  void type(const Type& type, std::string_view text);
  void members(const Type& type);
  void mention(const Schema& schema);
  void reference(const Schema& schema);
  void content(std::string_view content_type, const Schema* schema, std::string_view example);

  JsonWriter& open(std::string_view key) { return json_.key(key).open('{'); }
  JsonWriter& text(std::string_view key, std::string_view value) {
    return json_.key(key).string(value);
  }

  JsonWriter json_;
  // Those that something refers to, in the order of their first mention.
  std::vector<const Schema*> mentioned_;
};

std::string Document::make() {
  json_.open('{');
  text("openapi", "3.1.0");
  info();
  json_.key("servers").open('[').open('{');
  text("url", "/");
  json_.close('}').close(']');
  json_.key("security")
      .open('[')
      .open('{')
      .key("bearer")
      .open('[')
      .close(']')
      .close('}')
      .close(']');
  tags();
  paths();
  components();
  json_.close('}');
  return json_.take();
}

void Document::info() {
  open("info");
  text("title", "docker-control");
  text("version", DC_VERSION);
  text("description", kAbout);
  open("license");
  text("name", "Apache License 2.0");
  text("identifier", "Apache-2.0");
  json_.close('}').close('}');
}

void Document::tags() {
  json_.key("tags").open('[');
  for (const Tag& tag : kTags) {
    json_.open('{');
    text("name", tag.name);
    text("description", tag.text);
    json_.close('}');
  }
  json_.close(']');
}

void Document::paths() {
  open("paths");
  std::set<std::string_view> done;
  for (const Route& first : routes()) {
    if (!done.insert(first.pattern).second) continue;
    open(first.pattern);
    for (const Route& route : routes()) {
      if (route.pattern == first.pattern) operation(route);
    }
    json_.close('}');
  }
  json_.close('}');
}

// --- one operation -------------------------------------------------------------------------------

std::string_view method_key(Method method) {
  switch (method) {
    case Method::get: return "get";
    case Method::head: return "head";
    case Method::post: return "post";
    case Method::put: return "put";
    case Method::patch: return "patch";
    case Method::del: return "delete";
    case Method::options: return "options";
  }
  return "trace";
}

bool in_path(const Route& route, std::string_view name) {
  return route.pattern.find("{" + std::string(name) + "}") != std::string_view::npos;
}

void Document::operation(const Route& route) {
  const Documentation& documentation = *route.documentation;
  open(method_key(route.method));
  text("operationId", documentation.id.empty() ? route.operation : documentation.id);
  json_.key("tags").open('[').string(documentation.tag).close(']');
  text("summary", documentation.summary);
  std::string description(documentation.text);
  if (route.needs_token) {
    if (!description.empty()) description += "\n\n";
    description += "Scope: `" + std::string(scope_name(route.scope)) + "`.";
  } else {
    json_.key("security").open('[').close(']');
  }
  if (!description.empty()) text("description", description);
  parameters(route);
  body(route);
  responses(route);
  json_.close('}');
}

void Document::parameters(const Route& route) {
  if (route.documentation->parameters.empty()) return;
  json_.key("parameters").open('[');
  for (const Parameter& parameter : route.documentation->parameters) {
    const bool path = in_path(route, parameter.name);
    json_.open('{');
    text("name", parameter.name);
    text("in", path ? "path" : "query");
    text("description", parameter.text);
    if (path || parameter.required) json_.key("required").boolean(true);
    json_.key("schema");
    type(parameter.type, {});
    if (!parameter.example.empty()) json_.key("example").raw(parameter.example);
    json_.close('}');
  }
  json_.close(']');
}

void Document::body(const Route& route) {
  if (route.body == BodyKind::none) return;
  open("requestBody");
  text("description", "At most " + std::to_string(route.body_limit / 1024) + " KiB.");
  json_.key("required").boolean(route.body == BodyKind::required);
  content("application/json", route.documentation->body, route.documentation->body_example);
  json_.close('}');
}

void Document::content(std::string_view content_type, const Schema* schema,
                       std::string_view example) {
  open("content");
  open(content_type);
  json_.key("schema");
  if (schema != nullptr) {
    reference(*schema);
    if (!example.empty()) json_.key("example").raw(example);
  } else {
    json_.open('{');
    text("type", "string");
    json_.close('}');
    if (!example.empty()) text("example", example);
  }
  json_.close('}').close('}');
}

// Besides 200: what any row of its kind can come to, and what the row says of itself.
std::set<int> failures(const Route& route) {
  std::set<int> statuses(route.documentation->statuses.begin(),
                         route.documentation->statuses.end());
  if (!route.needs_token) return statuses;
  statuses.insert({400, 401, 403, 406, 429, 500, 502, 503, 504});
  if (route.pattern.find('{') != std::string_view::npos) statuses.insert(404);
  if (route.body != BodyKind::none) statuses.insert({413, 415});
  return statuses;
}

void Document::responses(const Route& route) {
  open("responses");
  success(route);
  for (const int status : failures(route)) {
    open(std::to_string(status));
    text("$ref", "#/components/responses/" + std::string(failure_of(status)->name));
    json_.close('}');
  }
  open("default");
  text("$ref", "#/components/responses/" + std::string(kOtherFailure.name));
  json_.close('}').close('}');
}

void Document::success(const Route& route) {
  const Success& success = route.documentation->success;
  open("200");
  text("description", success.schema == nullptr || success.schema->text.empty()
                          ? std::string_view("Success")
                          : success.schema->text);
  if (route.page == Page::none) {  // a command, which the policy judges
    header("Docker-Control-Warning",
           "In mode warn of the service's profile, once for each rule that would have refused this",
           "string");
  }
  content(success.content_type, success.schema, success.example);
  json_.close('}');
}

void Document::header(std::string_view name, std::string_view meaning, std::string_view type) {
  open("headers");
  open(name);
  text("description", meaning);
  json_.key("schema").open('{');
  text("type", type);
  json_.close('}').close('}').close('}');
}

// --- components ----------------------------------------------------------------------------------

void Document::components() {
  open("components");
  open("securitySchemes");
  open("bearer");
  text("type", "http");
  text("scheme", "bearer");
  text("bearerFormat", "JWT");
  text("description",
       "A token signed with HS256, whose claim `service` names a profile of the policy");
  json_.close('}').close('}');
  open("responses");
  for (const Failure& one : kFailures) failure(one);
  failure(kOtherFailure);
  json_.close('}');
  schemas();
  json_.close('}');
}

void Document::failure(const Failure& failure) {
  open(failure.name);
  text("description", failure.text);
  if (failure.status == 429 || failure.status == 503) header("Retry-After", "Seconds", "integer");
  content("application/json", &api::kErrorSchema, failure.example);
  json_.close('}');
}

void Document::schemas() {
  open("schemas");
  // Writing one may mention more.
  for (std::size_t i = 0; i < mentioned_.size(); ++i) schema(*mentioned_[i]);
  json_.close('}');
}

void Document::schema(const Schema& schema) {
  open(schema.name);
  text("type", "object");
  if (!schema.text.empty()) text("description", schema.text);
  if (std::any_of(schema.properties.begin(), schema.properties.end(),
                  [](const Property& one) { return one.required; })) {
    json_.key("required").open('[');
    for (const Property& property : schema.properties) {
      if (property.required) json_.string(property.name);
    }
    json_.close(']');
  }
  open("properties");
  for (const Property& property : schema.properties) {
    json_.key(property.name);
    type(property.type, property.text);
  }
  json_.close('}');
  if (schema.closed) json_.key("additionalProperties").boolean(false);
  json_.close('}');
}

void Document::type(const Type& type, std::string_view text) {
  if (type.schema != nullptr) mention(*type.schema);
  json_.open('{');
  if (type.kind == Type::Kind::json) {
    json_.raw(type.members);
  } else {
    members(type);
  }
  if (!type.fallback.empty()) json_.key("default").raw(type.fallback);
  if (!text.empty()) this->text("description", text);
  json_.close('}');
}

void Document::members(const Type& type) {
  switch (type.kind) {
    case Type::Kind::boolean: text("type", "boolean"); return;
    case Type::Kind::integer:
      text("type", "integer");
      json_.key("minimum").number(static_cast<std::int64_t>(type.least));
      if (type.most != 0) json_.key("maximum").number(static_cast<std::int64_t>(type.most));
      return;
    case Type::Kind::text:
      text("type", "string");
      if (type.most != 0) json_.key("maxLength").number(static_cast<std::int64_t>(type.most));
      return;
    case Type::Kind::list:
      text("type", "array");
      json_.key("items");
      reference(*type.schema);
      return;
    case Type::Kind::reference:
      text("$ref", "#/components/schemas/" + std::string(type.schema->name));
      return;
    case Type::Kind::json: return;
  }
}

void Document::mention(const Schema& schema) {
  if (std::find(mentioned_.begin(), mentioned_.end(), &schema) == mentioned_.end()) {
    mentioned_.push_back(&schema);
  }
}

void Document::reference(const Schema& schema) { type(api::reference_to(schema), {}); }

}  // namespace

const std::string& openapi_document() {
  static const std::string kDocument = Document().make();
  return kDocument;
}

}  // namespace dc::daemon
