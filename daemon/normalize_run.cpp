// SPDX-License-Identifier: Apache-2.0
// containers/run: one table of its fields, each with its reader. What Docker knows and we do not
// offer is refused by name; its falsy values mean absence. Front; the body is hostile.
#include <array>
#include <charconv>
#include "daemon/json_body.hpp"
#include "daemon/normalize.hpp"
#include "daemon/normalize_ports.hpp"
#include "daemon/shlex.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

// A run as it is being read.
struct Draft {
  RunContainer run;
  std::optional<std::uint64_t> cpus;  // `cpus`, to be compared with `nano_cpus`
};

using Read = Result<void>;

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

// --- command, entrypoint -----------------------------------------------------------------------

Read add_argument(std::string_view text, std::string_view name, std::vector<Argument>& arguments) {
  if (arguments.size() >= limits::kArguments) {
    return field_error(name, "must be at most " + std::to_string(limits::kArguments) + " words");
  }
  auto argument = Argument::parse(text);
  if (!argument) return field_error(name, argument.error().detail);
  arguments.push_back(std::move(*argument));
  return {};
}

template <std::vector<Argument> RunContainer::*Member>
Read read_arguments(Json value, std::string_view name, Draft& draft) {
  auto& arguments = draft.run.*Member;
  std::string_view line;
  if (value.get(line) == simdjson::SUCCESS) {
    auto words = split_words(line);
    if (!words) return field_error(name, "cannot be split: " + words.error().detail);
    for (const auto& word : *words) {
      if (auto added = add_argument(word, name, arguments); !added) return added;
    }
    return {};
  }
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return field_error(name, "must be a string or a list of strings");
  }
  for (const Json element : array) {
    std::string_view word;
    if (element.get(word) != simdjson::SUCCESS) {
      return field_error(name, "must be a string or a list of strings");
    }
    if (auto added = add_argument(word, name, arguments); !added) return added;
  }
  return {};
}

// --- environment, labels -----------------------------------------------------------------------

// {"K": "V"} or ["K=V"]: calls `add` with each pair. A list entry without "=" has no value.
template <class Add>
Read read_pairs(Json value, std::string_view name, const Add& add) {
  dom::object object;
  if (value.get(object) == simdjson::SUCCESS) {
    for (const auto member : object) {
      std::string_view text;
      if (member.value.get(text) != simdjson::SUCCESS) {
        return field_error(name, "must hold a string for " + quote(member.key));
      }
      if (auto added = add(member.key, std::optional(text)); !added) return added;
    }
    return {};
  }
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return field_error(name, "must be an object or a list of strings");
  }
  for (const Json element : array) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) {
      return field_error(name, "must be an object or a list of strings");
    }
    const std::size_t equals = text.find('=');
    const auto pair_value = equals == std::string_view::npos
                                ? std::optional<std::string_view>()
                                : std::optional(text.substr(equals + 1));
    if (auto added = add(text.substr(0, equals), pair_value); !added) return added;
  }
  return {};
}

Read read_environment(Json value, std::string_view name, Draft& draft) {
  auto& variables = draft.run.environment;
  return read_pairs(
      value, name, [&](std::string_view key, std::optional<std::string_view> text) -> Read {
        // Without "=" the Engine would delete the image's own variable.
        if (!text) return field_error(name, "must give " + quote(key) + " a value: use K=V");
        if (variables.size() >= limits::kVariables) {
          return field_error(
              name, "must be at most " + std::to_string(limits::kVariables) + " variables");
        }
        auto variable = VariableName::parse(key);
        if (!variable) return field_error(name, quote(key) + ": a name " + variable.error().detail);
        auto content = decltype(Variable::value)::parse(*text);
        if (!content) return field_error(name, quote(key) + ": a value " + content.error().detail);
        variables.push_back(Variable{std::move(*variable), std::move(*content)});
        return {};
      });
}

Read read_labels(Json value, std::string_view name, Draft& draft) {
  auto& labels = draft.run.labels;
  return read_pairs(
      value, name, [&](std::string_view key, std::optional<std::string_view> text) -> Read {
        if (labels.size() >= limits::kLabels) {
          return field_error(name,
                             "must be at most " + std::to_string(limits::kLabels) + " labels");
        }
        auto label = LabelKey::parse(key);
        if (!label) return field_error(name, quote(key) + ": a key " + label.error().detail);
        auto content = decltype(Label::value)::parse(text.value_or(""));
        if (!content) return field_error(name, quote(key) + ": a value " + content.error().detail);
        labels.push_back(Label{std::move(*label), std::move(*content)});
        return {};
      });
}

// --- the rest ----------------------------------------------------------------------------------

Read read_user(Json value, std::string_view name, Draft& draft) {
  std::uint64_t number = 0;
  if ((value.is_int64() || value.is_uint64()) && value.get(number) == simdjson::SUCCESS) {
    auto user = UserSpec::parse(std::to_string(number));
    if (!user) return field_error(name, user.error().detail);
    draft.run.user = std::move(*user);
    return {};
  }
  if (!value.is_string()) return field_error(name, "must be a string or a number of at least 0");
  return read_member<&RunContainer::user>(value, name, draft);
}

constexpr std::uint64_t kMaxAmount = (1ULL << 63U) - 1;

template <std::optional<std::uint64_t> RunContainer::*Member>
Read read_size(Json value, std::string_view name, Draft& draft) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    draft.run.*Member = parse_size(text);
    if (draft.run.*Member) return {};
    return field_error(name, "must be a size such as \"512m\" or a number of bytes");
  }
  auto bytes = read_integer(value, name, 0, kMaxAmount);
  if (!bytes) return field_error(name, "must be a size such as \"512m\" or a number of bytes");
  draft.run.*Member = *bytes;
  return {};
}

template <std::optional<std::uint64_t> RunContainer::*Member, std::uint64_t Min>
Read read_count(Json value, std::string_view name, Draft& draft) {
  auto count = read_integer(value, name, Min, kMaxAmount);
  if (!count) return fail(std::move(count.error()));
  draft.run.*Member = *count;
  return {};
}

// The double's shortest decimal spelling is what the caller wrote, so 0.3 is 300000000 exactly.
Read read_cpus(Json value, std::string_view name, Draft& draft) {
  double number = 0;
  if (!value.is_number() || value.get(number) != simdjson::SUCCESS || !(number >= 0) ||
      number > 1e9) {
    return field_error(name, "must be a number of processors such as 1.5");
  }
  std::array<char, 400> text{};  // fixed notation of the least double fits
  const auto written =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  draft.cpus = parse_billionths(
      std::string_view(text.data(), static_cast<std::size_t>(written.ptr - text.data())));
  if (!draft.cpus) return field_error(name, "must be a number of processors such as 1.5");
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
  if (is_falsy(value)) return {};
  auto flag = read_bool(value, name);
  if (!flag) return fail(std::move(flag.error()));
  return fail(Errc::privileged_not_allowed, "Privileged containers are not allowed");
}

Read refuse_unoffered(Json value, std::string_view name, Draft&) {
  if (is_falsy(value)) return {};
  return fail(Errc::field_not_allowed, "Field " + quote(name) + " is not offered",
              "leave the field out; see the documentation for those that are offered");
}

// "missing" is what run does without it.
Read read_pull(Json value, std::string_view name, Draft& draft) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS && text == "missing") return {};
  return refuse_unoffered(value, name, draft);
}

constexpr auto kFields = std::to_array<Field<Draft>>({
    {"image", skip_image},
    {"name", read_member<&RunContainer::name>},
    {"command", read_arguments<&RunContainer::command>},
    {"entrypoint", read_arguments<&RunContainer::entrypoint>},
    {"environment", read_environment},
    {"ports", [](Json value, std::string_view name,
                 Draft& draft) { return read_ports(value, name, draft.run.ports); }},
    {"network", read_member<&RunContainer::network>},
    {"hostname", read_member<&RunContainer::hostname>},
    {"user", read_user},
    {"working_dir", read_member<&RunContainer::working_dir>},
    {"labels", read_labels},
    {"detach", read_flag<&RunContainer::detach>},
    {"auto_remove", read_flag<&RunContainer::auto_remove>},
    {"init", read_flag<&RunContainer::init>},
    {"read_only", read_flag<&RunContainer::read_only>},
    {"mem_limit", read_size<&RunContainer::memory>},
    {"shm_size", read_size<&RunContainer::shm>},
    {"cpus", read_cpus},
    {"nano_cpus", read_count<&RunContainer::nano_cpus, 0>},
    {"pids_limit", read_count<&RunContainer::pids, 1>},
    {"restart_policy", read_restart},
    {"privileged", refuse_privileged},
    {"pull", read_pull},
    {"volumes", refuse_unoffered},
    {"devices", refuse_unoffered},
    {"cap_add", refuse_unoffered},
    {"cap_drop", refuse_unoffered},
    {"tty", refuse_unoffered},
    {"stdin_open", refuse_unoffered},
    {"memswap_limit", refuse_unoffered},
    {"tmpfs", refuse_unoffered},
    {"ulimits", refuse_unoffered},
    {"healthcheck", refuse_unoffered},
    {"stop_signal", refuse_unoffered},
    {"stop_timeout", refuse_unoffered},
    {"extra_hosts", refuse_unoffered},
    {"dns", refuse_unoffered},
    {"group_add", refuse_unoffered},
    {"device_requests", refuse_unoffered},
    {"log_config", refuse_unoffered},
});

}  // namespace

std::optional<std::uint64_t> parse_billionths(std::string_view decimal) {
  const std::size_t point = decimal.find('.');
  std::string digits(decimal.substr(0, point));
  std::string fraction(point == std::string_view::npos ? "" : decimal.substr(point + 1));
  fraction.resize(9, '0');
  digits += fraction;
  std::uint64_t amount = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, amount);
  if (problem != std::errc() || stop != end || amount > kMaxAmount) return std::nullopt;
  return amount;
}

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
  if (auto read = read_fields<Draft>(object, kFields, draft); !read) {
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
