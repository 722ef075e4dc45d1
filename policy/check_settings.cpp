// SPDX-License-Identifier: Apache-2.0
// As whom a new container runs, how its health is looked at, where its output goes and how it finds
// names. Both sides; pure functions of a validated command and the administrator's profile.
#include <set>
#include "common/text_rules.hpp"
#include "policy/check_common.hpp"
#include "policy/rules.hpp"

namespace dc::policy {
namespace {

// A number other than 0, however that is written. A name could be root in the image.
bool is_not_root(const UserSpec& user) {
  const std::string_view name = user.view().substr(0, user.view().find(':'));
  return rules::all_of(name, rules::is_digit) &&
         name.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

Result<void> check_user(const RunContainer& run, Judge& judge) {
  if (!judge.profile().require_non_root || (run.user && is_not_root(*run.user))) return {};
  return judge.refuse(Errc::field_not_allowed, "The user must be a number other than 0",
                      {"require_non_root", "false",
                       "ask for a user such as \"1000\", or set require_non_root to false"});
}

Result<void> check_groups(const RunContainer& run, Judge& judge) {
  if (run.groups.size() > limits::kGroups) return too_many("group_add", limits::kGroups, "");
  std::set<std::string_view> names;
  for (const Group& group : run.groups) {
    if (!names.insert(group.view()).second) return invalid("group_add names one more than once");
    if (contains(judge.profile().groups, group)) continue;
    auto refused = judge.refuse(Errc::field_not_allowed, "Group not in allowed list",
                                {"groups", in_quotes(group.view())});
    if (!refused) return refused;
  }
  return {};
}

Result<void> check_dns(const RunContainer& run, Judge& judge) {
  if (run.dns.size() > limits::kNameServers) return too_many("dns", limits::kNameServers, "");
  for (const IpAddress& server : run.dns) {
    if (contains(judge.profile().dns, server)) continue;
    auto refused = judge.refuse(Errc::field_not_allowed, "DNS server not in allowed list",
                                {"dns", in_quotes(server.view())});
    if (!refused) return refused;
  }
  return {};
}

Result<void> check_extra_hosts(const RunContainer& run, Judge& judge) {
  if (run.extra_hosts.size() > limits::kExtraHosts) {
    return too_many("extra_hosts", limits::kExtraHosts, "");
  }
  const auto& listed = judge.profile().extra_hosts;
  for (const ExtraHost& host : run.extra_hosts) {
    const bool allowed = std::any_of(listed.begin(), listed.end(), [&](const ExtraHostRule& rule) {
      return (!rule.name || *rule.name == host.name) &&
             (!rule.address || *rule.address == host.address);
    });
    if (allowed) continue;
    auto refused =
        judge.refuse(Errc::field_not_allowed, "Extra host not in allowed list",
                     {"extra_hosts", in_quotes(host.name.str() + ":" + host.address.str())});
    if (!refused) return refused;
  }
  return {};
}

namespace {

// The Engine takes 0 for "as the image says".
template <class Number>
void drop_zero(std::optional<Number>& number) {
  if (number == Number{0}) number.reset();
}

Result<void> check_test(const std::vector<Argument>& test) {
  if (test.empty()) return {};
  const std::string_view kind = test.front().view();
  const bool good = kind == "NONE"        ? test.size() == 1
                    : kind == "CMD-SHELL" ? test.size() == 2
                                          : kind == "CMD" && test.size() >= 2;
  if (good) return {};
  return invalid(
      "healthcheck test must be [\"NONE\"], [\"CMD\", and arguments] or [\"CMD-SHELL\", a line]");
}

Result<void> check_times(const Healthcheck& health) {
  const auto bounded = [](const std::optional<std::uint64_t>& time, std::uint64_t least) {
    return !time || (*time >= least && *time <= limits::kHealthTime);
  };
  if (!bounded(health.interval, kMinHealthTime) || !bounded(health.timeout, kMinHealthTime)) {
    return invalid("healthcheck interval and timeout must be 1 second to 1 day");
  }
  if (!bounded(health.start_period, 0)) {
    return invalid("healthcheck start_period must be at most 1 day");
  }
  return {};
}

}  // namespace

Result<void> check_healthcheck(RunContainer& run, Judge& judge) {
  if (!run.healthcheck) return {};
  Healthcheck& health = *run.healthcheck;
  drop_zero(health.interval);
  drop_zero(health.timeout);
  drop_zero(health.start_period);
  drop_zero(health.retries);
  if (auto test = check_test(health.test); !test) return test;
  if (auto times = check_times(health); !times) return times;
  if (health.retries.value_or(0) > limits::kHealthRetries) {
    return too_many("healthcheck retries", limits::kHealthRetries, "");
  }
  const std::uint64_t least = judge.profile().health_interval;
  if (health.interval.value_or(least) >= least) return {};
  const std::string wanted = in_quotes(duration_text(*health.interval));
  return judge.refuse(
      Errc::limit_exceeded, "healthcheck interval is under the policy's " + duration_text(least),
      {"health_interval", wanted, "ask for a longer one, or set health_interval to " + wanted});
}

namespace {

Result<void> check_log_files(LogConfig& log, Judge& judge) {
  constexpr LimitRule kSize{"log_config max-size", "logs.size", 1, size_text, quoted_size};
  constexpr LimitRule kFiles{"log_config max-file", "logs.files", 1, count_text, count_text};
  const LogRules& rules = judge.profile().logs;
  if (auto size = check_limit(log.max_size, rules.size, kSize, judge); !size) return size;
  std::optional<std::uint64_t> files = log.max_files;
  if (auto number = check_limit(files, rules.files, kFiles, judge); !number) return number;
  log.max_files = static_cast<std::uint32_t>(*files);
  return {};
}

}  // namespace

Result<void> check_log(RunContainer& run, Judge& judge) {
  const auto& drivers = judge.profile().logs.drivers;
  if (!run.log) run.log = LogConfig{drivers.empty() ? LogDriver::none : drivers.front(), {}, {}};
  LogConfig& log = *run.log;
  if (!contains(drivers, log.driver)) {
    auto refused = judge.refuse(Errc::field_not_allowed, "Log driver not in allowed list",
                                {"logs.drivers", in_quotes(enum_name(log.driver))});
    if (!refused) return refused;
  }
  if (log.driver == LogDriver::json_file || log.driver == LogDriver::local) {
    return check_log_files(log, judge);
  }
  if (!log.max_size && !log.max_files) return {};
  return invalid("log_config takes max-size and max-file only with json-file and local");
}

}  // namespace dc::policy
