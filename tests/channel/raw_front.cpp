// SPDX-License-Identifier: Apache-2.0
// The front in an attacker's hands, for tests/e2e/test_channel.py: the broker's `front_executable`.
// With --keeper it is the real keeper. Started by it, it hands its channel to the first that
// connects to the abstract socket docker-control-raw-front.PORT, where PORT is its first
// listener's, and then only waits to be killed. The channel itself, not a relay of it, so that
// descriptors, empty datagrams, shutdown() and full buffers reach the broker as they are.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include "common/fd.hpp"
#include "common/keeper_protocol.hpp"
#include "daemon/keeper.hpp"

namespace {

std::string socket_name() {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(dc::kFirstListener, reinterpret_cast<sockaddr*>(&address), &size);
  return "docker-control-raw-front." + std::to_string(ntohs(address.sin_port));
}

dc::Fd listen_at(std::string_view name) {
  dc::Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // a leading NUL: abstract
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(socket.get(), 1) != 0) {
    socket.reset();
  }
  return socket;
}

bool send_descriptor(int socket, int descriptor) {
  char byte = 'C';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.data();
  message.msg_controllen = ancillary.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3 && std::string_view(argv[1]) == "--keeper") {
    return dc::daemon::run_keeper(argc - 2, argv + 2);
  }
  dc::Fd door = listen_at(socket_name());
  const dc::Fd tester(::accept4(door.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!tester || !send_descriptor(tester.get(), dc::kChannelFd)) {
    std::perror("raw_front");
    return 1;
  }
  door.reset();
  ::close(dc::kChannelFd);
  while (true) ::pause();
}
