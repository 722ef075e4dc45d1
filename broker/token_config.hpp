// SPDX-License-Identifier: Apache-2.0
// What the configuration says of token keys. Broker only. Each gives what the value must be when it
// is something else, nullptr when it was read; problems inside a table go to `problems`.
#pragma once

#include <chrono>
#include <string>
#include <vector>
#include "broker/broker.hpp"
#include "broker/toml_values.hpp"

namespace dc::broker {

const char* read_keys(const toml::node& node, const std::string& file, std::string& problems,
                      std::vector<KeyFile>& keys);
const char* read_key_sets(const toml::node& node, const std::string& file, std::string& problems,
                          std::vector<KeyFile>& sets);
const char* read_leeway(const toml::node& node, std::chrono::seconds& leeway);

}  // namespace dc::broker
