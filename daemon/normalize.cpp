// SPDX-License-Identifier: Apache-2.0
// Commands about existing containers but logs. Front; path, query and body are hostile.
#include "daemon/normalize.hpp"
#include <algorithm>
#include "daemon/json_body.hpp"
#include "daemon/parameters.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

// --- list --------------------------------------------------------------------------------------

template <class T>
Result<void> add_text(std::string_view name, std::string_view value, std::vector<T>& list) {
  if (list.size() >= limits::kFilterValues) return parameter_error(name, "has too many values");
  if (value.empty()) return parameter_error(name, "must not be empty");
  auto text = T::parse(value);
  if (!text) return parameter_error(name, text.error().detail);
  list.push_back(std::move(*text));
  return {};
}

Result<void> add_filter(std::string_view name, std::string_view value, ListContainers& list) {
  if (name == "name") return add_text(name, value, list.names);
  if (name == "label") return add_text(name, value, list.labels);
  const auto state = parse_state(value);
  if (!state) {
    return parameter_error(name,
                           "must be created, running, paused, restarting, removing, exited or "
                           "dead");
  }
  if (list.states.size() >= limits::kFilterValues) {
    return parameter_error(name, "has too many values");
  }
  list.states.push_back(*state);
  return {};
}

// ["a", "b"], "a", or the Engine's older form {"a": true}.
Result<void> add_filter_values(std::string_view name, Json values, ListContainers& list) {
  std::string_view text;
  if (values.get(text) == simdjson::SUCCESS) return add_filter(name, text, list);
  dom::array array;
  if (values.get(array) == simdjson::SUCCESS) {
    for (const Json element : array) {
      if (element.get(text) != simdjson::SUCCESS) {
        return parameter_error("filters", "must hold lists of strings");
      }
      if (auto added = add_filter(name, text, list); !added) return added;
    }
    return {};
  }
  dom::object object;
  if (values.get(object) != simdjson::SUCCESS) {
    return parameter_error("filters", "must hold lists of strings");
  }
  for (const auto member : object) {
    bool wanted = false;
    if (member.value.get(wanted) != simdjson::SUCCESS || !wanted) {
      return parameter_error("filters", "must hold true for each value of its map form");
    }
    if (auto added = add_filter(name, member.key, list); !added) return added;
  }
  return {};
}

Result<void> read_filters(const std::string& json, ListContainers& list) {
  auto document = JsonDocument::parse(json, "Parameter \"filters\"");
  if (!document) return fail(std::move(document.error()));
  dom::object object;
  if (document->root().get(object) != simdjson::SUCCESS) {
    return parameter_error("filters", "must be a JSON object");
  }
  for (const auto member : object) {
    if (member.key != "name" && member.key != "label" && member.key != "status") {
      return fail(Errc::invalid_request, "Unknown filter " + quote(member.key),
                  "use name, label or status");
    }
    if (is_null(member.value)) continue;
    if (auto added = add_filter_values(member.key, member.value, list); !added) return added;
  }
  return {};
}

// --- bodies of the small requests --------------------------------------------------------------

constexpr std::array<Field<std::uint32_t>, 1> kTimeoutFields{
    {{"timeout", [](Json value, std::string_view name, std::uint32_t& timeout) -> Result<void> {
        auto seconds = read_integer(value, name, 0, limits::kStopTimeout);
        if (!seconds) return fail(std::move(seconds.error()));
        timeout = static_cast<std::uint32_t>(*seconds);
        return {};
      }}}};

Result<void> read_flag_field(Json value, std::string_view name, std::optional<bool>& into) {
  auto flag = read_bool(value, name);
  if (!flag) return fail(std::move(flag.error()));
  into = *flag;
  return {};
}

struct RemoveFields {
  std::optional<bool> force, v;
};
constexpr std::array<Field<RemoveFields>, 2> kRemoveFields{
    {{"force", [](Json value, std::string_view name,
                  RemoveFields& fields) { return read_flag_field(value, name, fields.force); }},
     {"v", [](Json value, std::string_view name, RemoveFields& fields) {
        return read_flag_field(value, name, fields.v);
      }}}};

// The live client sends these in the body, the live server reads them from the query: both count.
Result<bool> agreed_flag(const RequestParts& parts, std::string_view name,
                         std::optional<bool> in_body) {
  auto in_query = flag_parameter(parts, name);
  if (!in_query) return fail(std::move(in_query.error()));
  if (*in_query && in_body && **in_query != *in_body) {
    return parameter_error(name, "disagrees with the body");
  }
  return in_query->value_or(in_body.value_or(false));
}

constexpr std::uint32_t kDefaultTimeout = 10;  // seconds, docker-py's

struct Target {
  ContainerRef container;
  std::uint32_t timeout;
};

Result<Target> read_stop_target(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  std::uint32_t timeout = kDefaultTimeout;
  auto read = read_body_fields(parts.body, false, kTimeoutFields, timeout);
  if (!read) return fail(std::move(read.error()));
  return Target{std::move(*container), timeout};
}

}  // namespace

std::optional<bool> parse_flag(std::string_view text) {
  std::string lower(text.substr(0, 8));
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  constexpr std::array<std::string_view, 6> kTrue = {"true", "1", "on", "yes", "t", "y"};
  constexpr std::array<std::string_view, 6> kFalse = {"false", "0", "off", "no", "f", "n"};
  if (std::find(kTrue.begin(), kTrue.end(), lower) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), lower) != kFalse.end()) return false;
  return std::nullopt;
}

Result<Command> build_list(const RequestParts& parts) {
  ListContainers list;
  auto all = flag_or(parts, "all", false);
  if (!all) return fail(std::move(all.error()));
  list.all = *all;
  for (const std::string_view name : {"name", "label", "status"}) {
    const std::string* value = find_parameter(parts, name);
    if (value == nullptr) continue;
    if (auto added = add_filter(name, *value, list); !added) return fail(std::move(added.error()));
  }
  if (const std::string* filters = find_parameter(parts, "filters"); filters != nullptr) {
    if (auto read = read_filters(*filters, list); !read) return fail(std::move(read.error()));
  }
  return Command(std::move(list));
}

Result<Command> build_inspect(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  return Command(InspectContainer{std::move(*container)});
}

Result<Command> build_start(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  if (auto read = refuse_fields(parts); !read) return fail(std::move(read.error()));
  return Command(StartContainer{std::move(*container)});
}

Result<Command> build_stop(const RequestParts& parts) {
  auto target = read_stop_target(parts);
  if (!target) return fail(std::move(target.error()));
  return Command(StopContainer{std::move(target->container), target->timeout});
}

Result<Command> build_restart(const RequestParts& parts) {
  auto target = read_stop_target(parts);
  if (!target) return fail(std::move(target.error()));
  return Command(RestartContainer{std::move(target->container), target->timeout});
}

Result<Command> build_remove(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  if (auto known = refuse_unknown(parts, {"force", "v"}); !known) {
    return fail(std::move(known.error()));
  }
  RemoveFields fields;
  if (auto read = read_body_fields(parts.body, false, kRemoveFields, fields); !read) {
    return fail(std::move(read.error()));
  }
  auto force = agreed_flag(parts, "force", fields.force);
  if (!force) return fail(std::move(force.error()));
  auto volumes = agreed_flag(parts, "v", fields.v);
  if (!volumes) return fail(std::move(volumes.error()));
  return Command(RemoveContainer{std::move(*container), *force, *volumes});
}

Result<Command> build_rename(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  if (auto known = refuse_unknown(parts, {"new_name"}); !known) {
    return fail(std::move(known.error()));
  }
  if (auto read = refuse_fields(parts); !read) return fail(std::move(read.error()));
  const std::string* text = find_parameter(parts, "new_name");
  if (text == nullptr) return parameter_error("new_name", "is missing");
  auto name = ContainerName::parse(*text);
  if (!name) return parameter_error("new_name", name.error().detail);
  return Command(RenameContainer{std::move(*container), std::move(*name)});
}

Result<Command> build_wait(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  if (auto read = refuse_fields(parts); !read) return fail(std::move(read.error()));
  return Command(WaitContainer{std::move(*container)});
}

Result<Command> build_stats(const RequestParts& parts) {
  auto container = container_of(parts);
  if (!container) return fail(std::move(container.error()));
  return Command(ReadStats{std::move(*container)});
}

}  // namespace dc::daemon
