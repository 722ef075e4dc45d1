// SPDX-License-Identifier: Apache-2.0
// Times as text. Front; reads the calendar of <chrono>, no file.
#include "daemon/date.hpp"
#include <array>
#include <string_view>

namespace dc::daemon {
namespace {

void append_digits(std::string& out, unsigned value, unsigned digits) {
  std::string text = std::to_string(value);
  if (text.size() < digits) out.append(digits - text.size(), '0');
  out += text;
}

void append_time(std::string& out, std::chrono::sys_seconds time) {
  const auto second =
      static_cast<unsigned>((time - std::chrono::floor<std::chrono::days>(time)).count());
  append_digits(out, second / 3600, 2);
  out += ':';
  append_digits(out, second / 60 % 60, 2);
  out += ':';
  append_digits(out, second % 60, 2);
}

}  // namespace

std::string http_date(std::chrono::sys_seconds time) {
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  std::string out(kDays.at(std::chrono::weekday(day).c_encoding()));
  out += ", ";
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out.append(" ").append(kMonths.at(static_cast<unsigned>(date.month()) - 1)).append(" ");
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += ' ';
  append_time(out, time);
  out += " GMT";
  return out;
}

std::string iso_date(std::chrono::sys_seconds time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  std::string out;
  append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_time(out, time);
  out += 'Z';
  return out;
}

}  // namespace dc::daemon
