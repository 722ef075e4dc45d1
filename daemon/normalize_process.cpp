// SPDX-License-Identifier: Apache-2.0
// What runs in a new container and how it is known: command, environment, labels, user, groups,
// health check, stop signal. Front; every value is hostile.
#include "daemon/normalize_fields.hpp"
#include "daemon/shlex.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kWords = "must be a string or a list of strings";
constexpr std::string_view kPairs = "must be an object or a list of strings";

Read add_argument(std::string_view text, std::string_view name, std::vector<Argument>& arguments) {
  if (arguments.size() >= limits::kArguments) {
    return field_error(name, "must be at most " + std::to_string(limits::kArguments) + " words");
  }
  auto argument = Argument::parse(text);
  if (!argument) return field_error(name, argument.error().detail);
  arguments.push_back(std::move(*argument));
  return {};
}

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
  return read_strings(value, name, kPairs, [&](std::string_view text) {
    const std::size_t equals = text.find('=');
    const auto pair_value = equals == std::string_view::npos
                                ? std::optional<std::string_view>()
                                : std::optional(text.substr(equals + 1));
    return add(text.substr(0, equals), pair_value);
  });
}

// A text, or a number that stands for one.
template <class T>
Result<T> read_text_or_number(Json value, std::string_view name, std::string_view expected) {
  std::string_view text;
  std::uint64_t number = 0;
  std::string digits;
  if ((value.is_int64() || value.is_uint64()) && value.get(number) == simdjson::SUCCESS) {
    digits = std::to_string(number);
    text = digits;
  } else if (value.get(text) != simdjson::SUCCESS) {
    return field_error(name, expected);
  }
  auto parsed = T::parse(text);
  if (!parsed) return field_error(name, parsed.error().detail);
  return std::move(*parsed);
}

// --- healthcheck -------------------------------------------------------------------------------

Read read_health_test(Json value, std::string_view name, Healthcheck& check) {
  std::string_view line;
  if (value.get(line) == simdjson::SUCCESS) {  // docker-py: a line for the shell
    if (line.empty()) return {};
    if (auto added = add_argument("CMD-SHELL", name, check.test); !added) return added;
    return add_argument(line, name, check.test);
  }
  auto read = read_strings(value, name, kWords, [&](std::string_view word) {
    return add_argument(word, name, check.test);
  });
  if (!read || check.test.empty()) return read;
  const std::string& kind = check.test.front().str();
  if (kind == "NONE" || kind == "CMD" || kind == "CMD-SHELL") return {};
  return field_error(name, R"(must begin with "NONE", "CMD" or "CMD-SHELL")");
}

// 0 is Docker's spelling of absence.
template <auto Member>
Read read_health_number(Json value, std::string_view name, Healthcheck& check) {
  using T = typename std::remove_reference_t<decltype(check.*Member)>::value_type;
  // The Engine counts in signed numbers.
  constexpr std::uint64_t kMax = std::numeric_limits<std::make_signed_t<T>>::max();
  auto number = read_integer(value, name, 0, kMax);
  if (!number) return fail(std::move(number.error()));
  if (*number != 0) check.*Member = static_cast<T>(*number);
  return {};
}

constexpr auto kHealthMembers = std::to_array<Spelling<Healthcheck>>({
    {"Test", "test", read_health_test},
    {"Interval", "interval", read_health_number<&Healthcheck::interval>},
    {"Timeout", "timeout", read_health_number<&Healthcheck::timeout>},
    {"StartPeriod", "start_period", read_health_number<&Healthcheck::start_period>},
    {"Retries", "retries", read_health_number<&Healthcheck::retries>},
});

}  // namespace

Read read_arguments(Json value, std::string_view name, std::vector<Argument>& arguments) {
  std::string_view line;
  if (value.get(line) == simdjson::SUCCESS) {
    auto words = split_words(line);
    if (!words) return field_error(name, "cannot be split: " + words.error().detail);
    for (const auto& word : *words) {
      if (auto added = add_argument(word, name, arguments); !added) return added;
    }
    return {};
  }
  return read_strings(value, name, kWords,
                      [&](std::string_view word) { return add_argument(word, name, arguments); });
}

Read read_environment(Json value, std::string_view name, std::vector<Variable>& variables) {
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

Read read_labels(Json value, std::string_view name, std::vector<Label>& labels) {
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

Read read_user(Json value, std::string_view name, std::optional<UserSpec>& user) {
  auto parsed =
      read_text_or_number<UserSpec>(value, name, "must be a string or a number of at least 0");
  if (!parsed) return fail(std::move(parsed.error()));
  user = std::move(*parsed);
  return {};
}

Read read_groups(Json value, std::string_view name, std::vector<Group>& groups) {
  constexpr std::string_view kExpected = "must be a list of names or numbers of groups";
  return read_list(value, name, kExpected, [&](Json element) -> Read {
    auto group = read_text_or_number<Group>(element, name, kExpected);
    if (!group) return fail(std::move(group.error()));
    groups.push_back(std::move(*group));
    return {};
  });
}

Read read_healthcheck(Json value, std::string_view name, std::optional<Healthcheck>& check) {
  return read_spellings(value, name, kHealthMembers, check.emplace());
}

Read read_stop_signal(Json value, std::string_view name, std::optional<StopSignal>& signal) {
  auto parsed = read_text_or_number<StopSignal>(value, name, StopSignalRule::kExpected);
  if (!parsed) return fail(std::move(parsed.error()));
  signal = std::move(*parsed);
  return {};
}

}  // namespace dc::daemon
