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

// null and 0: the Engine chooses. Lists are docker-py's [address, port] and [port, port].
Result<void> read_host_port(Json value, std::string_view name, std::string_view key, Port& port) {
  if (is_null(value)) return {};
  std::uint64_t number = 0;
  std::string_view text;
  if (value.is_array()) {
    return field_error(name, "must give " + quote(key) +
                                 " one host port: an address or several ports are not offered");
  }
  const bool integral = value.is_int64() || value.is_uint64();
  if (integral && value.get(number) == simdjson::SUCCESS && number <= 65535) {
    if (number != 0) port.host = static_cast<std::uint16_t>(number);
    return {};
  }
  if (value.get(text) == simdjson::SUCCESS) port.host = parse_port(text);
  if (port.host) return {};
  return field_error(name, "must give " + quote(key) + " a host port from 0 to 65535, or null");
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
    if (auto host = read_host_port(member.value, name, member.key, *port); !host) return host;
    if (ports.size() >= limits::kPorts) {
      return field_error(name, "must be at most " + std::to_string(limits::kPorts) + " ports");
    }
    for (const Port& other : ports) {
      if (other.container == port->container && other.protocol == port->protocol) {
        return field_error(name, "names " + quote(member.key) + " twice");
      }
    }
    ports.push_back(*port);
  }
  return {};
}

}  // namespace dc::daemon
