// SPDX-License-Identifier: Apache-2.0
// What the readers of the policy file are made of: values that know their place, tables of keys,
// lists. Broker and command line only. Everything wrong is collected, nothing throws.
#pragma once

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "policy/load.hpp"
#include "policy/rules.hpp"

namespace dc::policy::reading {

void add_problem(std::vector<Problem>& problems, const toml::source_region& where,
                 std::string message);

// Text of the file, made fit for a message.
std::string shown(std::string_view text);

// One value of the file, its name in messages, and where complaints about it go.
struct Value {
  const toml::node& node;
  std::string name;
  Loaded& loaded;

  void wrong(std::string_view what) const {
    add_problem(loaded.problems, node.source(), name + ": " + std::string(what));
  }
  // Allowed, and worth a second thought: says what can happen.
  void risky(std::string_view what) const {
    add_problem(loaded.warnings, node.source(), name + ": " + std::string(what));
  }
};

// --- tables ------------------------------------------------------------------------------------

// A key of a table, and how its value is read into a T.
template <class T>
struct Key {
  std::string_view name;
  void (*read)(const Value& value, T& into);
};

void unknown_key(const toml::key& key, std::span<const std::string_view> known, const Value& table);

template <class T>
void read_keys(const Value& table, std::span<const Key<T>> known, T& into) {
  if (!table.node.is_table()) return table.wrong("must be a table");
  for (const auto& [key, node] : *table.node.as_table()) {
    const std::string_view name = key.str();
    const auto rule = std::find_if(known.begin(), known.end(),
                                   [name](const Key<T>& one) { return one.name == name; });
    if (rule == known.end()) {
      std::vector<std::string_view> names;
      for (const Key<T>& one : known) names.push_back(one.name);
      unknown_key(key, names, table);
    } else {
      rule->read(Value{node, table.name + "." + std::string(rule->name), table.loaded}, into);
    }
  }
}
template <class T, std::size_t N>
void read_keys(const Value& table, const std::array<Key<T>, N>& known, T& into) {
  read_keys(table, std::span<const Key<T>>(known), into);
}

// --- values ------------------------------------------------------------------------------------

std::optional<std::string_view> read_text(const Value& value);
std::optional<bool> read_flag(const Value& value);
std::optional<std::uint64_t> read_cpus(const Value& value);      // billionths
std::optional<std::uint64_t> read_duration(const Value& value);  // nanoseconds: "5s", "1m"
std::optional<std::uint64_t> read_size_from(const Value& value, std::uint64_t min);
std::optional<std::uint64_t> read_count_in(const Value& value, std::uint64_t min,
                                           std::uint64_t max);
template <std::uint64_t Min>
std::optional<std::uint64_t> read_size(const Value& value) {
  return read_size_from(value, Min);
}
template <std::uint64_t Max, std::uint64_t Min = 1>
std::optional<std::uint64_t> read_count(const Value& value) {
  return read_count_in(value, Min, Max);
}

template <class T, auto Member, auto Read>
void read_number(const Value& value, T& into) {
  using Number = std::remove_reference_t<decltype(into.*Member)>;
  if (const auto number = Read(value)) into.*Member = static_cast<Number>(*number);
}

template <class T, bool T::*Member>
void read_switch(const Value& value, T& into) {
  if (const auto flag = read_flag(value)) into.*Member = *flag;
}

// A validated type, through its parse().
template <class Parsed>
std::optional<Parsed> read_parsed(const Value& value) {
  const auto text = read_text(value);
  if (!text) return std::nullopt;
  auto parsed = Parsed::parse(*text);
  if (parsed) return std::move(*parsed);
  value.wrong(shown(*text) + " " + parsed.error().detail);
  return std::nullopt;
}

template <class T, auto Member>
void read_member(const Value& value, T& into) {
  using Member_t = std::remove_reference_t<decltype(into.*Member)>;
  if (auto parsed = read_parsed<typename Member_t::value_type>(value)) {
    into.*Member = std::move(*parsed);
  }
}

template <class T, Limit T::*Which, auto Read>
void read_limit(const Value& value, T& into) {
  static constexpr std::array<Key<Limit>, 2> kKeys = {
      {{"default", read_number<Limit, &Limit::standard, Read>},
       {"max", read_number<Limit, &Limit::max, Read>}}};
  read_keys(value, kKeys, into.*Which);
  if ((into.*Which).standard > (into.*Which).max) {
    value.wrong("default is over max; write both, since the one left out has its own value");
  }
}

// --- lists -------------------------------------------------------------------------------------

// Calls use(element) for each element of a list; `shape` says what it should look like.
template <class Use>
void read_list(const Value& value, std::string_view shape, Use use) {
  const auto* list = value.node.as_array();
  if (list == nullptr) return value.wrong("must be a list" + std::string(shape));
  if (list->size() > limits::kProfileEntries) {
    return value.wrong("must be at most " + std::to_string(limits::kProfileEntries) + " entries");
  }
  std::size_t index = 0;
  for (const toml::node& node : *list) {
    use(Value{node, value.name + "[" + std::to_string(index++) + "]", value.loaded});
  }
}

// Calls use(element, text) for each element of a list of texts.
template <class Use>
void read_texts(const Value& value, Use use) {
  read_list(value, " of texts, such as [\"one\", \"two\"]", [&](const Value& element) {
    if (const auto text = read_text(element)) use(element, *text);
  });
}

// Calls check(element, entry) for each entry that is one.
template <class T, class Check>
void read_parsed_list(const Value& value, std::vector<T>& out, Check check) {
  out.clear();
  read_list(value, " of texts, such as [\"one\", \"two\"]", [&](const Value& element) {
    auto parsed = read_parsed<T>(element);
    if (!parsed) return;
    check(element, *parsed);
    out.push_back(std::move(*parsed));
  });
}

template <class T, auto Member>
void read_members(const Value& value, T& into) {
  read_parsed_list(value, into.*Member, [](const Value&, const auto&) {});
}

// Names of an enumeration; `parse` gives nothing for what is none.
template <class Enum>
void read_names(const Value& value, std::optional<Enum> (*parse)(std::string_view),
                std::string_view expected, std::vector<Enum>& out) {
  out.clear();
  read_texts(value, [&](const Value& element, std::string_view text) {
    const auto found = parse(text);
    if (!found) return element.wrong(shown(text) + " " + std::string(expected));
    out.push_back(*found);
  });
}

}  // namespace dc::policy::reading
