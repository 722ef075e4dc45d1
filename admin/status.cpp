// SPDX-License-Identifier: Apache-2.0
// Reads status.json and renders it. Command line only.
#include "admin/status.hpp"
#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include "admin/state_files.hpp"
#include "admin/terminal.hpp"
#include "common/json_reader.hpp"
#include "common/json_text.hpp"

namespace dc::admin {
namespace {

constexpr int kWell = 0, kNotWell = 1, kNotRunning = 3, kUnknown = 4;

int unknown(const std::string& why) {
  (void)std::fprintf(stderr, "docker-control: %s\n", printable(why).c_str());
  return kUnknown;
}

int print(const std::string& text, int status) {
  const bool done = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return done ? status : kUnknown;
}

std::string text_of(std::string_view object, std::string_view key) {
  return printable(json_text(object, key));
}

std::string time_of(std::string_view object, std::string_view key) {
  const auto seconds = json_integer(json_member(object, key)).value_or(0);
  return fmt::format("{:%FT%T}Z", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

bool is_true(std::string_view object, std::string_view key) {
  return json_member(object, key) == "true";
}

bool is_well(std::string_view status) {
  return !is_true(status, "draining") && json_text(status, "engine") == "up" &&
         json_text(status, "disk") != "low" &&
         json_text(json_member(status, "policy"), "problem").empty() &&
         is_true(json_member(status, "audit"), "writable");
}

std::string policy_text(std::string_view policy) {
  std::string text = fmt::format("policy   {}: {} profiles, generation {}, loaded {}\n",
                                 text_of(policy, "file"), json_member(policy, "profiles"),
                                 json_member(policy, "generation"), time_of(policy, "loaded"));
  std::string problem = json_text(policy, "problem");
  if (problem.empty()) return text;
  text += "         STALE: the last reload was refused, what was read before is in force\n";
  while (!problem.empty()) {
    const std::size_t end = std::min(problem.find('\n'), problem.size());
    text += "         " + printable(std::string_view(problem).substr(0, end)) + '\n';
    problem.erase(0, end + 1);
  }
  return text;
}

std::string to_text(std::string_view status, std::uint64_t lines) {
  const std::string engine = json_text(status, "engine");
  const std::string disk = json_text(status, "disk");
  const auto audit = json_member(status, "audit");
  return fmt::format("docker-control {}: {}, pid {}, since {}\n", text_of(status, "version"),
                     is_true(status, "draining") ? "stopping" : "running",
                     json_member(status, "pid"), time_of(status, "started")) +
         policy_text(json_member(status, "policy")) +
         fmt::format("engine   {}\n", engine == "up"     ? "answers"
                                      : engine == "down" ? "DOES NOT ANSWER"
                                                         : "not asked yet") +
         fmt::format("disk     {}\n", disk == "ok"    ? "enough free space"
                                      : disk == "low" ? "LOW"
                                                      : "not known") +
         fmt::format(
             "audit    {}: {} lines, {}\n", text_of(audit, "file"), lines,
             is_true(audit, "writable") ? "writable" : "CANNOT BE WRITTEN: changes are refused") +
         fmt::format("users    {}\n", is_true(status, "separate_users")
                                          ? "broker and front run as two"
                                          : "broker and front run as one (no separation)");
}

std::string to_json(std::string_view status, std::uint64_t lines, bool well) {
  JsonWriter out;
  out.open('{').key("running").boolean(true).key("healthy").boolean(well);
  out.key("audit_lines").number(static_cast<std::int64_t>(lines));
  for_each_member(status, [&](std::string_view key, std::string_view json) {
    out.key(key).raw(printable_json(json));
  });
  return out.close('}').take() + '\n';
}

}  // namespace

int print_status(const std::string& state_dir, bool json) {
  const auto lives = broker_lives(state_dir);
  if (!lives) return unknown(lives.error().detail);
  if (!*lives) return print(json ? "{\"running\":false}\n" : "not running\n", kNotRunning);
  const auto text = read_small_file(state_dir + "/status.json");
  if (!text) return unknown(text.error().detail);
  const auto head = read_head_file(state_dir + "/audit.head");
  if (!head) return unknown(head.error().detail);
  const JsonText document(*text);
  if (!for_each_member(document.view(), [](auto, auto) {})) {
    return unknown(state_dir + "/status.json is not of our making");
  }
  const bool well = is_well(document.view());
  return print(
      json ? to_json(document.view(), head->seq, well) : to_text(document.view(), head->seq),
      well ? kWell : kNotWell);
}

}  // namespace dc::admin
