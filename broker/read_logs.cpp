// SPDX-License-Identifier: Apache-2.0
// Logs: the Engine's stream goes to the front as it is, piece by piece, and no faster than the
// front takes it. Broker only; nothing of the output is read here.
#include <memory>
#include "broker/find_container.hpp"

namespace dc::broker {
namespace {

class LogStream : public std::enable_shared_from_this<LogStream> {
 public:
  LogStream(ReplyPtr reply, Context& context, ContainerId id)
      : reply_(std::move(reply)), context_(context), id_(std::move(id)) {}

  // `lasting`: that the container is gone when its log has ended would be worth telling.
  void start(EngineRequest request, bool tty, bool lasting) {
    lasting_ = lasting;
    const auto self = shared_from_this();
    request.on_open = [self, tty] { self->reply_->data(StreamOpened{tty, {}}); };
    request.on_data = [self](std::string_view bytes) {
      self->unsent_ += bytes;
      self->advance();
      return true;
    };
    ticket_ = context_.engine.send(std::move(request), [self](Result<EngineResponse> response) {
      self->ended(std::move(response));
    });
    // `self` goes with the exchange: the ticket alone is no owner.
    reply_->cancel_with([&context = context_, ticket = ticket_] { context.engine.cancel(ticket); });
  }

 private:
  void ended(Result<EngineResponse> response) {
    if (!response) return reply_->fail(response.error());
    if (response->status != 200) return reply_->fail(engine_error(EngineStep::find, *response));
    // What is left still goes out.
    if (!lasting_) return send_bytes(reply_, std::move(unsent_));
    send_bytes(reply_, std::move(unsent_), [self = shared_from_this()] { self->look_again(); });
  }

  // The Engine ends the log of a container that is removed as if it had only stopped.
  void look_again() {
    const auto judge = [reply = reply_](Result<EngineResponse> response) {
      const auto container = read_inspect(std::move(response));
      if (!container) return reply->fail(container.error());
      if ((*container)->view.status != "removing") return reply->done();
      reply->fail({Errc::not_found, "Container not found", {}});
    };
    context_.engine.send(request::inspect_container(id_), judge);
  }

  // The Engine is paused while bytes wait for credit.
  void advance() {
    std::size_t sent = 0;
    while (sent < unsent_.size() && reply_->ready()) {
      reply_->data(Chunk{wire::Blob{unsent_.substr(sent, limits::kLogChunk)}});
      sent += limits::kLogChunk;
    }
    unsent_.erase(0, sent);
    context_.engine.pause(ticket_, !unsent_.empty());
    if (unsent_.empty()) return;
    reply_->on_ready([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->advance();
    });
  }

  ReplyPtr reply_;
  Context& context_;
  const ContainerId id_;
  EngineTicket ticket_;
  bool lasting_ = false;
  std::string unsent_;  // at most one read of the connection
};

}  // namespace

void execute(const policy::Allowed<ReadLogs>& allowed, const ReplyPtr& reply, Context& context) {
  find_container(allowed, Right::manage, reply, context,
                 [allowed, reply, &context](const InspectedPtr& found) {
                   const ContainerView& container = found->view;
                   const ReadLogs& command = allowed.command();
                   const bool tty = json_member(container.config, "Tty") == "true";
                   // One that removes itself is expected to be gone.
                   const bool lasting =
                       command.follow && json_member(container.host_config, "AutoRemove") != "true";
                   std::make_shared<LogStream>(reply, context, container.id)
                       ->start(request::read_logs(command, container.id), tty, lasting);
                 });
}

}  // namespace dc::broker
