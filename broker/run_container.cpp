// SPDX-License-Identifier: Apache-2.0
// run as a transaction: resolve, create, inspect and compare, start, confirm. Whatever fails, what
// was created is removed and the caller gets the first error. Broker only. The intent is in the
// audit before any of this begins; the sweeper takes over if this process ends in between.
#include <spdlog/spdlog.h>
#include <memory>
#include <optional>
#include "broker/create_container.hpp"
#include "broker/engine_request.hpp"
#include "broker/execute.hpp"
#include "broker/find_network.hpp"
#include "common/log_frames.hpp"

namespace dc::broker {
namespace {

class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(const policy::Allowed<RunContainer>& allowed, ReplyPtr reply, Context& context)
      : allowed_(allowed), reply_(std::move(reply)), context_(context), nonce_(make_nonce()) {
    context_.sweeper.protect(nonce_);
  }
  ~Run() { context_.sweeper.release(nonce_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void start() { resolve_image(true); }

 private:
  using Step = void (Run::*)(EngineResponse);

  [[nodiscard]] const RunContainer& command() const { return allowed_.command(); }

  // Sends a request; `step` gets its response, whatever the status.
  void send(EngineRequest request, Step step) {
    context_.engine.send(std::move(request),
                         [self = shared_from_this(), step](Result<EngineResponse> response) {
                           if (!response) return self->give_up(response.error());
                           ((*self).*step)(std::move(*response));
                         });
  }

  void resolve_image(bool pull_when_missing) {
    send(request::inspect_image(command().image),
         pull_when_missing ? &Run::image_looked_up : &Run::image_resolved);
  }

  void image_looked_up(EngineResponse response) {
    if (response.status != 404) return image_resolved(std::move(response));
    const PullImage pull{command().image, std::nullopt, std::nullopt};
    context_.pulls.start(allowed_.service(), pull,
                         [self = shared_from_this()](const Result<void>& pulled) {
                           if (!pulled) return self->give_up(pulled.error());
                           self->resolve_image(false);
                         });
  }

  void image_resolved(EngineResponse response) {
    const auto document = read_document(std::move(response), EngineStep::pull);
    if (!document) return give_up(document.error());
    auto id = ImageId::parse(json_text(document->view(), "Id"));
    if (!id)
      return give_up({Errc::engine_failure, "The Docker Engine's answer is not an image", {}});
    const std::string proof = context_.ownership.proof(allowed_.service(), nonce_, *id);
    const bool transient = command().auto_remove && !command().detach;
    plan_.emplace(ContainerPlan{
        allowed_, std::move(*id), {}, {allowed_.service().str(), nonce_, proof, transient}});
    resolve_network();
  }

  // Networks of users go by id, so that a network made anew under the same name is not joined. The
  // Engine's own three are constants that nobody can replace.
  void resolve_network() {
    const std::string_view name = command().network ? command().network->view() : "bridge";
    if (name == "bridge" || name == "host" || name == "none") {
      plan_->network_mode = name;
      return create();
    }
    send(request::inspect_network(*command().network), &Run::network_resolved);
  }

  void network_resolved(EngineResponse response) {
    const auto network = read_bridge(std::move(response), *command().network);
    if (!network) return give_up(network.error());
    plan_->network_mode = network->id.view();
    create();
  }

  void create() {
    send(request::create_container(command().name, create_body(*plan_)), &Run::created);
  }

  void created(EngineResponse response) {
    const auto document = read_document(std::move(response), EngineStep::create, 201);
    if (!document) return give_up(document.error());
    auto id = ContainerId::parse(json_text(document->view(), "Id"));
    if (!id) return give_up({Errc::engine_failure, "The Docker Engine gave no container id", {}});
    reply_->about(id->view());
    id_ = std::move(*id);
    // What the Engine dropped also shows in the comparison that follows.
    for_each_element(json_member(document->view(), "Warnings"), [](std::string_view warning) {
      const auto text = Text<256>::clip(json_string(warning).value_or(""));
      spdlog::warn("the Engine warns on create: {}", text.view());
    });
    send(request::inspect_container(*id_), &Run::inspected);
  }

  void inspected(EngineResponse response) {
    auto container = read_inspect(std::move(response));
    if (!container) return give_up(container.error());
    if (auto same = check_created(*plan_, (*container)->view); !same) {
      spdlog::error("{}", same.error().detail);
      return give_up(same.error());
    }
    name_ = (*container)->view.name;
    port_bindings_ = json_member((*container)->view.host_config, "PortBindings");
    if (json_is_null(port_bindings_)) port_bindings_ = "{}";
    send(request::start_container(*id_), &Run::started);
  }

  void started(EngineResponse response) {
    if (response.status != 204) return give_up(engine_error(EngineStep::start, response));
    send(request::inspect_container(*id_), &Run::confirmed);
  }

  void confirmed(EngineResponse response) {
    // One that removes itself may have ended and gone already: it ran.
    if (response.status == 404 && command().auto_remove && command().detach) return answer({});
    auto container = read_inspect(std::move(response));
    if (!container) return give_up(container.error());
    if ((*container)->view.status == "created") {
      return give_up({Errc::engine_failure, "The Docker Engine did not start the container", {}});
    }
    if (command().detach) return answer({});
    running_ = true;
    send(request::wait_container(*id_), &Run::exited);
  }

  void exited(EngineResponse response) {
    const JsonText document(std::move(response.body));
    const auto code = json_integer(json_member(document.view(), "StatusCode"));
    if (response.status != 200 || !code) {
      return give_up({Errc::engine_failure, "The Docker Engine gave no exit code", {}});
    }
    exit_code_ = static_cast<std::uint32_t>(*code);
    ReadLogs all{*ContainerRef::parse(id_->view())};
    EngineRequest logs = request::read_logs(all, *id_);
    logs.deadline = limits::kMutateTime;
    logs.on_data = [self = shared_from_this()](std::string_view bytes) {
      return self->frames_.take(bytes, [&](bool, std::string_view output) { self->keep(output); });
    };
    send(std::move(logs), &Run::logs_read);
  }

  // Keeps the end of the output, which is where the reason of a failure is.
  void keep(std::string_view output) {
    logs_ += output;
    if (logs_.size() <= limits::kRunLogs) return;
    logs_truncated_ = true;
    if (logs_.size() > 2 * limits::kRunLogs) logs_.erase(0, logs_.size() - limits::kRunLogs);
  }

  void logs_read(EngineResponse response) {
    if (response.status != 200) return give_up(engine_error(EngineStep::find, response));
    if (logs_.size() > limits::kRunLogs) logs_.erase(0, logs_.size() - limits::kRunLogs);
    if (!plan_->labels.transient) return send_logs();
    send(request::discard(*id_, true), &Run::removed_after_end);
  }

  // Should it still be there, the sweep tries again.
  void removed_after_end(EngineResponse) { send_logs(); }

  void send_logs() {
    send_bytes(reply_, logs_, [self = shared_from_this()] { self->answer(self->exit_code_); });
  }

  void answer(std::optional<std::uint32_t> exit_code) {
    reply_->finish(ContainerStarted{*id_, Text<256>::clip(name_), wire::Blob{port_bindings_},
                                    exit_code, static_cast<std::uint32_t>(logs_.size()),
                                    logs_truncated_});
  }

  // The first error is the caller's, and the sweep's work what cannot be removed now. A container
  // that runs is what was asked for, and stays when only its end could not be awaited.
  void give_up(const Error& error) {
    if (!id_ || running_) return reply_->fail(error);
    context_.engine.send(request::discard(*id_, true),
                         [self = shared_from_this(), error](const Result<EngineResponse>&) {
                           self->reply_->fail(error);
                         });
  }

  policy::Allowed<RunContainer> allowed_;
  ReplyPtr reply_;
  Context& context_;
  std::string nonce_;
  std::optional<ContainerPlan> plan_;
  std::optional<ContainerId> id_;
  bool running_ = false;
  std::string name_, port_bindings_;
  std::optional<std::uint32_t> exit_code_;
  LogFrames frames_;
  std::string logs_;
  bool logs_truncated_ = false;
};

}  // namespace

void execute(const policy::Allowed<RunContainer>& allowed, const ReplyPtr& reply,
             Context& context) {
  std::make_shared<Run>(allowed, reply, context)->start();
}

}  // namespace dc::broker
