// SPDX-License-Identifier: Apache-2.0
// Accepts connections on inherited listening sockets and looks after all of them: caps, deadlines,
// draining. Front only; called by daemon/main.cpp. Peers are hostile.
//
// Who has not shown a good token is a stranger, and strangers have a number of places of their own.
// When these are full the oldest of them that no request is worked on for makes room for the next,
// so whoever says what he wants when he connects is served, however many others connect and say
// nothing. OpenSSH's MaxStartups refuses newcomers at random instead, since it cannot tell who is
// slow; taking the oldest is better here: a client that is accepted is heard before it can be the
// oldest (see kAcceptBatch), while at random each newcomer would cost it one chance in 256.
// Neither does it help to have been answered before: a flood would be answered once and stay.
//
// Make it before the process is sealed: libuv takes a spare descriptor with the first stream.
// SIGPIPE has to be ignored by the process.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>
#include "common/fd.hpp"
#include "common/uv.hpp"
#include "daemon/connection.hpp"
#include "daemon/http.hpp"
#include "daemon/http_limits.hpp"
#include "daemon/site.hpp"

namespace dc::daemon {

class Listener final : private ConnectionHost {
 public:
  // `fd` is a bound TCP socket; it need not listen yet.
  // `observer`, if any, learns of every answer.
  Listener(uv_loop_t* loop, Fd fd, const HttpLimits& limits, Handler handler, Site site = {},
           Observer observer = nullptr);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // Cuts what is still open. Never to be called from inside a callback of this layer.
  ~Listener();

  // One more socket under the same caps.
  void add(Fd fd);

  // Accepts no more, closes idle connections, lets open requests finish with `Connection: close`;
  // `done` runs when the last connection is gone.
  void drain(std::function<void()> done);

  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  [[nodiscard]] ConnectionCounts counts() const;

 private:
  struct Socket {
    Fd fd;
    std::unique_ptr<uv::Poll> poll;  // closed before the descriptor
  };

  void schedule(Connection& connection) override;
  void closed(Connection& connection) override;
  void handle(std::shared_ptr<Exchange> exchange) override;
  void vouched(Connection& connection) override;
  void settled(Connection& connection) override;
  [[nodiscard]] bool crowded() const override;
  void answered(const Answered& answer) override;

  [[nodiscard]] bool has_room() const;
  bool drop_stranger(const std::string* peer);
  void report_drops();
  void accept_some(int fd);
  void adopt(Fd fd, std::string peer);
  void out_of_descriptors(int fd);
  void watch();
  void sweep();
  void wake();
  void run_deferred();

  Handler handler_;
  Observer observer_;
  std::vector<Socket> sockets_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::size_t> per_address_;
  std::list<Connection*> strangers_;  // in the order of their arrival
  std::size_t dropped_ = 0;           // not reported yet
  std::uint64_t report_at_ = 0;
  // Work that must not run from inside a call into a connection waits for the idle handle.
  std::vector<Connection*> scheduled_;
  std::vector<std::unique_ptr<Connection>> dead_;
  uv::Owned<uv_idle_t> idle_;
  uv::Timer sweeper_;
  uv::Timer accept_again_;
  Fd spare_;
  bool resting_ = false;
  std::function<void()> drained_;
};

}  // namespace dc::daemon
