// SPDX-License-Identifier: Apache-2.0
// One exchange after another on one connection to docker.sock. Broker only. The reply's framing is
// capped and checked here; what is inside it is the caller's.
#include "broker/engine_connection.hpp"
#include <strings.h>
#include <array>
#include "common/types.hpp"

namespace dc::broker {
namespace {

// All connections read into one buffer: what is read is consumed before the next read.
constexpr std::size_t kReadBuffer = 64 * 1024;
std::array<char, kReadBuffer> read_buffer;

std::string request_head(const EngineRequest& request, std::string_view version) {
  std::string head;
  // Enough for all of it, so that no password stays behind in a smaller buffer.
  head.reserve(256 + request.path.size() + request.body.size() + request.registry_auth.size());
  head += request.verb == Verb::get ? "GET " : request.verb == Verb::post ? "POST " : "DELETE ";
  if (request.versioned) head += version;
  head += request.path;
  head += " HTTP/1.1\r\nHost: docker\r\nUser-Agent: docker-control\r\n";
  if (request.verb == Verb::post) {
    if (!request.body.empty()) head += "Content-Type: application/json\r\n";
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  if (!request.registry_auth.empty()) {
    head += "X-Registry-Auth: ";
    head += request.registry_auth;
    head += "\r\n";
  }
  head += "\r\n";
  head += request.body;
  return head;
}

}  // namespace

EngineConnection::EngineConnection(Engine& engine, uv_loop_t* loop, bool pooled)
    : engine_(engine), pooled_(pooled) {
  auto* pipe = new uv_pipe_t;
  uv_pipe_init(loop, pipe, 0);
  pipe->data = this;
  pipe_.reset(pipe);
}

template <auto Method>
int EngineConnection::on_part(llhttp_t* parser, const char* at, std::size_t size) noexcept {
  return (static_cast<EngineConnection*>(parser->data)->*Method)({at, size});
}

template <auto Method>
int EngineConnection::on_event(llhttp_t* parser) noexcept {
  return (static_cast<EngineConnection*>(parser->data)->*Method)();
}

const llhttp_settings_t& EngineConnection::parser_settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_header_field = on_part<&EngineConnection::on_header_name>;
    made.on_header_value = on_part<&EngineConnection::on_header_value>;
    made.on_header_value_complete = on_event<&EngineConnection::on_header_complete>;
    made.on_headers_complete = on_event<&EngineConnection::on_headers_complete>;
    made.on_body = on_part<&EngineConnection::on_body>;
    made.on_message_complete = on_event<&EngineConnection::on_message_complete>;
    return made;
  }();
  return settings;
}

void EngineConnection::shut() {
  connected_ = false;
  pipe_.reset();
}

void EngineConnection::take(std::shared_ptr<EngineExchange> exchange) {
  exchange_ = std::move(exchange);
  exchange_->connection = this;
}

std::shared_ptr<EngineExchange> EngineConnection::release_exchange() {
  if (exchange_) exchange_->connection = nullptr;
  return std::move(exchange_);
}

void EngineConnection::start_reading() {
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(pipe_.get()),
      [](uv_handle_t*, std::size_t, uv_buf_t* buffer) noexcept {
        *buffer = uv_buf_init(read_buffer.data(), read_buffer.size());
      },
      on_read);
}

void EngineConnection::pause(bool paused) {
  if (!connected_) return;
  if (paused) {
    uv_read_stop(reinterpret_cast<uv_stream_t*>(pipe_.get()));
  } else {
    start_reading();
  }
}

void EngineConnection::connect(const std::string& path, std::shared_ptr<EngineExchange> exchange) {
  take(std::move(exchange));
  auto* request = new uv_connect_t;
  request->data = pipe_.get();
  uv_pipe_connect(request, pipe_.get(), path.c_str(), on_connected);
}

void EngineConnection::on_connected(uv_connect_t* request, int status) noexcept {
  auto* pipe = static_cast<uv_pipe_t*>(request->data);
  delete request;
  auto* self = static_cast<EngineConnection*>(pipe->data);
  if (self == nullptr) return;
  if (status != 0) {
    self->lost(Errc::engine_unreachable, "The Docker Engine is not reachable");
    return;
  }
  self->connected_ = true;
  self->start_reading();
  self->write_request();
}

void EngineConnection::serve(std::shared_ptr<EngineExchange> exchange) {
  take(std::move(exchange));
  write_request();
}

void EngineConnection::write_request() {
  if (exchange_->request.versioned && engine_.version_.empty()) {
    return lost(Errc::engine_unreachable, "The Docker Engine has just ended");
  }
  ++served_;
  got_bytes_ = false;
  head_bytes_ = 0;
  response_ = {};
  llhttp_init(&parser_, HTTP_RESPONSE, &parser_settings());
  parser_.data = this;

  // uv_write tries at once; a failure shows in the read as well, and is handled there.
  auto* write = new Write{{}, request_head(exchange_->request, engine_.version_)};
  write->request.data = write;
  const uv_buf_t buffer =
      uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  const auto written = [](uv_write_t* done, int) noexcept {
    auto* sent = static_cast<Write*>(done->data);
    wipe(sent->bytes);
    delete sent;
  };
  wipe(exchange_->request.registry_auth);
  auto* stream = reinterpret_cast<uv_stream_t*>(pipe_.get());
  if (uv_write(&write->request, stream, &buffer, 1, written) != 0) written(&write->request, 0);
}

void EngineConnection::on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t*) noexcept {
  auto* self = static_cast<EngineConnection*>(stream->data);
  if (self == nullptr || size == 0) return;
  if (size > 0) {
    self->read({read_buffer.data(), static_cast<std::size_t>(size)});
    return;
  }
  // An answer without a length ends with its connection.
  if (size == UV_EOF && self->exchange_ && llhttp_finish(&self->parser_) == HPE_PAUSED) {
    return self->done();
  }
  self->lost(self->got_bytes_ ? Errc::engine_failure : Errc::engine_unreachable,
             self->got_bytes_ ? "The Docker Engine ended its answer early"
                              : "The Docker Engine closed the connection");
}

void EngineConnection::read(std::string_view bytes) {
  if (!exchange_) {  // bytes that nobody asked for
    lost(Errc::engine_failure, "The Docker Engine sent bytes without a request");
    return;
  }
  got_bytes_ = true;
  exchange_->heard_at = uv_now(engine_.loop_);
  const auto outcome = llhttp_execute(&parser_, bytes.data(), bytes.size());
  // on_message_complete pauses the parser: whatever follows a whole reply is not ours to read.
  if (outcome == HPE_PAUSED && exchange_) {
    if (llhttp_get_error_pos(&parser_) != bytes.data() + bytes.size()) keep_alive_ = false;
    done();
    return;
  }
  if (!exchange_) return;  // cancelled by what was done with the bytes
  if (outcome != HPE_OK) lost(Errc::engine_failure, "The Docker Engine's answer is not valid");
}

void EngineConnection::done() {
  engine_.connection_done(*this, keep_alive_ && pooled_, std::move(response_));
}

void EngineConnection::lost(Errc code, std::string detail) {
  engine_.connection_lost(*this, Error{code, std::move(detail), {}}, got_bytes_);
}

int EngineConnection::on_header_name(std::string_view part) {
  header_name_ += part;
  return (head_bytes_ += part.size()) > limits::kEngineHead ? -1 : 0;
}

int EngineConnection::on_header_value(std::string_view part) {
  if (::strcasecmp(header_name_.c_str(), "api-version") == 0) response_.api_version += part;
  return (head_bytes_ += part.size()) > limits::kEngineHead ? -1 : 0;
}

int EngineConnection::on_header_complete() {
  header_name_.clear();
  return 0;
}

int EngineConnection::on_headers_complete() {
  response_.status = llhttp_get_status_code(&parser_);
  if (exchange_ && exchange_->request.on_open && response_.status == 200) {
    exchange_->request.on_open();
  }
  return 0;
}

int EngineConnection::on_body(std::string_view bytes) {
  const auto exchange = exchange_;  // may be cancelled by on_data()
  if (!exchange) return -1;
  const auto& request = exchange->request;
  if (request.on_data && response_.status == 200) return request.on_data(bytes) ? 0 : -1;
  if (response_.body.size() + bytes.size() > request.max_body) return -1;
  response_.body += bytes;
  return 0;
}

int EngineConnection::on_message_complete() {
  keep_alive_ = llhttp_should_keep_alive(&parser_) != 0;
  return HPE_PAUSED;
}

}  // namespace dc::broker
