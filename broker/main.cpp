// SPDX-License-Identifier: Apache-2.0
// docker-control-broker: the program that alone reaches docker.sock. Reads its command line, its
// files and its environment, then shuts the door (broker/broker.cpp) before it looks at anything
// hostile.
#include <fcntl.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <cstdio>
#include "broker/broker.hpp"
#include "common/keeper_protocol.hpp"

namespace {

int refuse(const dc::Error& error) {
  std::fprintf(stderr, "docker-control-broker: %s\n", error.detail.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "  %s\n", error.hint.c_str());
  return dc::kConfigurationError;
}

}  // namespace

int main(int argc, char** argv) {
  // So that no file of ours becomes standard input, output or error.
  int null = 0;
  while ((null = ::open("/dev/null", O_RDWR)) >= 0 && null < 3) continue;
  ::close(null);
  // Until it means something, and for good in keeper and front, which inherit this: log rotation
  // may signal them all.
  ::signal(SIGUSR1, SIG_IGN);
  dc::Secret key = dc::broker::take_secret_from_environment();
  dc::broker::CommandLine options;
  CLI::App app(
      "The trusted half of docker-control: alone reaches docker.sock, and re-checks the policy.");
  app.add_option("--config", options.config, "configuration file")->type_name("FILE");
  app.add_option("--listen", options.listen, "address to serve on; may be repeated")
      ->type_name("ADDR:PORT");
  app.add_option("--docker-socket", options.docker_socket, "the Engine's socket")
      ->type_name("PATH");
  app.add_option("--policy", options.policy, "policy file")->type_name("FILE");
  app.add_option("--audit", options.audit, "audit file, appended to")->type_name("FILE");
  app.add_flag("--dev", options.dev, "development mode");
  CLI11_PARSE(app, argc, argv);

  spdlog::set_default_logger(spdlog::stderr_color_mt("broker"));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ broker: %v");
  auto startup = dc::broker::prepare(options, std::move(key));
  if (!startup) return refuse(startup.error());
  return dc::broker::serve(std::move(*startup));
}
