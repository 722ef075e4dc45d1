// SPDX-License-Identifier: Apache-2.0
// Explains by doing the same as the request would, up to the broker. Front, and the command line.
#include "daemon/explain.hpp"
#include "common/describe.hpp"
#include "daemon/json_body.hpp"
#include "daemon/routes.hpp"
#include "policy/authorize.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

// A member as it would stand in a query.
std::string query_text(Json value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

Result<void> read_query(Json value, std::string_view name, std::vector<QueryParameter>& query) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return field_error(name, "must be an object");
  for (const auto member : object) {
    if (query.size() >= limits::kQueryParameters) return field_error(name, "has too many members");
    if (!is_null(member.value)) {
      query.push_back({std::string(member.key), query_text(member.value)});
    }
  }
  return {};
}

Result<void> read_text(Json value, std::string_view name, std::string& into) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  into = *text;
  return {};
}

constexpr std::array<Field<Question>, 4> kQuestionFields{
    {{"operation", [](Json value, std::string_view name,
                      Question& question) { return read_text(value, name, question.operation); }},
     {"path", [](Json value, std::string_view name,
                 Question& question) { return read_text(value, name, question.id); }},
     {"query", [](Json value, std::string_view name,
                  Question& question) { return read_query(value, name, question.query); }},
     {"request", [](Json value, std::string_view name, Question& question) -> Result<void> {
        if (!value.is_object()) return field_error(name, "must be an object");
        question.body = simdjson::minify(value);
        return {};
      }}}};

// Of the routes of one operation the one that takes the path's part as it was given.
const Route* find_route(const Question& question) {
  const Route* found = nullptr;
  for (const Route& route : routes()) {
    if (route.page != Page::none) continue;
    if (route.documentation->id == question.operation) return &route;
    if (route.operation != question.operation) continue;
    const bool takes_id = route.pattern.find('{') != std::string_view::npos;
    if (found == nullptr || takes_id == !question.id.empty()) found = &route;
    if (takes_id == !question.id.empty()) break;
  }
  return found;
}

Result<Command> build(const Route& route, Question question) {
  if (route.body == BodyKind::none && !question.body.empty()) {
    auto document = JsonDocument::parse(question.body, "Body");
    if (!document) return fail(std::move(document.error()));
    auto read = read_query(document->root(), "request", question.query);
    if (!read) return fail(std::move(read.error()));
    question.body.clear();
  }
  return route.build({question.id, question.query, question.body});
}

template <class X>
std::string described(const X& command) {
  JsonWriter out;
  describe(out, command);
  return out.take();
}

std::string capability_names(const std::vector<Capability>& capabilities) {
  JsonWriter out;
  describe(out, capabilities);
  return out.take();
}

template <class X>
void judge(const X& command, const Principal& caller, const policy::Snapshot& policy,
           Explanation& out) {
  const auto allowed = policy::authorize(command, caller, policy);
  out.request = described(allowed ? allowed->command() : command);
  if (!allowed) {
    out.refusal = allowed.error();
    return;
  }
  out.waived = allowed->waived();
  if constexpr (std::is_same_v<X, RunContainer>) {
    out.capabilities =
        capability_names(policy::effective_capabilities(allowed->command(), allowed->profile()));
  }
}

void write_error(JsonWriter& out, const Error& error) {
  out.key("code").string(errc_name(error.code)).key("detail").string(error.detail);
  if (!error.hint.empty()) out.key("hint").string(error.hint);
  if (!error.rule.empty()) out.key("rule").string(error.rule).key("wanted").string(error.wanted);
}

}  // namespace

Result<Question> read_question(const std::string& body) {
  Question question;
  auto read = read_body_fields(body, true, kQuestionFields, question);
  if (!read) return fail(std::move(read.error()));
  if (question.operation.empty()) return field_error("operation", "is missing");
  return question;
}

Result<Explanation> explain(const Question& question, const Principal& caller,
                            const policy::Snapshot& policy) {
  const Route* route = find_route(question);
  if (route == nullptr) {
    std::string known;
    for (const std::string_view name : kOperations) {
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    return fail(Errc::invalid_request, "There is no such operation", "use one of " + known);
  }
  Explanation out{caller.service.str(), std::string(route->operation), {}, {}, {}, {}};
  const auto scope = policy::check_scope(route->scope, route->operation, caller, *policy);
  if (!scope) {
    out.refusal = scope.error();
    return out;
  }
  const auto command = build(*route, question);
  if (!command) {
    out.refusal = command.error();
    return out;
  }
  std::visit([&](const auto& known) { judge(known, caller, policy, out); }, *command);
  return out;
}

std::string to_json(const Explanation& explanation) {
  JsonWriter out;
  out.open('{').key("status").string("success");
  out.key("service").string(explanation.service).key("operation").string(explanation.operation);
  out.key("verdict").string(explanation.refusal ? "refused" : "allowed");
  if (explanation.refusal) write_error(out, *explanation.refusal);
  if (!explanation.waived.empty()) {
    out.key("would_refuse").open('[');
    for (const Error& error : explanation.waived) {
      out.open('{');
      write_error(out, error);
      out.close('}');
    }
    out.close(']');
  }
  if (!explanation.request.empty()) out.key("request").raw(explanation.request);
  if (!explanation.capabilities.empty()) out.key("capabilities").raw(explanation.capabilities);
  return out.close('}').take();
}

}  // namespace dc::daemon
