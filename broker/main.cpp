// SPDX-License-Identifier: Apache-2.0
// docker-control-broker: the program that alone reaches docker.sock. Reads its command line, its
// files and its environment, then shuts the door (broker/broker.cpp) before it looks at anything
// hostile.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "broker/broker.hpp"
#include "broker/trusted_file.hpp"
#include "common/keeper_protocol.hpp"

namespace {

int refuse(const dc::Error& error) {
  std::fprintf(stderr, "docker-control-broker: %s\n", error.detail.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "  %s\n", error.hint.c_str());
  return dc::kConfigurationError;
}

struct Options {
  std::string config, docker_socket, policy, audit;
  std::vector<std::string> listen;
  bool dev = false;
};

// File, then environment, then command line: the later wins.
dc::Result<dc::broker::Config> configure(const Options& options) {
  dc::broker::Config config;
  struct stat info {};
  const bool named = !options.config.empty();
  const std::string path = named ? options.config : dc::broker::kDefaultConfig;
  if (named || ::stat(path.c_str(), &info) == 0) {
    const auto text = dc::broker::read_trusted_text(path, dc::limits::kConfigFile);
    if (!text) return dc::fail(text.error());
    if (auto applied = dc::broker::apply_config(*text, path, config); !applied) {
      return dc::fail(applied.error());
    }
  }
  if (auto applied = dc::broker::apply_environment(config); !applied)
    return dc::fail(applied.error());
  if (!options.listen.empty()) config.listen = options.listen;
  if (!options.docker_socket.empty()) config.docker_socket = options.docker_socket;
  if (!options.policy.empty()) config.policy = options.policy;
  if (!options.audit.empty()) config.audit = options.audit;
  config.dev = config.dev || options.dev;
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  dc::Secret key = dc::broker::take_secret_from_environment();
  Options options;
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
  auto config = configure(options);
  if (!config) return refuse(config.error());
  auto startup = dc::broker::prepare(std::move(*config), std::move(key));
  if (!startup) return refuse(startup.error());
  return dc::broker::serve(std::move(*startup));
}
