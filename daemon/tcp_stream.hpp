// SPDX-License-Identifier: Apache-2.0
// One client socket: bytes in as they come, bytes out at once where the socket takes them and
// through a queue where not. Front only; knows nothing of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include "common/fd.hpp"
#include "common/uv.hpp"

namespace dc::daemon {

class TcpStream {
 public:
  // Called from the loop only, never from inside a call into the stream. The owner outlives the
  // call it is in, even if it closes the stream.
  class Owner {
   public:
    virtual void on_data(std::string_view bytes) noexcept = 0;  // dead when it returns
    virtual void on_end() noexcept = 0;                         // the peer sends no more
    virtual void on_lost() noexcept = 0;                        // broken both ways
    virtual void on_written() noexcept = 0;                     // the queue got shorter

   protected:
    ~Owner() = default;
  };

  // `scratch` is where reads go; all streams of one loop may share it.
  TcpStream(uv_loop_t* loop, Owner& owner, std::span<char> scratch);
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  // Takes a connected socket.
  bool open(Fd fd);
  void read(bool on);
  // All parts in order in one system call, if the socket takes them. False: the connection is lost.
  [[nodiscard]] bool write(std::initializer_list<std::string_view> parts);
  void end_output();  // sends FIN; the queue has to be empty
  void close();
  void reset();  // closes so that the peer sees a failure

  [[nodiscard]] std::size_t queued() const;
  // Bytes that the socket took so far.
  [[nodiscard]] std::uint64_t sent() const { return accepted_ - queued(); }

 private:
  struct Pending;
  [[nodiscard]] uv_stream_t* stream() const {
    return reinterpret_cast<uv_stream_t*>(handle_.get());
  }
  [[nodiscard]] int fd() const;
  bool queue(std::initializer_list<std::string_view> parts, std::size_t skip);

  uv::Owned<uv_tcp_t> handle_;
  Owner& owner_;
  std::span<char> scratch_;
  std::uint64_t accepted_ = 0;
  bool reading_ = false;
};

}  // namespace dc::daemon
