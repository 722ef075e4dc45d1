// SPDX-License-Identifier: Apache-2.0
// One connection to docker.sock: writes a request, parses the reply with llhttp, and says when it
// can take the next one. Broker only; used by broker/engine.cpp alone.
#pragma once

#include <llhttp.h>
#include <uv.h>
#include <memory>
#include <string>
#include <string_view>
#include "broker/engine.hpp"
#include "common/uv.hpp"

namespace dc::broker {

class EngineConnection;

struct EngineExchange {
  EngineRequest request;
  EngineCallback callback;
  EngineConnection* connection = nullptr;  // which serves it
  std::uint64_t deadline_at = 0;           // uv_now() milliseconds
  std::uint64_t heard_at = 0;              // when something came last
  bool retried = false;
  bool paused = false;
};

class EngineConnection {
 public:
  EngineConnection(Engine& engine, uv_loop_t* loop, bool pooled);

  // Connects by path and then serves `exchange`.
  void connect(const std::string& path, std::shared_ptr<EngineExchange> exchange);
  // Serves one more exchange on a kept-alive connection.
  void serve(std::shared_ptr<EngineExchange> exchange);

  void pause(bool paused);
  // Closes the socket; the object lives on until the Engine forgets it.
  void shut();

  [[nodiscard]] bool idle() const { return connected_ && !exchange_; }
  [[nodiscard]] bool pooled() const { return pooled_; }
  [[nodiscard]] bool reused() const { return served_ > 1; }
  [[nodiscard]] const std::shared_ptr<EngineExchange>& exchange() const { return exchange_; }
  std::shared_ptr<EngineExchange> release_exchange();

 private:
  struct Write {
    uv_write_t request{};
    std::string bytes;
  };

  void take(std::shared_ptr<EngineExchange> exchange);
  void start_reading();
  void write_request();
  void read(std::string_view bytes);
  void done();
  void lost(Errc code, std::string detail);

  int on_header_name(std::string_view part);
  int on_header_value(std::string_view part);
  int on_header_complete();
  int on_headers_complete();
  int on_body(std::string_view bytes);
  int on_message_complete();

  static void on_connected(uv_connect_t* request, int status) noexcept;
  static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept;
  template <auto Method>
  static int on_part(llhttp_t* parser, const char* at, std::size_t size) noexcept;
  template <auto Method>
  static int on_event(llhttp_t* parser) noexcept;
  static const llhttp_settings_t& parser_settings();

  Engine& engine_;
  uv::Owned<uv_pipe_t> pipe_;
  bool pooled_;
  bool connected_ = false;
  bool got_bytes_ = false;  // of the reply under way
  bool keep_alive_ = false;
  unsigned served_ = 0;
  std::size_t head_bytes_ = 0;
  std::string header_name_;
  llhttp_t parser_{};
  std::shared_ptr<EngineExchange> exchange_;
  EngineResponse response_;
};

}  // namespace dc::broker
