// SPDX-License-Identifier: Apache-2.0
// The configuration file and the environment. Broker only.
#include <strings.h>
#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include "broker/broker.hpp"

namespace dc::broker {
namespace {

constexpr const char* kSecretVariable = "DOCKER_CONTROL_JWT_SECRET";

// Each gives what the value must be when it is something else, and nullptr when it was read.
const char* read(const toml::node& node, std::string& out) {
  if (!node.is_string()) return "must be a string";
  out = node.as_string()->get();
  return nullptr;
}
const char* read(const toml::node& node, bool& out) {
  if (!node.is_boolean()) return "must be true or false";
  out = node.as_boolean()->get();
  return nullptr;
}
const char* read(const toml::node& node, std::vector<std::string>& out) {
  const toml::array* list = node.as_array();
  if (list == nullptr || list->empty() || !list->is_homogeneous(toml::node_type::string)) {
    return "must be a list of strings";
  }
  out.clear();
  for (const toml::node& element : *list) out.push_back(element.as_string()->get());
  return nullptr;
}
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

// Calls read_key(name, value) for each key and notes what it complains of, with line and column.
template <class Read>
void read_table(const toml::table& table, const std::string& file, std::string& problems,
                Read read_key) {
  for (const auto& [key, node] : table) {
    const char* problem = read_key(key.str(), node);
    if (problem == nullptr) continue;
    const auto where = node.source().begin;
    problems += (problems.empty() ? "" : "\n") + file + ":" + std::to_string(where.line) + ":" +
                std::to_string(where.column) + ": " + std::string(key.str()) + " " + problem;
  }
}

constexpr const char* kUnknown = "is not a known key";

constexpr std::array<const char*, 3> kLogVariables = {"DOCKER_CONTROL_LOG_FILE", "STARTUP_LOG_FILE",
                                                      "MODEL_RUN_LOG_FILE"};  // by ServiceLog

const char* read_keys(const toml::node& node, const std::string& file, std::string& problems,
                      std::vector<KeyFile>& keys) {
  const toml::array* list = node.as_array();
  if (list == nullptr || !list->is_homogeneous(toml::node_type::table)) {
    return "is written as [[key]] tables";
  }
  for (const toml::node& element : *list) {
    KeyFile key;
    read_table(*element.as_table(), file, problems,
               [&key](std::string_view name, const toml::node& value) -> const char* {
                 if (name == "file") return read(value, key.file);
                 if (name == "kid") return read(value, key.kid.emplace());
                 if (name == "require_exp") return read(value, key.require_exp);
                 return kUnknown;
               });
    if (key.file.empty()) return "needs file = \"PATH\" in each [[key]]";
    keys.push_back(std::move(key));
  }
  return nullptr;
}

}  // namespace

Result<void> apply_config(std::string_view toml, const std::string& file, Config& config) {
  const toml::parse_result parsed = toml::parse(toml, file);
  std::string problems;
  if (!parsed) {
    const auto where = parsed.error().source().begin;
    problems = file + ":" + std::to_string(where.line) + ":" + std::to_string(where.column) + ": " +
               std::string(parsed.error().description());
  } else {
    read_table(parsed.table(), file, problems,
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
                 return kUnknown;
               });
  }
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
