// SPDX-License-Identifier: Apache-2.0
// Binds TCP sockets. The keeper, at start; addresses are the administrator's.
#include "daemon/listen_sockets.hpp"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace dc::daemon {
namespace {

constexpr int kBacklog = 512;  // clients that wait while a front is replaced

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<SocketAddress> parse_address(const std::string& text) {
  const auto bad = [&] {
    return fail(Errc::invalid_request, "cannot listen on \"" + text + "\"",
                "write ADDR:PORT such as 127.0.0.1:8002, or [ADDR]:PORT for IPv6");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad();
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, problem] = std::from_chars(text.data() + colon + 1, end, port);
  if (problem != std::errc() || parsed != end) return bad();
  SocketAddress out;
  if (text.front() == '[' && colon > 1 && text[colon - 1] == ']') {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    const std::string host = text.substr(1, colon - 2);
    if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) return bad();
    std::memcpy(&out.storage, &address, sizeof address);
    out.size = sizeof address;
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1) return bad();
    std::memcpy(&out.storage, &address, sizeof address);
    out.size = sizeof address;
  }
  return out;
}

// What someone can do about a failed bind() or listen().
std::string hint_for(int error) {
  switch (error) {
    case EADDRINUSE: return "see who has the port: ss -ltnp";
    case EACCES: return "ports under 1024 need the capability CAP_NET_BIND_SERVICE, or root";
    default: return "";
  }
}

// A bridge's address may come later than we do: it is bound to all the same, and said so, since it
// may also be a slip of the pen.
bool bind_to(int socket, const SocketAddress& address, const std::string& text) {
  const auto* where = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::bind(socket, where, address.size) == 0) return true;
  if (errno != EADDRNOTAVAIL) return false;
  const int on = 1;
  const bool v6 = where->sa_family == AF_INET6;
  ::setsockopt(socket, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on,
               sizeof on);
  if (::bind(socket, where, address.size) != 0) return false;
  std::fprintf(stderr,
               "docker-control keeper: %s is no address of this host yet (ip addr); it is served "
               "once it is\n",
               text.c_str());
  return true;
}

Result<Fd> open_listener(const std::string& text) {
  const auto address = parse_address(text);
  if (!address) return fail(address.error());
  const int family = address->storage.ss_family;
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket && errno == EAFNOSUPPORT) return fail(Errc::not_found, "this host has no IPv6");
  const int on = 1;
  if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (socket && family == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (!socket || !bind_to(socket.get(), *address, text) || ::listen(socket.get(), kBacklog) != 0) {
    const int error = errno;
    return fail(Errc::invalid_request, "cannot listen on " + text + ": " + std::strerror(error),
                hint_for(error));
  }
  return socket;
}

}  // namespace

Result<std::vector<Fd>> open_listen_sockets(const std::vector<std::string>& addresses) {
  std::vector<Fd> sockets;
  for (const std::string& address : addresses) {
    auto socket = open_listener(address);
    if (!socket) {
      if (socket.error().code == Errc::not_found && !sockets.empty()) continue;
      return fail(socket.error());
    }
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

}  // namespace dc::daemon
