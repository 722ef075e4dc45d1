// SPDX-License-Identifier: Apache-2.0
// recvmsg and sendmsg on the channel. Both sides; trusts the kernel's message boundaries only.
#include "common/channel.hpp"
#include <string.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include "common/limits.hpp"

namespace dc {

// A datagram over kFrame shows as truncated.
Channel::Channel(Fd fd) : fd_(std::move(fd)), buffer_(limits::kFrame) {}

Channel::Received Channel::receive(std::string_view& bytes) {
  iovec part{buffer_.data(), buffer_.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t size = 0;
  do {
    size = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return errno == EAGAIN || errno == EWOULDBLOCK ? Received::nothing : Received::closed;
  }
  // An empty datagram and the end of the connection look the same; both end the channel.
  if (size == 0) return Received::closed;
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Received::breach;
  received_ = static_cast<std::size_t>(size);
  bytes = std::string_view(buffer_.data(), received_);
  return Received::frame;
}

void Channel::forget() { ::explicit_bzero(buffer_.data(), received_); }

Channel::Sent Channel::send(std::string_view frame) {
  ssize_t size = 0;
  do {
    size = ::send(fd_.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (size < 0 && errno == EINTR);
  if (size >= 0) return Sent::all;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? Sent::would_block
                                                                     : Sent::closed;
}

std::optional<std::pair<Fd, Fd>> Channel::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return std::nullopt;
  }
  return std::make_pair(Fd(ends[0]), Fd(ends[1]));
}

}  // namespace dc
