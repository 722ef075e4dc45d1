// SPDX-License-Identifier: Apache-2.0
// Commands as JSON for the audit: what was asked for, environment values and passwords masked. Both
// sides.
#pragma once

#include <string>
#include "common/commands.hpp"
#include "common/json_text.hpp"
#include "common/wire.hpp"

namespace dc {

// Writes any value that a command is made of. Objects leave out what was not given.
template <class T>
void describe(JsonWriter& out, const T& value) {
  if constexpr (std::is_same_v<T, Variable>) {
    out.string(value.name.str() + "=***");
  } else if constexpr (std::is_same_v<T, Password>) {
    out.string("***");
  } else if constexpr (std::is_same_v<T, bool>) {
    out.boolean(value);
  } else if constexpr (std::is_integral_v<T>) {
    out.number(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_enum_v<T>) {
    out.string(enum_name(value));
  } else if constexpr (wire::Parsed<T>) {
    out.string(value.view());
  } else if constexpr (wire::detail::is_vector<T>::value) {
    out.open('[');
    for (const auto& element : value) describe(out, element);
    out.close(']');
  } else {
    const auto members = T::fields(value);
    static_assert(std::tuple_size_v<decltype(members)> == T::kFields.size(),
                  "kFields does not name every member");
    out.open('{');
    auto name = T::kFields.begin();
    const auto member = [&](const auto& field) {
      using Field = std::remove_cvref_t<decltype(field)>;
      if constexpr (wire::detail::is_optional<Field>::value) {
        if (field) describe(out.key(*name), *field);
      } else if constexpr (wire::detail::is_vector<Field>::value) {
        if (!field.empty()) describe(out.key(*name), field);
      } else {
        describe(out.key(*name), field);
      }
      ++name;
    };
    std::apply([&](const auto&... field) { (member(field), ...); }, members);
    out.close('}');
  }
}

}  // namespace dc
