// SPDX-License-Identifier: Apache-2.0
// Published ports as docker-py spells them. Front; the value is hostile.
#include "daemon/normalize_ports.hpp"
#include <charconv>
#include <optional>

namespace dc::daemon {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, port);
  if (problem != std::errc() || stop != end || text.front() == '0') return std::nullopt;
  return port;
}

// "8000", "8000/tcp", "8000/udp".
std::optional<Port> parse_port_key(std::string_view key) {
  Port port;
  const std::size_t slash = key.find('/');
  const std::string_view protocol = slash == std::string_view::npos ? "tcp" : key.substr(slash + 1);
  if (protocol != "tcp" && protocol != "udp") return std::nullopt;
  port.protocol = protocol == "udp" ? Protocol::udp : Protocol::tcp;
  const auto number = parse_port(key.substr(0, slash));
  if (!number) return std::nullopt;
  port.container = *number;
  return port;
}

// null and 0: the Engine chooses.
Result<void> read_host_port(Json value, std::string_view name, std::string_view key, Port& port) {
  if (is_null(value)) return {};
  std::uint64_t number = 0;
  std::string_view text;
  const bool integral = value.is_int64() || value.is_uint64();
  if (integral && value.get(number) == simdjson::SUCCESS && number <= 65535) {
    if (number != 0) port.host = static_cast<std::uint16_t>(number);
    return {};
  }
  const bool is_text = value.get(text) == simdjson::SUCCESS;
  if (is_text) port.host = parse_port(text);
  if (port.host) return {};
  if (is_text && text.find_first_of(".:") != std::string_view::npos) {
    return fail(Errc::field_not_allowed,
                "Field \"" + std::string(name) + "\" may not choose the host address",
                "the address is `ports.address` of the service's profile in the policy file");
  }
  return field_error(name, "must give " + quote(key) + " a host port from 0 to 65535, or null");
}

Result<void> add_port(Json value, std::string_view name, std::string_view key, Port port,
                      std::vector<Port>& ports) {
  if (auto host = read_host_port(value, name, key, port); !host) return host;
  if (ports.size() >= limits::kPorts) {
    return field_error(name, "must be at most " + std::to_string(limits::kPorts) + " ports");
  }
  ports.push_back(port);
  return {};
}

// One host port, or docker-py's list of several.
Result<void> add_ports(Json value, std::string_view name, std::string_view key, Port port,
                       std::vector<Port>& ports) {
  simdjson::dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return add_port(value, name, key, port, ports);
  for (const Json element : list) {
    if (auto added = add_port(element, name, key, port, ports); !added) return added;
  }
  return {};
}

}  // namespace

Result<void> read_ports(Json value, std::string_view name, std::vector<Port>& ports) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return field_error(name, "must be an object such as {\"8000/tcp\": 7001}");
  }
  for (const auto member : object) {
    auto port = parse_port_key(member.key);
    if (!port) {
      return field_error(name, "has a bad key " + quote(member.key) +
                                   ": use a port from 1 to 65535 with /tcp, /udp or nothing");
    }
    for (const Port& other : ports) {
      if (other.container == port->container && other.protocol == port->protocol) {
        return field_error(name, "names " + quote(member.key) + " twice");
      }
    }
    if (auto added = add_ports(member.value, name, member.key, *port, ports); !added) return added;
  }
  return {};
}

}  // namespace dc::daemon
