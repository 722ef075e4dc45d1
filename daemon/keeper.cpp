// SPDX-License-Identifier: Apache-2.0
// The keeper's loop: wait for the broker's word or the front's end. Blocking system calls, no
// memory that grows.
#include "daemon/keeper.hpp"
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
#include "common/keeper_protocol.hpp"
#include "common/process.hpp"
#include "daemon/listen_sockets.hpp"
#include "daemon/process.hpp"

namespace dc::daemon {
namespace {

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "docker-control keeper: %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

// The broker's byte, and the channel that came with it. Exits when the broker is gone.
char receive(Fd& channel) {
  char command = 0;
  iovec part{&command, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.data();
  message.msg_controllen = ancillary.size();
  if (::recvmsg(kControlFd, &message, MSG_CMSG_CLOEXEC) <= 0) std::_Exit(0);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    channel.reset(fd);
  }
  return command;
}

void ask_for_channel() {
  if (::send(kControlFd, &kWantChannel, 1, MSG_NOSIGNAL) != 1) std::_Exit(0);
}

// In the new process. The listeners stand at their numbers already; the channel takes the place of
// the control socket.
[[noreturn]] void exec_front(int executable, int channel, std::size_t listeners, pid_t keeper) {
  if (!die_with_parent(keeper) || ::dup2(channel, kChannelFd) != kChannelFd) std::_Exit(1);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::string name = "docker-controld";
  std::string count = std::to_string(listeners);
  std::array<char*, 3> arguments = {name.data(), count.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  ::fexecve(executable, arguments.data(), environment.data());
  die("cannot start the front");
}

// Opens what the broker did not pass, and puts all at kFirstListener and after, open across exec.
Result<std::size_t> place_listeners(int count, char** arguments) {
  const long passed = count > 0 ? std::strtol(arguments[0], nullptr, 10) : 0;
  std::size_t placed = static_cast<std::size_t>(passed);
  auto opened = open_listen_sockets({arguments + 1, arguments + count});
  if (!opened) return fail(opened.error());
  // Those opened got the lowest free numbers, which are the next ones; dup2 makes sure.
  for (Fd& listener : *opened) {
    const int number = kFirstListener + static_cast<int>(placed++);
    if (listener.get() == number) {
      ::fcntl(listener.release(), F_SETFD, 0);
    } else if (::dup2(listener.get(), number) != number) {
      die("dup2");
    }
  }
  return placed;
}

void loop(int executable, std::size_t listeners, int signals) {
  const pid_t self = ::getpid();
  pid_t front = 0;
  ask_for_channel();
  while (true) {
    std::array<pollfd, 2> sources = {{{kControlFd, POLLIN, 0}, {signals, POLLIN, 0}}};
    if (::poll(sources.data(), sources.size(), -1) < 0) continue;
    if (sources[1].revents != 0) {
      signalfd_siginfo info{};
      if (::read(signals, &info, sizeof info) < 0) die("signalfd");
      if (front > 0 && ::waitpid(front, nullptr, WNOHANG) == front) {
        front = 0;
        ask_for_channel();
      }
    }
    if (sources[0].revents == 0) continue;
    Fd channel;
    const char command = receive(channel);
    if (command == kKillFront && front > 0) ::kill(front, SIGKILL);
    if (command != kStartFront || front > 0 || !channel) continue;
    front = ::fork();
    if (front == 0) exec_front(executable, channel.get(), listeners, self);
    if (front < 0) die("fork");
  }
}

}  // namespace

int run_keeper(int count, char** arguments) {
  ::prctl(PR_SET_NAME, "dc-keeper", 0, 0, 0);
  if (!prepare_process()) return 1;
  const auto listeners = place_listeners(count, arguments);
  if (!listeners) {
    std::fprintf(stderr, "docker-control: %s\n  %s\n", listeners.error().detail.c_str(),
                 listeners.error().hint.c_str());
    return kConfigurationError;
  }
  sigset_t handled;
  ::sigfillset(&handled);  // the broker decides when to end; a terminal's Ctrl-C is its to handle
  ::sigprocmask(SIG_SETMASK, &handled, nullptr);
  ::sigemptyset(&handled);
  ::sigaddset(&handled, SIGCHLD);
  const Fd signals(::signalfd(-1, &handled, SFD_CLOEXEC));
  // Not by its path, which this user need not be able to reach.
  const Fd executable(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!signals || !executable) die("cannot start");
  loop(executable.get(), *listeners, signals.get());
  return 0;
}

}  // namespace dc::daemon
