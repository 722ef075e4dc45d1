// SPDX-License-Identifier: Apache-2.0
// docker-controld, the front: reads the network, touches nothing else. `docker-controld LISTENERS`
// is started by the keeper with the channel and that many listening sockets; everything else comes
// over the channel. `docker-controld --keeper ...` is the keeper, started by the broker.
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include "common/channel.hpp"
#include "common/keeper_protocol.hpp"
#include "common/messages.hpp"
#include "daemon/broker_client.hpp"
#include "daemon/front.hpp"
#include "daemon/keeper.hpp"
#include "daemon/log.hpp"
#include "daemon/process.hpp"

int main(int argc, char** argv) {
  using namespace dc;
  if (argc >= 3 && std::string_view(argv[1]) == "--keeper") {
    return daemon::run_keeper(argc - 2, argv + 2);
  }
  ::prctl(PR_SET_NAME, "docker-controld", 0, 0,
          0);  // started by descriptor, it has none before Linux 6.14
  const int listeners = argc == 2 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 0;
  if (!daemon::prepare_process()) return 1;
  ::tzset();  // while the zone's file can still be read; events bear local times
  daemon::set_up_log(false);

  Channel channel{Fd(kChannelFd)};
  const auto welcome = daemon::greet(channel);
  if (!welcome) {
    spdlog::critical("no broker on descriptor {}: docker-control-broker starts this program",
                     kChannelFd);
    return 1;
  }
  if (welcome->dev) daemon::set_up_log(true);
  daemon::close_from(kFirstListener + listeners);

  daemon::Front front(uv_default_loop(), std::move(channel), *welcome, listeners);
  const int code = front.run();
  // Destructors would only close what the kernel closes now.
  ::_exit(code);
}
