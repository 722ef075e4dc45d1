// SPDX-License-Identifier: Apache-2.0
// containers/run: one table of its fields, each with its reader (daemon/normalize_fields.hpp) and
// the readers of those that are a plain text, number or flag. Front; the body is hostile.
#include <array>
#include "daemon/normalize.hpp"
#include "daemon/normalize_fields.hpp"
#include "daemon/normalize_ports.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

// A run as it is being read.
struct Draft {
  RunContainer run;
  std::optional<std::uint64_t> cpus;  // `cpus`, to be compared with `nano_cpus`
};

// Read before all others, see build_run().
Read skip_image(Json, std::string_view, Draft&) { return {}; }

// A field whose text T::parse accepts, into one optional member of the command.
template <auto Member>
Read read_member(Json value, std::string_view name, Draft& draft) {
  using T = typename std::remove_reference_t<decltype(draft.run.*Member)>::value_type;
  auto parsed = read_as<T>(value, name);
  if (!parsed) return fail(std::move(parsed.error()));
  draft.run.*Member = std::move(*parsed);
  return {};
}

template <bool RunContainer::*Member>
Read read_flag(Json value, std::string_view name, Draft& draft) {
  auto flag = read_bool(value, name);
  if (!flag) return fail(std::move(flag.error()));
  draft.run.*Member = *flag;
  return {};
}

// A field with a reader of its own, into one member of the command.
template <auto Member, auto Reader>
Read into(Json value, std::string_view name, Draft& draft) {
  return Reader(value, name, draft.run.*Member);
}

// What is false, 0 or empty is how clients write that they ask for nothing: the policy's default,
// never "unlimited". Not where such a value says something of its own: `detach: false`, user 0, no
// time between stop and kill.
bool is_absent(std::string_view name, Json value) {
  if (name == "detach") return is_null(value);
  const bool zero_counts = name == "user" || name == "stop_timeout";
  return is_falsy(value) && !(zero_counts && value.is_number());
}

template <auto Member, std::uint64_t Min, std::uint64_t Max>
Read read_count(Json value, std::string_view name, Draft& draft) {
  using T = typename std::remove_reference_t<decltype(draft.run.*Member)>::value_type;
  auto count = read_integer(value, name, Min, Max);
  if (!count) return fail(std::move(count.error()));
  draft.run.*Member = static_cast<T>(*count);
  return {};
}

Read read_restart_name(Json value, std::string_view name, RestartPolicy& policy) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  // The Engine's own spelling of "no" is the empty name.
  const auto kind = text->empty() ? std::optional(Restart::no) : parse_restart(*text);
  if (!kind) return field_error(name, "must be no, on-failure, always or unless-stopped");
  policy.kind = *kind;
  return {};
}

constexpr std::array<Field<RestartPolicy>, 2> kRestartFields{
    {{"Name", read_restart_name},
     {"MaximumRetryCount", [](Json value, std::string_view name, RestartPolicy& policy) -> Read {
        auto retries = read_integer(value, name, 0, limits::kRestartRetries);
        if (!retries) return fail(std::move(retries.error()));
        policy.retries = static_cast<std::uint32_t>(*retries);
        return {};
      }}}};

Read read_restart(Json value, std::string_view name, Draft& draft) {
  RestartPolicy& policy = draft.run.restart;
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    if (value.is_string()) return read_restart_name(value, name, policy);
    return field_error(name, "must be a name or {\"Name\": ..., \"MaximumRetryCount\": n}");
  }
  if (auto read = read_fields<RestartPolicy>(object, kRestartFields, policy); !read) return read;
  if (policy.retries != 0 && policy.kind != Restart::on_failure) {
    return field_error(name, "takes MaximumRetryCount only with on-failure");
  }
  return {};
}

Read refuse_privileged(Json value, std::string_view name, Draft&) {
  auto flag = read_bool(value, name);
  if (!flag) return fail(std::move(flag.error()));
  return fail(Errc::privileged_not_allowed, "Privileged containers are not allowed");
}

Read read_pull(Json value, std::string_view name, Draft& draft) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  const auto mode = parse_pull_mode(*text);
  if (!mode) return field_error(name, "must be missing, always or never");
  draft.run.pull = *mode;
  return {};
}

constexpr std::uint64_t kMaxAmount = (1ULL << 63U) - 1;

constexpr auto kFields = std::to_array<Field<Draft>>({
    {"image", skip_image},
    {"name", read_member<&RunContainer::name>},
    {"command", into<&RunContainer::command, read_arguments>},
    {"entrypoint", into<&RunContainer::entrypoint, read_arguments>},
    {"environment", into<&RunContainer::environment, read_environment>},
    {"ports", into<&RunContainer::ports, read_ports>},
    {"volumes", into<&RunContainer::mounts, read_volumes>},
    {"tmpfs", into<&RunContainer::tmpfs, read_tmpfs>},
    {"devices", into<&RunContainer::devices, read_devices>},
    {"device_requests", into<&RunContainer::gpus, read_device_requests>},
    {"cap_add", into<&RunContainer::cap_add, read_capabilities>},
    {"cap_drop", into<&RunContainer::cap_drop, read_capabilities>},
    {"privileged", refuse_privileged},
    {"network", read_member<&RunContainer::network>},
    {"dns", into<&RunContainer::dns, read_dns>},
    {"extra_hosts", into<&RunContainer::extra_hosts, read_extra_hosts>},
    {"hostname", read_member<&RunContainer::hostname>},
    {"user", into<&RunContainer::user, read_user>},
    {"group_add", into<&RunContainer::groups, read_groups>},
    {"working_dir", read_member<&RunContainer::working_dir>},
    {"labels", into<&RunContainer::labels, read_labels>},
    {"healthcheck", into<&RunContainer::healthcheck, read_healthcheck>},
    {"stop_signal", into<&RunContainer::stop_signal, read_stop_signal>},
    {"stop_timeout", read_count<&RunContainer::stop_timeout, 0, limits::kStopTimeout>},
    {"log_config", into<&RunContainer::log, read_log_config>},
    {"pull", read_pull},
    {"tty", read_flag<&RunContainer::tty>},
    {"stdin_open", read_flag<&RunContainer::stdin_open>},
    {"detach", read_flag<&RunContainer::detach>},
    {"auto_remove", read_flag<&RunContainer::auto_remove>},
    {"init", read_flag<&RunContainer::init>},
    {"read_only", read_flag<&RunContainer::read_only>},
    {"mem_limit", into<&RunContainer::memory, read_size>},
    {"memswap_limit", into<&RunContainer::memswap, read_memswap>},
    {"shm_size", into<&RunContainer::shm, read_size>},
    {"ulimits", into<&RunContainer::ulimits, read_ulimits>},
    {"cpus", [](Json value, std::string_view name,
                Draft& draft) { return read_cpus(value, name, draft.cpus); }},
    {"nano_cpus", read_count<&RunContainer::nano_cpus, 0, kMaxAmount>},
    {"pids_limit", read_count<&RunContainer::pids, 1, kMaxAmount>},
    {"restart_policy", read_restart},
});

}  // namespace

Result<Command> build_run(const RequestParts& parts) {
  for (const auto& parameter : parts.query) {
    return fail(Errc::invalid_request, "Unknown parameter " + quote(parameter.name));
  }
  auto document = parse_body(parts.body, true);
  if (!document) return fail(std::move(document.error()));
  dom::object object;
  if ((*document)->root().get(object) != simdjson::SUCCESS) {
    return fail(Errc::invalid_request, "Body must be a JSON object");
  }
  Json image;
  if (object["image"].get(image) != simdjson::SUCCESS || is_null(image)) {
    return fail(Errc::invalid_request, "Field \"image\" is required");
  }
  // An image reference has no empty state, so the draft starts with the caller's.
  auto text = read_string(image, "image");
  if (!text) return fail(std::move(text.error()));
  auto reference = ImageRef::parse(*text);
  if (!reference) return field_error("image", reference.error().detail);
  Draft draft{RunContainer{std::move(*reference)}, std::nullopt};
  if (auto read = read_fields<Draft>(object, kFields, draft, is_absent); !read) {
    return fail(std::move(read.error()));
  }
  auto& nano_cpus = draft.run.nano_cpus;
  if (draft.cpus && nano_cpus && *draft.cpus != *nano_cpus) {
    return fail(Errc::invalid_request, "Fields \"cpus\" and \"nano_cpus\" disagree");
  }
  if (draft.cpus) nano_cpus = draft.cpus;
  return Command(std::move(draft.run));
}

}  // namespace dc::daemon
