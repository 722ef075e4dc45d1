// SPDX-License-Identifier: Apache-2.0
#include "common/channel.hpp"
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <array>
#include <cstring>
#include <string>
#include "common/limits.hpp"

using dc::Channel;
using dc::Fd;

namespace {

struct Ends {
  Fd left;
  Channel right;
};

Ends make_ends() {
  auto pair = Channel::make_pair();
  REQUIRE(pair.has_value());
  return {std::move(pair->first), Channel(std::move(pair->second))};
}

}  // namespace

TEST_CASE("a datagram arrives whole, in order, one by one") {
  auto pair = Channel::make_pair();
  REQUIRE(pair.has_value());
  Channel left(std::move(pair->first));
  Channel right(std::move(pair->second));
  const std::string largest(dc::limits::kFrame, 'x');
  CHECK(left.send("one") == Channel::Sent::all);
  CHECK(left.send(largest) == Channel::Sent::all);
  std::string_view bytes;
  REQUIRE(right.receive(bytes) == Channel::Received::frame);
  CHECK(bytes == "one");
  REQUIRE(right.receive(bytes) == Channel::Received::frame);
  CHECK(bytes == largest);
  CHECK(right.receive(bytes) == Channel::Received::nothing);
}

TEST_CASE("a datagram over the cap is a breach") {
  auto ends = make_ends();
  const std::string large(dc::limits::kFrame + 1, 'x');
  REQUIRE(::send(ends.left.get(), large.data(), large.size(), 0) ==
          static_cast<ssize_t>(large.size()));
  std::string_view bytes;
  CHECK(ends.right.receive(bytes) == Channel::Received::breach);
}

TEST_CASE("the other end's close ends the channel, and so does an empty datagram") {
  auto closed = make_ends();
  closed.left.reset();
  std::string_view bytes;
  CHECK(closed.right.receive(bytes) == Channel::Received::closed);
  CHECK(closed.right.send("x") == Channel::Sent::closed);

  auto empty = make_ends();
  REQUIRE(::send(empty.left.get(), "", 0, 0) == 0);
  CHECK(empty.right.receive(bytes) == Channel::Received::closed);
}

TEST_CASE("a passed descriptor is dropped and is a breach") {
  auto ends = make_ends();
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  Fd reader(pipe[0]);
  Fd writer(pipe[1]);

  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = writer.get();
  std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  REQUIRE(::sendmsg(ends.left.get(), &message, 0) == 1);
  writer.reset();

  std::string_view bytes;
  CHECK(ends.right.receive(bytes) == Channel::Received::breach);
  // Nobody holds the writing end any more, so the pipe reads as ended.
  CHECK(::read(reader.get(), &byte, 1) == 0);
}

TEST_CASE("a full channel says so and loses nothing") {
  auto pair = Channel::make_pair();
  REQUIRE(pair.has_value());
  Channel left(std::move(pair->first));
  Channel right(std::move(pair->second));
  const std::string frame(dc::limits::kChunk, 'x');
  std::size_t sent = 0;
  while (left.send(frame) == Channel::Sent::all) ++sent;
  CHECK(sent >= 4);
  std::string_view bytes;
  std::size_t received = 0;
  while (right.receive(bytes) == Channel::Received::frame) ++received;
  CHECK(received == sent);
  CHECK(left.send(frame) == Channel::Sent::all);
}
