// SPDX-License-Identifier: Apache-2.0
// Frames in, decisions, frames out. Broker only; trusts nothing that it reads.
#include "broker/session.hpp"
#include <spdlog/spdlog.h>
#include <ctime>
#include "common/describe.hpp"

namespace dc::broker {
namespace {

// Frames read before other work of the loop has its turn.
constexpr int kFramesPerWake = 64;
// Before this, the clock has not been set and no token's times mean anything: 2020-01-01.
constexpr std::int64_t kClockFloor = 1'577'836'800;

const Error kTooOften{Errc::rate_limited, "Too many requests a second",
                      "ask less often, or raise `rate` of the service's profile"};
const Error kBadToken{Errc::unauthenticated, "Invalid or missing JWT token", {}};

// What may last for hours; a log that ends does for a client that reads slowly.
bool is_stream(const Command& command) {
  if (const auto* pull = std::get_if<ReadPull>(&command)) return pull->follow;
  return std::holds_alternative<ReadLogs>(command) ||
         std::holds_alternative<WaitContainer>(command);
}

bool is_reserved_for(const Command& command) {
  return std::holds_alternative<StopContainer>(command) ||
         std::holds_alternative<RemoveContainer>(command);
}

}  // namespace

Session::Session(Context& context, Fd channel, std::function<void(End)> ended)
    : context_(context),
      channel_(std::move(channel)),
      poll_(context.loop, channel_.fd(), [this](int events) { on_ready(events); }),
      ended_(std::move(ended)),
      check_timer_(context.loop) {
  poll_.watch(UV_READABLE);
  check_timer_.start(
      limits::kStreamCheck, [this] { check_streams(); }, limits::kStreamCheck);
}

Session::~Session() {
  phase_ = Phase::ended;
  for (const auto& [id, weak] : std::exchange(open_, {})) {
    if (const auto reply = weak.lock()) reply->abandon();
  }
}

void Session::on_ready(int events) {
  if ((events & UV_WRITABLE) != 0 && phase_ != Phase::ended) write_frames();
  if ((events & UV_READABLE) != 0 && phase_ != Phase::ended) read_frames();
}

void Session::read_frames() {
  for (int i = 0; i < kFramesPerWake && phase_ != Phase::ended; ++i) {
    std::string_view bytes;
    switch (channel_.receive(bytes)) {
      case Channel::Received::nothing: return;
      case Channel::Received::closed: return end(End::closed);
      case Channel::Received::breach: return end(End::breach);
      case Channel::Received::frame: break;
    }
    auto frame = wire::decode_frame<ToBroker>(bytes);
    const bool good = frame && !frame->last && take(std::move(*frame));
    channel_.forget();
    if (!good) return end(End::breach);
  }
}

bool Session::take(wire::Frame<ToBroker> frame) {
  const bool greeting = std::holds_alternative<Hello>(frame.message);
  if (greeting != (phase_ == Phase::await_hello)) return false;
  return std::visit([&](auto& message) { return handle(frame.id, std::move(message)); },
                    frame.message);
}

bool Session::is_new(std::uint64_t id) {
  if (id <= last_id_) return false;
  last_id_ = id;
  return true;
}

bool Session::handle(std::uint64_t id, const Hello& hello) {
  if (id != 0) return false;
  phase_ = Phase::ready;
  greeted_ = true;
  spdlog::info("ready: the front (pid {}) is connected", hello.pid);
  send(0, false, context_.welcome);
  send_policy();
  send_status();
  return true;
}

bool Session::handle(std::uint64_t id, const VerifyToken& verify) {
  if (!is_new(id)) return false;
  const std::int64_t now = std::time(nullptr);
  if (now < kClockFloor) {
    send(id, true, Failed::of({Errc::overloaded, "The clock of this host is not set", {}}));
    return true;
  }
  const auto refuse = [&](std::string_view reason) {
    // The reason stays here: the caller's answer is one constant body.
    context_.audit.refused("token_refused", verify.peer.view(), reason);
    send(id, true, Failed::of(kBadToken));
    return true;
  };
  auto verified = context_.keys.verify(verify.token.view(), now);
  if (!verified) return refuse(verified.error().detail);
  const bool endless = !verified->claims.expires;
  const std::uint64_t clock = uv_now(context_.loop);
  VerifiedToken token = as_verified(std::move(*verified), now, clock);
  if (const char* reason = taken_back(token, context_.revocations)) return refuse(reason);
  if (endless) note_endless(token.service);
  const auto lifetime = static_cast<std::uint32_t>(token.expires_at - clock);
  Principal caller = principal_of(token);
  const Handle handle = tokens_.add(std::move(token), clock);
  send(id, true, TokenVerified{handle, std::move(caller.service), caller.scopes, lifetime});
  return true;
}

void Session::note_endless(const ServiceName& service) {
  const std::uint64_t now = uv_now(context_.loop);
  if (now < context_.next_endless_notice) return;
  context_.next_endless_notice = now + std::chrono::milliseconds(limits::kEndlessNotice).count();
  spdlog::warn("a token without exp is in use, by {} and maybe others: it never ends",
               service.view());
}

Principal Session::principal_of(const VerifiedToken& token) const {
  Principal caller{token.service, {}};  // a service without profile has no rights
  if (const auto* profile = context_.policy->find(token.service.view())) {
    caller.scopes = token.scopes ? profile->scopes.narrowed_by(*token.scopes) : profile->scopes;
  }
  return caller;
}

bool Session::handle(std::uint64_t id, Submit submit) {
  if (!is_new(id)) return false;
  const auto* token = tokens_.find(submit.handle, uv_now(context_.loop), context_.revocations);
  if (token == nullptr) {
    context_.audit.refused("token_refused", submit.peer.view(),
                           "unknown, expired or revoked handle");
    send(id, true, Failed::of(kBadToken));
    return true;
  }
  const Principal caller = principal_of(*token);
  if (!within_rate(caller.service, submit.peer.view())) {
    send(id, true, Failed::of(kTooOften));
    return true;
  }
  const auto* profile = context_.policy->find(caller.service.view());
  const bool stream = is_stream(submit.command);
  Slots& slots = stream ? context_.streams : context_.slots;
  auto slot = slots.take(caller.service.view(), is_reserved_for(submit.command),
                         stream && profile != nullptr ? profile->quota.follows : limits::kStreams);
  const bool has_room = slot != nullptr;
  const auto index = static_cast<std::uint8_t>(submit.command.index());
  const auto reply = std::make_shared<Reply>(
      [this, id](bool last, const ToFront& message) {
        if (last) forget(id);
        send(id, last, message);
      },
      context_.audit, subject_of(*token, submit.peer.view(), index, &submit.command),
      std::move(slot));
  if (!has_room) {
    reply->fail({Errc::overloaded, "Too many requests are under way", "try again in a moment"});
    return true;
  }
  reply->hold(held_);
  open_.emplace(id, reply);
  if (stream) streams_.emplace(id, Stream{*token, submit.command});
  std::visit([&](auto& command) { run(std::move(command), caller, *token, reply); },
             submit.command);
  return true;
}

// What is over it goes on record as far as the audit's own rate. Services without a profile, of
// which there may be any number, share one.
bool Session::within_rate(const ServiceName& service, std::string_view peer) {
  const auto* profile = context_.policy->find(service.view());
  const std::string_view name = profile != nullptr ? service.view() : std::string_view();
  const std::uint32_t rate = profile != nullptr ? profile->rate : limits::kRate;
  if (context_.rate_limit.take(name, rate, uv_now(context_.loop))) return true;
  context_.audit.refused("rate_limited", peer, service.view());
  return false;
}

void Session::forget(std::uint64_t id) {
  open_.erase(id);
  streams_.erase(id);
}

AuditSubject Session::subject_of(const VerifiedToken& token, std::string_view peer,
                                 std::uint8_t operation, const Command* command) {
  static std::uint64_t number = 0;
  JsonWriter request;
  if (command != nullptr) {
    std::visit([&](const auto& known) { describe(request, known); }, *command);
  } else {
    request.raw("null");
  }
  return {token.service.str(), token.token_id,
          std::string(peer),   std::string(kOperations[operation]),
          request.take(),      ++number};
}

bool Session::handle(std::uint64_t id, const Refused& refused) {
  if (id != 0 || refused.operation >= kOperations.size()) return false;
  if (refused.command && refused.command->index() != refused.operation) return false;
  const auto* token = tokens_.find(refused.handle, uv_now(context_.loop), context_.revocations);
  if (token == nullptr) return true;  // it has expired since
  if (!within_rate(token->service, refused.peer.view())) return true;
  const Command* command = refused.command ? &*refused.command : nullptr;
  AuditSubject subject = subject_of(*token, refused.peer.view(), refused.operation, command);
  subject.denied = true;
  Error error{refused.code, "refused by the front", {}};
  // Where the command is known, the reason is the broker's own.
  if (command != nullptr) {
    std::visit(
        [&, caller = principal_of(*token)](const auto& known) {
          auto allowed = policy::authorize(known, caller, context_.policy);
          if (!allowed && allowed.error().code == error.code) error = std::move(allowed.error());
        },
        *command);
  }
  context_.audit.result(subject, error, {}, 0, "refused");
  return true;
}

template <class X>
void Session::run(X command, const Principal& caller, const VerifiedToken& token,
                  const ReplyPtr& reply) {
  const auto allowed = policy::authorize(std::move(command), caller, context_.policy);
  if (!allowed) return reply->deny(allowed.error());
  reply->waive(allowed->waived());
  if (X::kMutates) {
    const auto used =
        context_.used_tokens.use(token, context_.keys.leeway(), uv_now(context_.loop));
    if (used) return reply->deny(*used);
  }
  if (X::kMutates && !reply->intend()) return;
  execute(*allowed, reply, context_);
}

bool Session::handle(std::uint64_t id, const Credit& credit) {
  if (id > last_id_ || credit.frames == 0) return false;
  const auto found = open_.find(id);
  if (found == open_.end()) return true;  // answered while the credit was on its way
  const auto reply = found->second.lock();
  return !reply || reply->add_credit(credit.frames);
}

bool Session::handle(std::uint64_t id, const Cancel&) {
  if (id > last_id_) return false;
  const auto found = open_.find(id);
  if (found == open_.end()) return true;
  const auto reply = found->second.lock();
  forget(id);
  if (reply) reply->abandon();
  return true;
}

void Session::check_streams() {
  const std::uint64_t now = uv_now(context_.loop);
  std::map<std::uint64_t, Error> ended;
  for (const auto& [id, stream] : streams_) {
    if (stream.token.ends_at != 0 && stream.token.ends_at <= now) {
      ended.emplace(id, Error{Errc::unauthenticated, "The token has expired", {}});
      continue;
    }
    if (taken_back(stream.token, context_.revocations) != nullptr) {
      ended.emplace(id, Error{Errc::unauthenticated, "The token has been revoked", {}});
      continue;
    }
    const auto reply = open_[id].lock();
    if (reply && !reply->still_allowed()) {
      ended.emplace(id, Error{Errc::scope_denied, "The policy no longer allows this", {}});
      continue;
    }
    const Principal caller = principal_of(stream.token);
    std::visit(
        [&, &id = id](const auto& command) {
          const auto allowed = policy::authorize(command, caller, context_.policy);
          if (!allowed) ended.emplace(id, allowed.error());
        },
        stream.command);
  }
  for (const auto& [id, error] : ended) {
    if (const auto reply = open_[id].lock()) reply->cut_short(error);
  }
}

void Session::send_policy() {
  if (phase_ != Phase::ready) return;
  const auto& profiles = context_.policy->profiles;
  const auto count = static_cast<std::uint32_t>(profiles.size());
  if (profiles.empty()) send(0, false, PolicyProfile{context_.policy_generation, 0, std::nullopt});
  for (const auto& [service, profile] : profiles) {
    send(0, false, PolicyProfile{context_.policy_generation, count, profile});
  }
}

void Session::send_status() {
  if (phase_ == Phase::ready) send(0, false, context_.status);
}

void Session::drain() {
  if (phase_ == Phase::ready) send(0, false, Drain{});
}

void Session::send(std::uint64_t id, bool last, const ToFront& message) {
  if (phase_ == Phase::ended) return;
  std::string frame = wire::encode_frame<ToFront>(id, last, message);
  if (unsent_.empty()) {
    switch (channel_.send(frame)) {
      case Channel::Sent::all: return;
      case Channel::Sent::closed: return end(End::closed);
      case Channel::Sent::would_block: break;
    }
  }
  // A front that takes nothing is as good as dead; what it asked for goes on without it.
  if (unsent_.size() >= limits::kChannelBacklog) return end(End::breach);
  unsent_.push_back(std::move(frame));
  poll_.watch(UV_READABLE | UV_WRITABLE);
  if (!held_ && unsent_.size() >= limits::kChannelBusy) hold_replies(true);
}

void Session::hold_replies(bool held) {
  held_ = held;
  const auto open = open_;  // one that is told may end, and is then forgotten
  for (const auto& [id, weak] : open) {
    const auto reply = weak.lock();
    if (reply && held_ == held) reply->hold(held);
  }
}

void Session::write_frames() {
  while (!unsent_.empty()) {
    const auto sent = channel_.send(unsent_.front());
    if (sent == Channel::Sent::would_block) return;
    if (sent == Channel::Sent::closed) return end(End::closed);
    unsent_.pop_front();
  }
  poll_.watch(UV_READABLE);
  if (held_) hold_replies(false);
}

void Session::end(End how) {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::ended;
  ended_(how);
}

}  // namespace dc::broker
