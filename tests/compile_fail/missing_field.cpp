// SPDX-License-Identifier: Apache-2.0
// A member that fields() does not name fails the build of the codec.
// expect: fields\(\) does not name every member
#include "common/types.hpp"
#include "common/wire.hpp"

struct Pause final {
  dc::ContainerRef container;
#ifdef MUST_FAIL
  bool forgotten = false;
#endif
  static constexpr auto fields = [](auto& self) { return std::tie(self.container); };
};

void send(dc::wire::Writer& out, const Pause& pause) { dc::wire::encode(out, pause); }
