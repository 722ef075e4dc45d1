// SPDX-License-Identifier: Apache-2.0
// One client socket over libuv. Front only; knows nothing of HTTP.
#include "daemon/tcp_stream.hpp"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include "daemon/http_limits.hpp"

namespace dc::daemon {
// A write that the socket did not take at once; owns its bytes.
struct TcpStream::Pending {
  uv_write_t request{};
  std::string bytes;
};

TcpStream::TcpStream(uv_loop_t* loop, Owner& owner, std::span<char> scratch)
    : owner_(owner), scratch_(scratch) {
  auto* handle = new uv_tcp_t;
  uv_tcp_init(loop, handle);
  handle->data = this;
  handle_.reset(handle);
}

bool TcpStream::open(Fd fd) {
  if (uv_tcp_open(handle_.get(), fd.get()) != 0) return false;
  static_cast<void>(fd.release());
  uv_tcp_nodelay(handle_.get(), 1);
  const int unsent = kUnsentBytes;
  ::setsockopt(this->fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  return true;
}

void TcpStream::read(bool on) {
  if (on == reading_ || !handle_) return;
  reading_ = on;
  if (!on) {
    uv_read_stop(stream());
    return;
  }
  uv_read_start(
      stream(),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
        const auto* self = static_cast<TcpStream*>(handle->data);
        *buffer = self == nullptr ? uv_buf_init(nullptr, 0)
                                  : uv_buf_init(self->scratch_.data(),
                                                static_cast<unsigned>(self->scratch_.size()));
      },
      [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) noexcept {
        auto* self = static_cast<TcpStream*>(handle->data);
        if (self == nullptr || count == 0) return;
        if (count > 0) {
          self->owner_.on_data({buffer->base, static_cast<std::size_t>(count)});
          return;
        }
        self->read(false);
        if (count == UV_EOF) {
          self->owner_.on_end();
        } else {
          self->owner_.on_lost();
        }
      });
}

bool TcpStream::write(std::initializer_list<std::string_view> parts) {
  if (!handle_) return false;
  std::array<uv_buf_t, 4> buffers;
  unsigned count = 0;
  std::size_t total = 0;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    // libuv's buffers are not const because reads use them too; a write leaves them alone.
    buffers.at(count++) =
        uv_buf_init(const_cast<char*>(part.data()), static_cast<unsigned>(part.size()));
    total += part.size();
  }
  if (total == 0) return true;
  int taken = 0;
  if (queued() == 0) {
    taken = uv_try_write(stream(), buffers.data(), count);
    if (taken < 0 && taken != UV_EAGAIN) return false;
    taken = std::max(taken, 0);
  }
  accepted_ += total;
  const auto skip = static_cast<std::size_t>(taken);
  return skip == total || queue(parts, skip);
}

bool TcpStream::queue(std::initializer_list<std::string_view> parts, std::size_t skip) {
  auto pending = std::make_unique<Pending>();
  for (std::string_view part : parts) {
    const std::size_t gone = std::min(skip, part.size());
    skip -= gone;
    pending->bytes.append(part.substr(gone));
  }
  pending->request.data = pending.get();
  const uv_buf_t buffer =
      uv_buf_init(pending->bytes.data(), static_cast<unsigned>(pending->bytes.size()));
  const int status = uv_write(
      &pending->request, stream(), &buffer, 1, [](uv_write_t* request, int result) noexcept {
        const std::unique_ptr<Pending> done(static_cast<Pending*>(request->data));
        auto* self = static_cast<TcpStream*>(request->handle->data);
        if (self == nullptr) return;
        if (result < 0) {
          self->owner_.on_lost();
        } else {
          self->owner_.on_written();
        }
      });
  if (status != 0) return false;
  static_cast<void>(pending.release());  // the callback frees it
  return true;
}

void TcpStream::end_output() {
  if (handle_) ::shutdown(fd(), SHUT_WR);
}

void TcpStream::close() {
  reading_ = false;
  handle_.reset();
}

void TcpStream::reset() {
  if (handle_) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  close();
}

std::size_t TcpStream::queued() const {
  return handle_ ? uv_stream_get_write_queue_size(stream()) : 0;
}

int TcpStream::fd() const {
  uv_os_fd_t fd = -1;
  uv_fileno(reinterpret_cast<const uv_handle_t*>(handle_.get()), &fd);
  return fd;
}

}  // namespace dc::daemon
