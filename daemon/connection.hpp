// SPDX-License-Identifier: Apache-2.0
// One client connection: requests in, one at a time, answers out in the same order. Front only;
// made by the Listener, which frees it when it is closed. The peer is hostile.
//
//   waiting -> handling -> waiting ... -> lingering -> closed
//
// `waiting` is between requests or inside a head; `handling` has an Exchange out; `lingering` has
// sent its last answer and drops what still comes, so that the answer is not lost to a reset.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include "common/fd.hpp"
#include "daemon/head_scanner.hpp"
#include "daemon/http.hpp"
#include "daemon/http_limits.hpp"
#include "daemon/message_parser.hpp"
#include "daemon/response_writer.hpp"
#include "daemon/site.hpp"
#include "daemon/tcp_stream.hpp"

namespace dc::daemon {

class Connection;

// What all connections of a listener share.
class ConnectionHost {
 public:
  ConnectionHost(uv_loop_t* event_loop, const HttpLimits& http_limits, Site names);
  ConnectionHost(const ConnectionHost&) = delete;
  ConnectionHost& operator=(const ConnectionHost&) = delete;

  // Has resume() called from the loop, soon.
  virtual void schedule(Connection& connection) = 0;
  // The connection is closed; it is to be freed from the loop, not at once.
  virtual void closed(Connection& connection) = 0;
  virtual void handle(std::shared_ptr<Exchange> exchange) = 0;
  // Its caller has shown a good token.
  virtual void vouched(Connection& connection) = 0;
  // It has answered a request, so it may be dropped again.
  virtual void settled(Connection& connection) = 0;
  // Strangers have to leave after their answer: others wait for a place.
  [[nodiscard]] virtual bool crowded() const = 0;
  virtual void answered(const Answered& answer) = 0;

  uv_loop_t* const loop;
  const HttpLimits limits;
  const Site site;
  bool draining = false;
  ResponseWriter writer;
  std::span<char> scratch() { return {scratch_.get(), kScratch}; }

 protected:
  ~ConnectionHost() = default;

 private:
  static constexpr std::size_t kScratch = 64 * 1024;
  std::unique_ptr<char[]> scratch_;
};

class Connection final : private TcpStream::Owner {
 public:
  Connection(ConnectionHost& host, std::string peer);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  bool open(Fd fd);
  // Answers without having read anything, and closes.
  void turn_away(const HttpFailure& failure);
  void resume();
  void sweep(std::uint64_t now);
  void drain();
  // Cuts the connection; no callback runs.
  void close();

  [[nodiscard]] const std::string& peer() const { return peer_; }
  // No request of it is being worked on. What a stranger can have streamed is an API page, and who
  // reads that slowly must not keep a place.
  [[nodiscard]] bool droppable() const {
    return state_ != State::handling || (stranger && answer_ == Answer::streaming);
  }
  void count(ConnectionCounts& counts) const;

  // The Listener's.
  std::size_t slot = 0;
  bool stranger = false;
  std::list<Connection*>::iterator place;  // among the strangers, while it is one

 private:
  class Request;  // the Exchange
  enum class State : std::uint8_t { waiting, handling, lingering, closed };
  enum class Answer : std::uint8_t { none, streaming };

  // TcpStream::Owner
  void on_data(std::string_view bytes) noexcept override;
  void on_end() noexcept override;
  void on_lost() noexcept override;
  void on_written() noexcept override;

  // The Exchange's calls.
  void read_body(std::size_t max, std::function<void(std::string)> done);
  void respond(const HttpResponse& response);
  void begin(const HttpResponse& head);
  bool write(std::string_view data);
  void end();
  void abort();
  void may_last();
  void abandoned();

  void run(std::string_view window);
  bool step();
  void keep_rest();
  bool next_request();
  bool begin_request(RequestHead head);
  bool advance_request();
  void send(std::initializer_list<std::string_view> parts);
  void refuse(const HttpFailure& failure);
  void report(const HttpResponse& head);
  void answered();
  void linger();
  void gone();
  void cut();
  void detach();
  void poke();
  [[nodiscard]] bool must_close() const;
  void deadline_in(std::chrono::milliseconds time) { deadline_ = now() + ms(time); }
  static std::uint64_t ms(std::chrono::milliseconds time) {
    return static_cast<std::uint64_t>(time.count());
  }
  [[nodiscard]] std::uint64_t now() const { return uv_now(host_.loop); }

  ConnectionHost& host_;
  TcpStream stream_;
  const std::string peer_;
  State state_ = State::waiting;

  // Input. While run() is at work `window_` is what is left; in between, it is kept in `input_`.
  std::string input_;
  std::string_view window_;
  HeadScanner scanner_;
  MessageParser parser_;
  unsigned requests_ = 0;
  bool running_ = false;
  bool head_begun_ = false;
  bool peer_finished_ = false;
  bool lost_ = false;

  // The request in hand.
  Request* request_ = nullptr;
  Method method_ = Method::get;
  std::optional<std::size_t> route_;
  std::uint64_t begun_ = 0;  // in uv_hrtime() nanoseconds
  Answer answer_ = Answer::none;
  bool head_only_ = false;
  bool http11_ = true;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool body_read_ = true;
  bool close_after_ = false;
  bool held_back_ = false;
  bool lasts_ = false;  // a stream, or as long as one
  std::uint64_t content_length_ = 0;
  std::size_t body_max_ = 0;
  std::string body_;
  std::string stash_;  // the head of a stream, to go out with its first bytes
  // Kept here and not in the Exchange: an application's callback often owns the Exchange.
  std::function<void(std::string)> body_done_;
  std::function<void()> drained_;
  std::function<void()> gone_;

  // Milliseconds of the loop's clock; 0: none.
  std::uint64_t deadline_ = 0;
  std::uint64_t body_since_ = 0;
  std::uint64_t progress_at_ = 0;
  std::uint64_t progress_ = 0;
};

}  // namespace dc::daemon
