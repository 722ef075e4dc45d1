// SPDX-License-Identifier: Apache-2.0
// The walk of one request, in the order of the REST contract. Front only; see the head of call.hpp.
#include "daemon/call.hpp"
#include "daemon/explain.hpp"
#include "daemon/log_stream.hpp"
#include "daemon/negotiate.hpp"
#include "daemon/render.hpp"
#include "policy/authorize.hpp"

namespace dc::daemon {
namespace {

// How long nothing may come before the front gives up on the broker, see BrokerClient::request().
// Each is above what the broker allows one step of its own, so its answer comes first as long as it
// answers at all.
constexpr std::chrono::seconds kReadDeadline{15};
constexpr std::chrono::seconds kMutateDeadline{90};

std::chrono::milliseconds deadline_of(const Command& command) {
  if (const auto* logs = std::get_if<ReadLogs>(&command)) {
    return kReadDeadline + (logs->follow ? limits::kFollowTime : limits::kMutateTime);
  }
  if (std::holds_alternative<WaitContainer>(command)) return kReadDeadline + limits::kWaitTime;
  if (std::holds_alternative<PullImage>(command) || std::holds_alternative<ReadPull>(command)) {
    return kMutateDeadline + limits::kPullTime;
  }
  if (const auto* stop = std::get_if<StopContainer>(&command)) {
    return kMutateDeadline + limits::kStopGrace + std::chrono::seconds(stop->timeout);
  }
  if (const auto* restart = std::get_if<RestartContainer>(&command)) {
    return kMutateDeadline + limits::kStopGrace + std::chrono::seconds(restart->timeout);
  }
  if (const auto* run = std::get_if<RunContainer>(&command)) {
    const auto start = limits::kPullTime + limits::kRollbackTime + 2 * kMutateDeadline;
    return run->detach ? start : start + limits::kWaitTime;
  }
  return std::visit([](const auto& any) { return any.kMutates; }, command) ? kMutateDeadline
                                                                           : kReadDeadline;
}

std::shared_ptr<Answer> make_answer(AnswerParts parts, const Command& command,
                                    EventStreams& streams) {
  switch (parts.route.shape) {
    case Shape::logs:
      return std::make_shared<EventStream>(
          std::move(parts),
          std::make_unique<LogEvents>(std::get<ReadLogs>(command).follow,
                                      std::get<ReadLogs>(command).timestamps),
          streams);
    case Shape::events:
      return std::make_shared<EventStream>(std::move(parts), std::make_unique<JsonEvents>(),
                                           streams);
    default: return std::make_shared<Reply>(std::move(parts));
  }
}

// HEAD of a stream asks only whether it would begin.
void shorten(Command& command) {
  if (auto* logs = std::get_if<ReadLogs>(&command)) {
    logs->follow = false;
    logs->tail = 0;
  }
  if (auto* pull = std::get_if<ReadPull>(&command)) pull->follow = false;
}

// The broker's own check is the one that counts; this one only answers sooner. In mode warn the
// caller is told what mode enforce would refuse.
Result<std::vector<Header>> check_policy(const Command& command, const Principal& caller,
                                         const policy::Snapshot& policy) {
  return std::visit(
      [&](const auto& any) -> Result<std::vector<Header>> {
        auto allowed = policy::authorize(any, caller, policy);
        if (!allowed) return fail(std::move(allowed.error()));
        std::vector<Header> warnings;
        if (allowed->profile().mode != policy::Mode::warn) return warnings;
        for (const Error& error : allowed->waived()) {
          const auto text = Text<1024>::clip(error.detail + "; " + error.hint);
          warnings.push_back({"Docker-Control-Warning", text.str()});
        }
        return warnings;
      },
      command);
}

}  // namespace

void Call::start(Services& services, std::shared_ptr<Exchange> exchange, Match match) {
  auto call = std::make_shared<Call>(services, std::move(exchange), std::move(match));
  call->exchange_->on_gone([weak = call->weak_from_this()] {
    if (const auto self = weak.lock()) self->gone();
  });
  call->authenticate();
}

Call::Call(Services& services, std::shared_ptr<Exchange> exchange, Match match)
    : services_(services),
      exchange_(std::move(exchange)),
      request_(exchange_->request()),
      match_(std::move(match)) {}

void Call::authenticate() {
  services_.auth.authenticate(request_.authorization, request_.peer,
                              [self = shared_from_this()](Authenticator::Outcome outcome) {
                                self->authenticated(std::move(outcome));
                              });
}

void Call::authenticated(Authenticator::Outcome outcome) {
  if (gone_) return;
  if (!outcome) return refuse(outcome.error());
  exchange_->vouch();
  caller_ = std::move(*outcome);
  if (!message_) return route();
  std::get<Submit>(*message_).handle = caller_->handle;
  submit();
}

void Call::route() {
  if (request_.method == Method::options && (match_.methods != 0 || request_.path.empty())) {
    HttpResponse response;
    response.status = 204;
    response.headers.push_back({"Allow", allow_header(match_.methods)});
    return respond(std::move(response));
  }
  if (match_.methods == 0) return refuse({Errc::not_found, "Not Found", ""});
  if (match_.route == nullptr) {
    HttpResponse response = http_error(405, "method_not_allowed", "Method Not Allowed");
    response.headers.push_back({"Allow", allow_header(match_.methods)});
    return respond(std::move(response));
  }
  route_ = match_.route;
  const bool page = route_->page != Page::none;  // of which the broker knows nothing
  if (services_.policy_check || page) {
    const auto scope = policy::check_scope(route_->scope, route_->operation, caller_->principal,
                                           *services_.policy);
    if (!scope) return deny(scope.error(), nullptr);
  }
  const bool stream = route_->shape == Shape::logs || route_->shape == Shape::events;
  const bool metrics = route_->page == Page::metrics;
  const auto type = metrics ? "text/plain" : stream ? kEventStream : kJson;
  if (auto refusal = refuse_form(request_, route_->body, type)) {
    return respond(std::move(*refusal));
  }
  if (metrics) return respond(services_.metrics.page());
  read_body();
}

void Call::read_body() {
  if (!request_.has_body) return with_body({});
  exchange_->read_body(route_->body_limit, [self = shared_from_this()](const std::string& body) {
    // A body that a GET brings means nothing; it is only read off the connection.
    self->with_body(self->route_->body == BodyKind::none ? std::string() : body);
  });
}

void Call::with_body(const std::string& body) {
  if (gone_) return;
  if (route_->page == Page::explain) return explain(body);
  auto command = route_->build({match_.id, request_.query, body});
  if (!command) return deny(command.error(), nullptr);
  if (request_.method == Method::head) shorten(*command);
  if (services_.policy_check) {
    auto allowed = check_policy(*command, caller_->principal, services_.policy);
    if (!allowed) return deny(allowed.error(), &*command);
    warnings_ = std::move(*allowed);
  }
  message_ = Submit{caller_->handle, Text<64>::clip(request_.peer), std::move(*command)};
  submit();
}

void Call::explain(const std::string& body) {
  const auto question = read_question(body);
  if (!question) return refuse(question.error());
  const auto told = daemon::explain(*question, caller_->principal, services_.policy);
  if (!told) return refuse(told.error());
  HttpResponse response;
  response.body = to_json(*told);
  respond(std::move(response));
}

void Call::deny(const Error& error, const Command* command) {
  if (route_->page != Page::none) return refuse(error);
  Refused refused{caller_->handle, Text<64>::clip(request_.peer), 0, error.code, std::nullopt};
  while (kOperations[refused.operation] != route_->operation) ++refused.operation;
  if (command != nullptr) refused.command = *command;
  services_.broker.report(refused);
  refuse(error);
}

void Call::submit() {
  const Command& command = std::get<Submit>(*message_).command;
  const auto deadline = deadline_of(command);
  id_ = services_.broker.request(*message_, shared_from_this(), deadline);
  if (id_ == 0) return refuse({Errc::invalid_request, "The request is too large", ""});
  if (answer_) return;
  if (std::holds_alternative<WaitContainer>(command)) exchange_->may_last();
  auto headers = cors_headers(request_);
  headers.insert(headers.end(), warnings_.begin(), warnings_.end());
  answer_ = make_answer({exchange_, *route_, success_message(command), std::move(headers),
                         [this](std::uint32_t frames) { services_.broker.credit(id_, frames); },
                         [this] { services_.broker.cancel(id_); }},
                        command, services_.streams);
}

void Call::part(ToFront message) {
  answering_ = true;
  answer_->part(std::move(message));
}

void Call::last(ToFront message) {
  const auto* failed = std::get_if<Failed>(&message);
  // The broker forgets handles that expire or that its table has no place for, and a new channel
  // starts without any: the token itself may still be good. A stream that was cut for it is not.
  if (failed != nullptr && failed->code == Errc::unauthenticated) {
    services_.auth.forget(*caller_);
    if (!retried_ && !gone_ && !answering_) {
      retried_ = true;
      return authenticate();
    }
  }
  answer_->last(std::move(message));
}

void Call::gone() {
  gone_ = true;
  if (!answer_) return;
  answer_->discard();
  // What changes something goes on to its end: the client may have seen it begin.
  if (!route_->mutates) services_.broker.cancel(id_);
}

void Call::respond(HttpResponse response) {
  allow_origin(response, request_);
  exchange_->respond(std::move(response));
}

}  // namespace dc::daemon
