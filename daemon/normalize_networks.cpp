// SPDX-License-Identifier: Apache-2.0
// Commands about networks. Front; path, query and body are hostile.
#include "daemon/json_body.hpp"
#include "daemon/parameters.hpp"

namespace dc::daemon {
namespace {

// The network of the path.
Result<NetworkName> network_of(const RequestParts& parts) {
  auto network = NetworkName::parse(parts.id);
  if (!network) return fail(Errc::invalid_request, "Network name " + network.error().detail);
  return network;
}

struct CreateFields {
  std::optional<NetworkName> name;
};

Result<void> read_name(Json value, std::string_view name, CreateFields& fields) {
  auto network = read_as<NetworkName>(value, name);
  if (!network) return fail(std::move(network.error()));
  fields.name = std::move(*network);
  return {};
}

// The live client always sends it.
Result<void> read_driver(Json value, std::string_view name, CreateFields&) {
  auto driver = read_string(value, name);
  if (!driver) return fail(std::move(driver.error()));
  if (*driver == "bridge") return {};
  return fail(Errc::field_not_allowed, "Network driver not allowed: networks are bridges",
              "leave the driver out");
}

// docker-py's other arguments.
Result<void> refuse_unoffered(Json value, std::string_view name, CreateFields&) {
  if (is_falsy(value)) return {};
  return fail(Errc::field_not_allowed, "Field " + quote(name) + " is not offered",
              "leave the field out; a network is a bridge without options");
}

// Two networks of one name are never made, whatever it says.
Result<void> read_check_duplicate(Json value, std::string_view name, CreateFields&) {
  auto flag = read_bool(value, name);
  if (!flag) return fail(std::move(flag.error()));
  return {};
}

constexpr auto kCreateFields = std::to_array<Field<CreateFields>>({
    {"name", read_name},
    {"driver", read_driver},
    {"check_duplicate", read_check_duplicate},
    {"options", refuse_unoffered},
    {"ipam", refuse_unoffered},
    {"internal", refuse_unoffered},
    {"labels", refuse_unoffered},
    {"enable_ipv6", refuse_unoffered},
    {"attachable", refuse_unoffered},
    {"scope", refuse_unoffered},
    {"ingress", refuse_unoffered},
});

struct MemberFields {
  std::optional<ContainerRef> container;
  bool force = false;
};

Result<void> read_container(Json value, std::string_view name, MemberFields& fields) {
  auto container = read_as<ContainerRef>(value, name);
  if (!container) return fail(std::move(container.error()));
  fields.container = std::move(*container);
  return {};
}

Result<void> read_force(Json value, std::string_view name, MemberFields& fields) {
  auto force = read_bool(value, name);
  if (!force) return fail(std::move(force.error()));
  fields.force = *force;
  return {};
}

constexpr std::array<Field<MemberFields>, 1> kConnectFields{{{"container", read_container}}};
constexpr std::array<Field<MemberFields>, 2> kDisconnectFields{
    {{"container", read_container}, {"force", read_force}}};

struct Member {
  NetworkName network;
  ContainerRef container;
  bool force;
};

template <std::size_t N>
Result<Member> read_member(const RequestParts& parts,
                           const std::array<Field<MemberFields>, N>& declared) {
  auto network = network_of(parts);
  if (!network) return fail(std::move(network.error()));
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  MemberFields fields;
  if (auto read = read_body_fields(parts.body, true, declared, fields); !read) {
    return fail(std::move(read.error()));
  }
  if (!fields.container) return field_error("container", "is missing");
  return Member{std::move(*network), std::move(*fields.container), fields.force};
}

}  // namespace

Result<Command> build_create_network(const RequestParts& parts) {
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  CreateFields fields;
  if (auto read = read_body_fields(parts.body, true, kCreateFields, fields); !read) {
    return fail(std::move(read.error()));
  }
  if (!fields.name) return field_error("name", "is missing");
  return Command(CreateNetwork{std::move(*fields.name)});
}

// ?names=a,b: a parameter that is given twice is refused before this.
Result<Command> build_list_networks(const RequestParts& parts) {
  ListNetworks list;
  const std::string* names = find_parameter(parts, "names");
  if (names == nullptr) return Command(std::move(list));
  for (std::string_view rest = *names;;) {
    const std::size_t end = rest.find(',');
    auto name = NetworkName::parse(rest.substr(0, end));
    if (!name) return parameter_error("names", "must be network names with commas between them");
    if (list.names.size() >= limits::kFilterValues) {
      return parameter_error("names", "has too many values");
    }
    list.names.push_back(std::move(*name));
    if (end == std::string_view::npos) return Command(std::move(list));
    rest.remove_prefix(end + 1);
  }
}

Result<Command> build_remove_network(const RequestParts& parts) {
  auto network = network_of(parts);
  if (!network) return fail(std::move(network.error()));
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  return Command(RemoveNetwork{std::move(*network)});
}

Result<Command> build_connect_network(const RequestParts& parts) {
  auto member = read_member(parts, kConnectFields);
  if (!member) return fail(std::move(member.error()));
  return Command(ConnectNetwork{std::move(member->network), std::move(member->container)});
}

Result<Command> build_disconnect_network(const RequestParts& parts) {
  auto member = read_member(parts, kDisconnectFields);
  if (!member) return fail(std::move(member.error()));
  return Command(
      DisconnectNetwork{std::move(member->network), std::move(member->container), member->force});
}

}  // namespace dc::daemon
