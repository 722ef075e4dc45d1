// SPDX-License-Identifier: Apache-2.0
// Between broker and keeper: how a keeper is started, and the bytes of its control socket. Both
// sides.
//
// The keeper is `docker-controld --keeper PASSED [ADDR:PORT...]` with the front's identity, the
// control socket (SEQPACKET) at kControlFd and PASSED listening sockets from kFirstListener on. It
// opens the other addresses itself and starts fronts, `docker-controld LISTENERS`, one after
// another.
//   keeper -> broker  kWantChannel             no front is running: I want a channel for one
//   broker -> keeper  kStartFront + descriptor  start a front with this channel
//   broker -> keeper  kKillFront                kill the front
// The keeper never sends descriptors. When the broker ends, keeper and front end with it.
#pragma once

namespace dc {

inline constexpr char kWantChannel = 'W';
inline constexpr char kStartFront = 'C';
inline constexpr char kKillFront = 'K';

inline constexpr int kControlFd = 3;      // of the keeper
inline constexpr int kChannelFd = 3;      // of a front
inline constexpr int kFirstListener = 4;  // of both

// Exit status of a program that only the administrator can mend: EX_CONFIG of sysexits.h.
inline constexpr int kConfigurationError = 78;

}  // namespace dc
