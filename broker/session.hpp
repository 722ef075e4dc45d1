// SPDX-License-Identifier: Apache-2.0
// The broker's end of the channel to one front. Everything that it reads is hostile: a frame that
// an honest front cannot have sent is a breach and ends the session; a refusal is an ordinary
// answer.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include "broker/execute.hpp"
#include "broker/reply.hpp"
#include "broker/token_table.hpp"
#include "common/channel.hpp"
#include "common/principal.hpp"
#include "common/uv.hpp"

namespace dc::broker {

class Session {
 public:
  enum class End : unsigned char { closed, breach };

  // `ended` runs once, when nothing more can come; the owner then destroys the session.
  Session(Context& context, Fd channel, std::function<void(End)> ended);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void send_policy();
  void send_status();
  void drain();
  [[nodiscard]] bool greeted() const { return greeted_; }
  [[nodiscard]] bool has_ended() const { return phase_ == Phase::ended; }

 private:
  // A front that is told to drain may still send what its clients had asked for before it knew, so
  // there is no phase for that.
  enum class Phase : unsigned char { await_hello, ready, ended };

  void send(std::uint64_t id, bool last, const ToFront& message);
  void on_ready(int events);
  void read_frames();
  void write_frames();
  void hold_replies(bool held);
  void check_streams();
  [[nodiscard]] bool take(wire::Frame<ToBroker> frame);  // false: breach
  [[nodiscard]] bool handle(std::uint64_t id, const Hello& hello);
  [[nodiscard]] bool handle(std::uint64_t id, const VerifyToken& verify);
  [[nodiscard]] bool handle(std::uint64_t id, Submit submit);
  [[nodiscard]] bool handle(std::uint64_t id, const Refused& refused);
  [[nodiscard]] bool handle(std::uint64_t id, const Credit& credit);
  [[nodiscard]] bool handle(std::uint64_t id, const Cancel& cancel);
  [[nodiscard]] bool is_new(std::uint64_t id);
  // The caller's rights under the policy of this moment.
  [[nodiscard]] Principal principal_of(const VerifiedToken& token) const;
  [[nodiscard]] static AuditSubject subject_of(const VerifiedToken& token, std::string_view peer,
                                               std::uint8_t operation, const Command* command);
  bool within_rate(const ServiceName& service, std::string_view peer);
  template <class X>
  void run(X command, const Principal& caller, const VerifiedToken& token, const ReplyPtr& reply);
  void note_endless(const ServiceName& service);
  void forget(std::uint64_t id);
  void end(End how);

  Context& context_;
  Channel channel_;
  uv::Poll poll_;
  std::function<void(End)> ended_;
  Phase phase_ = Phase::await_hello;
  bool greeted_ = false;
  std::uint64_t last_id_ = 0;
  TokenTable tokens_;
  std::map<std::uint64_t, std::weak_ptr<Reply>> open_;
  // What may outlast its token or its rights, and is asked about both again.
  struct Stream {
    VerifiedToken token;
    Command command;
  };
  std::map<std::uint64_t, Stream> streams_;
  uv::Timer check_timer_;
  std::deque<std::string> unsent_;
  bool held_ = false;  // the open replies, for want of room in the channel
};

}  // namespace dc::broker
