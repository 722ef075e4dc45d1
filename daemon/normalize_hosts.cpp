// SPDX-License-Identifier: Apache-2.0
// How a new container finds others: `extra_hosts` and `dns`. Front; every value is hostile.
#include "daemon/normalize_fields.hpp"

namespace dc::daemon {
namespace {

Read add_host(std::string_view host, std::string_view address, std::string_view name,
              std::vector<ExtraHost>& hosts) {
  auto known_as = HostName::parse(host);
  if (!known_as) return field_error(name, quote(host) + ": a name " + known_as.error().detail);
  auto at = HostAddress::parse(address);
  if (!at) return field_error(name, quote(address) + ": an address " + at.error().detail);
  hosts.push_back({std::move(*known_as), std::move(*at)});
  return {};
}

}  // namespace

Read read_extra_hosts(Json value, std::string_view name, std::vector<ExtraHost>& hosts) {
  constexpr std::string_view kExpected = R"(must be {"name": "address"} or ["name:address"])";
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return read_strings(value, name, kExpected, [&](std::string_view text) -> Read {
      const std::size_t colon = text.find(':');  // an IPv6 address has more of them
      if (colon == std::string_view::npos) return field_error(name, kExpected);
      return add_host(text.substr(0, colon), text.substr(colon + 1), name, hosts);
    });
  }
  for (const auto member : object) {
    std::string_view address;
    if (member.value.get(address) != simdjson::SUCCESS) return field_error(name, kExpected);
    if (auto added = add_host(member.key, address, name, hosts); !added) return added;
  }
  return {};
}

Read read_dns(Json value, std::string_view name, std::vector<IpAddress>& addresses) {
  return read_strings(value, name, "must be a list of addresses",
                      [&](std::string_view text) -> Read {
                        auto address = IpAddress::parse(text);
                        if (!address) return field_error(name, address.error().detail);
                        addresses.push_back(std::move(*address));
                        return {};
                      });
}

}  // namespace dc::daemon
