// SPDX-License-Identifier: Apache-2.0
// The caps of the HTTP layer as one value, so that a test can shorten them. Front only. The figures
// are those of common/limits.hpp; what is given here concerns this layer's own mechanics.
#pragma once

#include <chrono>
#include <cstddef>
#include "common/limits.hpp"

namespace dc::daemon {

// What the kernel holds of an answer beyond the bytes on their way. Left to itself it keeps
// megabytes for each client that reads slowly, and the Engine works to fill them.
inline constexpr int kUnsentBytes = 64 * 1024;

struct HttpLimits {
  std::chrono::milliseconds header_time = limits::kHeaderTime;
  // A body has this long, and for each KiB of it that came another second, up to body_time: a
  // client has to send about 1 KiB/s.
  std::chrono::milliseconds body_start_time = std::chrono::seconds(5);
  std::chrono::milliseconds body_time = limits::kBodyTime;
  std::chrono::milliseconds idle_time = limits::kIdleTime;
  std::chrono::milliseconds write_stall = limits::kWriteStall;
  std::chrono::milliseconds linger_time = limits::kLingerTime;
  // How long a stream or a wait may pause after the client has said that it sends no more. A client
  // that is gone looks the same, so a stream without an end must not keep its connection for ever.
  std::chrono::milliseconds half_closed_stream = std::chrono::milliseconds(500);
  // A word in the log about strangers that made room, this often at most.
  std::chrono::milliseconds drop_report = std::chrono::seconds(10);
  // Rest after the process ran out of descriptors.
  std::chrono::milliseconds accept_pause = std::chrono::milliseconds(500);
  // Deadlines are looked at this often, all connections at once.
  std::chrono::milliseconds sweep = std::chrono::milliseconds(250);

  unsigned requests_per_connection = limits::kRequestsPerConnection;
  std::size_t connections = limits::kConnections;
  // Of those, connections that have not shown a good token.
  std::size_t strangers = limits::kStrangers;
  // Connections above that, which are told so before they are closed.
  std::size_t reserve = 16;
  std::size_t connections_per_address = limits::kConnectionsPerAddress;
  std::size_t write_queue = limits::kWriteQueue;
  // Bytes of later requests that are held while one is answered; then the socket is left alone.
  std::size_t pipeline = limits::kHeaders;
};

}  // namespace dc::daemon
