// SPDX-License-Identifier: Apache-2.0
// run as a transaction: resolve, look at the host, create, inspect and compare, look again, start,
// confirm. Whatever fails, what was created is removed and the caller gets the first error. Broker
// only. The intent is in the audit before any of this begins; the sweeper takes over if this
// process ends in between.
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

  // What is missing on the host is told before an image of tens of GB is pulled.
  void start() {
    if (auto host = look_at_host(); !host) return give_up(host.error());
    if (command().pull == PullMode::always) return pull();
    resolve_image(command().pull == PullMode::missing);
  }

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
    pull();
  }

  void pull() {
    const PullImage image{command().image, std::nullopt, std::nullopt};
    context_.pulls.start(allowed_.service(), allowed_.profile().quota.pulls, image,
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
        allowed_,
        std::move(*id),
        {},
        {allowed_.service().str(), nonce_, proof, transient},
        {},
        health_of(command(), allowed_.profile(), json_member(document->view(), "Config"))});
    resolve_network();
  }

  // Networks of users go by id, so that a network made anew under the same name is not joined. The
  // Engine's own three are constants that nobody can replace.
  void resolve_network() {
    const std::string_view name = command().network ? command().network->view() : "bridge";
    if (name == "bridge" || name == "host" || name == "none") {
      plan_->network_mode = name;
      return check_next_volume();
    }
    send(request::inspect_network(*command().network), &Run::network_resolved);
  }

  void network_resolved(EngineResponse response) {
    const auto network = read_bridge(std::move(response), *command().network);
    if (!network) return give_up(network.error());
    plan_->network_mode = network->id.view();
    check_next_volume();
  }

  // Each named volume, before the container is made and again when it has it: from then on nobody
  // can replace it.
  void check_next_volume() {
    const auto& mounts = command().mounts;
    while (mount_ < mounts.size() && mounts[mount_].is_bind()) ++mount_;
    if (mount_ == mounts.size()) return id_ ? start_container() : admit();
    send(request::inspect_volume(*VolumeName::parse(mounts[mount_].source.view())),
         &Run::volume_inspected);
  }

  void volume_inspected(EngineResponse response) {
    const auto name = VolumeName::parse(command().mounts[mount_].source.view());
    if (auto good = check_volume(response, *name, !id_); !good) return give_up(good.error());
    ++mount_;
    check_next_volume();
  }

  [[nodiscard]] Result<void> judge_again() const {
    Principal caller{allowed_.service(), {}};
    if (const auto* profile = context_.policy->find(caller.service.view())) {
      caller.scopes = profile->scopes;  // a token that narrows them was asked at the start
    }
    const auto again = policy::authorize(command(), caller, context_.policy);
    if (!again) return fail(again.error());
    return {};
  }

  [[nodiscard]] Result<HostView> look_at_host() const {
    return context_.host_paths.look(command(), allowed_.profile());
  }

  // The last thing before there is a container, so that a place is held for no longer than needed.
  void admit() {
    // A pull may have lasted for hours, and the policy may be another.
    if (auto still = judge_again(); !still) return give_up(still.error());
    auto host = look_at_host();
    if (!host) return give_up(host.error());
    plan_->host = std::move(*host);
    context_.quotas.admit(nonce_, holding_of(*plan_), allowed_.shared_profile(),
                          [self = shared_from_this()](Result<AdmissionPtr> place) {
                            if (!place) return self->give_up(place.error());
                            self->place_ = std::move(*place);
                            self->create();
                          });
  }

  void create() {
    send(request::create_container(command().name, create_body(*plan_)), &Run::created);
  }

  void created(EngineResponse response) {
    const auto document = read_document(std::move(response), EngineStep::create, 201);
    if (!document) {
      place_->no_container();
      return give_up(document.error());
    }
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
    mount_ = 0;
    check_next_volume();
  }

  // The Engine looks the paths up when it starts the container, which may be long after the first
  // look.
  void start_container() {
    const auto host = look_at_host();
    if (!host) return give_up(host.error());
    if (*host != plan_->host) {
      return give_up({Errc::conflict, "A volume's source or a device has changed meanwhile", {}});
    }
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
      if (self->command().tty) {  // a terminal's output has no frames
        self->keep(bytes);
        return true;
      }
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
                         [self = shared_from_this(), error](const Result<EngineResponse>& gone) {
                           if (gone && (gone->status == 204 || gone->status == 404)) {
                             self->place_->no_container();
                           }
                           self->reply_->fail(error);
                         });
  }

  policy::Allowed<RunContainer> allowed_;
  ReplyPtr reply_;
  Context& context_;
  std::string nonce_;
  std::optional<ContainerPlan> plan_;
  AdmissionPtr place_;  // in the service's quota
  std::optional<ContainerId> id_;
  std::size_t mount_ = 0;  // that is being looked at
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
