// SPDX-License-Identifier: Apache-2.0
// A raw string cannot travel: a message holds validated types.
// expect: this type has no fields
#include "common/types.hpp"
#include "common/wire.hpp"

struct Pause final {
#ifdef MUST_FAIL
  std::string container;
#else
  dc::ContainerRef container;
#endif
  static constexpr auto fields = [](auto& self) { return std::tie(self.container); };
};

void send(dc::wire::Writer& out, const Pause& pause) { dc::wire::encode(out, pause); }
