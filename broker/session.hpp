// SPDX-License-Identifier: Apache-2.0
// The broker's end of the channel to one front. Everything that it reads is hostile: a frame that
// an honest front cannot have sent is a breach and ends the session; a refusal is an ordinary
// answer.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "broker/execute.hpp"
#include "broker/reply.hpp"
#include "common/channel.hpp"
#include "common/principal.hpp"
#include "common/token_keys.hpp"
#include "common/uv.hpp"

namespace dc::broker {

// Handles of the tokens that were verified on one channel. A handle is worth nothing on another
// channel, after its token's expiry or after a change of keys or policy.
struct VerifiedToken {
  Principal principal;
  std::string token_id;
  std::uint64_t expires_at = 0;  // uv_now() milliseconds: a clock that nobody can set back
};

class TokenTable {
 public:
  Handle add(VerifiedToken token, std::uint64_t now);
  // nullptr: unknown or expired.
  [[nodiscard]] const VerifiedToken* find(const Handle& handle, std::uint64_t now) const;
  void clear() { tokens_.clear(); }

 private:
  std::map<Handle, VerifiedToken> tokens_;
};

// What a session asks of the rest of the broker, as it is at that moment.
struct SessionState {
  Context& context;
  const TokenKeys& keys;
  policy::Snapshot policy;
  std::uint64_t policy_generation = 1;
  EngineStatus status;
  Welcome welcome;
  Slots slots;
};

class Session final : public FrameSink {
 public:
  enum class End : unsigned char { closed, breach };

  // `ended` runs once, when nothing more can come; the owner then destroys the session.
  Session(SessionState& state, Fd channel, std::function<void(End)> ended);
  ~Session() override;

  void send_policy();  // and forget every verified token
  void send_status();
  void drain();
  [[nodiscard]] bool greeted() const { return phase_ != Phase::await_hello; }

  void send(std::uint64_t id, bool last, const ToFront& message) override;
  void closed(std::uint64_t id) override;

 private:
  // A front that is told to drain may still send what its clients had asked for before it knew, so
  // there is no phase for that.
  enum class Phase : unsigned char { await_hello, ready, ended };

  void on_ready(int events);
  void read_frames();
  void write_frames();
  [[nodiscard]] bool take(wire::Frame<ToBroker> frame);  // false: breach
  [[nodiscard]] bool handle(std::uint64_t id, const Hello& hello);
  [[nodiscard]] bool handle(std::uint64_t id, const VerifyToken& verify);
  [[nodiscard]] bool handle(std::uint64_t id, Submit submit);
  [[nodiscard]] bool handle(std::uint64_t id, const Refused& refused);
  [[nodiscard]] bool handle(std::uint64_t id, const Credit& credit);
  [[nodiscard]] bool handle(std::uint64_t id, const Cancel& cancel);
  [[nodiscard]] bool is_new(std::uint64_t id);
  [[nodiscard]] static AuditSubject subject_of(const VerifiedToken& token, std::string_view peer,
                                               std::uint8_t operation, const Command* command);
  template <class X>
  void run(X command, const Principal& caller, const ReplyPtr& reply);
  void refuse_token(std::uint64_t id, const VerifyToken& verify, const Error& error);
  void end(End how);

  SessionState& state_;
  Channel channel_;
  uv::Poll poll_;
  std::function<void(End)> ended_;
  Phase phase_ = Phase::await_hello;
  std::uint64_t last_id_ = 0;
  TokenTable tokens_;
  std::map<std::uint64_t, std::weak_ptr<Reply>> open_;
  std::deque<std::string> unsent_;
  std::uint64_t refused_second_ = 0;  // for the cap on audit lines about refused tokens
  unsigned refused_count_ = 0;
};

}  // namespace dc::broker
