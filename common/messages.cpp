// SPDX-License-Identifier: Apache-2.0
// The codec of the channel's messages, compiled once. Both sides.
#include "common/messages.hpp"

namespace dc::wire {
template std::string encode_frame(std::uint64_t, bool, const ToBroker&);
template std::string encode_frame(std::uint64_t, bool, const ToFront&);
template std::optional<Frame<ToBroker>> decode_frame(std::string_view);
template std::optional<Frame<ToFront>> decode_frame(std::string_view);
}  // namespace dc::wire
