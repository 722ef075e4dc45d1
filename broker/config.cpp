// SPDX-License-Identifier: Apache-2.0
// The configuration file and the environment. Broker only.
#include <strings.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include "broker/broker.hpp"
#include "broker/token_config.hpp"

namespace dc::broker {
namespace {

constexpr const char* kSecretVariable = "DOCKER_CONTROL_JWT_SECRET";

const char* read(const toml::node& node, std::uint32_t& out) {
  static_assert(limits::kConnectionsMin == 16 && limits::kConnectionsMax == 65536);
  const std::int64_t number = node.value_exact<std::int64_t>().value_or(0);
  if (number < limits::kConnectionsMin || number > limits::kConnectionsMax) {
    return "must be a number from 16 to 65536";
  }
  out = static_cast<std::uint32_t>(number);
  return nullptr;
}
template <class Rule>
const char* read(const toml::node& node, std::vector<Checked<Rule>>& out) {
  static_assert(limits::kSiteNames == 16);
  const toml::array* list = node.as_array();
  if (list == nullptr || list->size() > limits::kSiteNames) return "must be a list of at most 16";
  out.clear();
  for (const toml::node& element : *list) {
    auto parsed = Checked<Rule>::parse(element.value_or(std::string_view()));
    if (!parsed) return Rule::kExpected.data();
    out.push_back(std::move(*parsed));
  }
  return nullptr;
}

constexpr std::array<const char*, 3> kLogVariables = {"DOCKER_CONTROL_LOG_FILE", "STARTUP_LOG_FILE",
                                                      "MODEL_RUN_LOG_FILE"};  // by ServiceLog

}  // namespace

Result<void> apply_config(std::string_view toml, const std::string& file, Config& config) {
  std::string problems;
  read_document(toml, file, problems,
                [&](std::string_view name, const toml::node& value) -> const char* {
                  if (name == "listen") return read(value, config.listen);
                  if (name == "docker_socket") return read(value, config.docker_socket);
                  if (name == "policy") return read(value, config.policy);
                  if (name == "audit") return read(value, config.audit);
                  if (name == "state_dir") return read(value, config.state_dir);
                  if (name == "front_executable") return read(value, config.front_executable);
                  if (name == "require_separation") return read(value, config.require_separation);
                  if (name == "front_policy_check") return read(value, config.front_policy_check);
                  if (name == "dev") return read(value, config.dev);
                  if (name == "max_connections") return read(value, config.max_connections);
                  if (name == "max_connections_per_address") {
                    return read(value, config.max_connections_per_address);
                  }
                  if (name == "hosts") return read(value, config.hosts);
                  if (name == "cors_origins") return read(value, config.cors_origins);
                  if (name == "public_metrics") return read(value, config.public_metrics);
                  if (name == "service_log") return read(value, config.service_logs[0]);
                  if (name == "startup_log") return read(value, config.service_logs[1]);
                  if (name == "fastapi_log") return read(value, config.service_logs[2]);
                  if (name == "key") return read_keys(value, file, problems, config.keys);
                  if (name == "jwks") return read_key_sets(value, file, problems, config.key_sets);
                  if (name == "leeway") return read_leeway(value, config.leeway);
                  if (name == "revocations") return read(value, config.revocations);
                  return kUnknown;
                });
  if (problems.empty()) return {};
  return fail(Errc::invalid_request, problems);
}

Secret take_secret_from_environment() {
  char* value = std::getenv(kSecretVariable);
  if (value == nullptr) return {};
  const std::size_t size = std::strlen(value);
  Secret secret(std::string_view(value, size));
  ::explicit_bzero(value, size);
  ::unsetenv(kSecretVariable);
  return secret;
}

Result<void> apply_environment(Config& config) {
  if (const char* dev = std::getenv("DEV_MODE")) {
    constexpr std::array<const char*, 4> kTrue = {"1", "true", "yes", "on"};
    config.dev = std::any_of(kTrue.begin(), kTrue.end(),
                             [dev](const char* word) { return ::strcasecmp(dev, word) == 0; });
  }
  if (const char* host = std::getenv("DOCKER_HOST")) {
    const std::string_view text = host;
    constexpr std::string_view kScheme = "unix://";
    if (!text.starts_with(kScheme)) {
      return fail(Errc::invalid_request, "DOCKER_HOST must be unix:// and a path",
                  "the broker reaches the Engine over its Unix socket only");
    }
    config.docker_socket = text.substr(kScheme.size());
  }
  for (std::size_t log = 0; log < kLogVariables.size(); ++log) {
    if (const char* path = std::getenv(kLogVariables.at(log))) config.service_logs.at(log) = path;
  }
  return {};
}

}  // namespace dc::broker
