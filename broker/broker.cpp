// SPDX-License-Identifier: Apache-2.0
// The loop: one Engine, one front at a time, signals. Broker only. Single-threaded; nothing blocks.
#include "broker/broker.hpp"
#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include "broker/engine_watch.hpp"
#include "broker/front_link.hpp"
#include "broker/status_file.hpp"
#include "common/keeper_protocol.hpp"
#include "common/process.hpp"

namespace dc::broker {
namespace {

using namespace std::chrono_literals;

// What no container may be given, by whatever path.
std::vector<std::string> own_directories(const CommandLine& options, const Config& config) {
  std::vector<std::string> files = {config.docker_socket, config.policy, config.audit,
                                    config.revocations, options.config};
  for (const KeyFile& key : config.keys) files.push_back(key.file);
  for (const KeyFile& set : config.key_sets) files.push_back(set.file);
  std::vector<std::string> list = {config.state_dir};
  for (const std::string& file : files) {
    if (file.find('/') != std::string::npos) list.push_back(file.substr(0, file.rfind('/')));
  }
  return list;
}

class Broker {
 public:
  Broker(uv_loop_t* loop, Startup startup, Fd keeper)
      : loop_(loop),
        options_(std::move(startup.options)),
        environment_key_(std::move(startup.environment_key)),
        status_file_(startup.config.state_dir),
        context_(loop, startup.config.docker_socket, std::move(startup.instance_key),
                 std::move(startup.audit), own_directories(options_, startup.config)),
        probe_(loop, context_.engine, [this](auto... found) { engine_probed(found...); }),
        front_(loop, context_, std::move(keeper), [this] { keeper_lost(); }),
        terminate_(loop, SIGTERM, [this] { drain(); }),
        interrupt_(loop, SIGINT, [this] { drain(); }),
        hangup_(loop, SIGHUP, [this] { reload(); }),
        user1_(loop, SIGUSR1, [this] { context_.audit.rotate(); }),
        deadline_(loop),
        patience_(loop) {
    context_.keys = std::move(startup.rules.keys);
    context_.revocations = std::move(startup.rules.revocations);
    context_.service_logs = startup.config.service_logs;
    context_.policy = std::move(startup.rules.policy);
    Config& config = startup.config;
    shown_.policy = config.policy;
    shown_.loaded = std::time(nullptr);
    shown_.audit = config.audit;
    shown_.separate = startup.identities.separate;
    context_.welcome = {config.front_policy_check, config.dev,
                        config.max_connections,    config.max_connections_per_address,
                        std::move(config.hosts),   std::move(config.cors_origins),
                        config.public_metrics};
  }

  int run() {
    context_.audit.start("pid " + std::to_string(::getpid()));
    show_status();
    context_.sweeper.start();
    probe_.start();
    uv_run(loop_, UV_RUN_DEFAULT);
    context_.audit.event("stop", exit_status_ == 0 ? "told to stop" : "failed");
    return exit_status_;
  }

 private:
  void engine_probed(EngineState engine, DiskState disk, std::chrono::microseconds ping) {
    EngineStatus& status = context_.status;
    const bool came_up = engine == EngineState::up && status.engine != EngineState::up;
    if (!probe_.data_root().empty()) context_.host_paths.protect(probe_.data_root());
    status.engine = engine;
    status.disk = disk;
    status.ping_us = static_cast<std::uint32_t>(ping.count());
    status.streams = static_cast<std::uint32_t>(context_.streams.taken());
    context_.pulls.use_disk(disk);
    status.pulls = static_cast<std::uint32_t>(context_.pulls.under_way());
    front_.send_status();
    show_status();
    if (came_up) context_.sweeper.start();
  }

  // For docker-control status. What no event tells, the probe brings here every second.
  void show_status() {
    shown_.profiles = context_.policy->profiles.size();
    shown_.generation = context_.policy_generation;
    shown_.engine = context_.status.engine;
    shown_.disk = context_.status.disk;
    shown_.audit_writable = context_.audit.writable();
    shown_.draining = draining_;
    status_file_.show(shown_);
  }

  // Everything is read before anything changes.
  void reload() {
    auto rules = reload_rules(options_, environment_key_);
    const bool stale = !rules;
    if (stale) {
      const Error& error = rules.error();
      spdlog::error("nothing was reloaded, what was read before stays in force:\n{}{}{}",
                    error.detail, error.hint.empty() ? "" : "\n", error.hint);
      context_.audit.event("policy_refused", error.detail);
      shown_.policy_problem = error.detail;
    } else {
      // The last of the old keys go with this, and with them the handles of their tokens.
      rules->keys.take_over(context_.keys);
      context_.keys = std::move(rules->keys);
      context_.revocations = std::move(rules->revocations);
      context_.policy = std::move(rules->policy);
      ++context_.policy_generation;
      front_.send_policy();
      spdlog::info("policy reloaded: {} profiles, {} token keys", context_.policy->profiles.size(),
                   context_.keys.size());
      context_.audit.event("policy_reloaded", std::to_string(context_.keys.size()) + " token keys");
      shown_.policy_problem.clear();
      shown_.loaded = std::time(nullptr);
    }
    context_.status.policy_stale = stale;
    front_.send_status();
    show_status();
  }

  // The front answers what it has; what is under way in here ends, or the deadline comes.
  void drain() {
    if (draining_) {
      spdlog::warn("told to stop twice: ending at once");
      return uv_stop(loop_);
    }
    draining_ = true;
    show_status();
    spdlog::info("stopping: {} requests under way", context_.slots.taken());
    deadline_.start(limits::kDrainTime, [this] {
      spdlog::warn("{} requests did not end in time", context_.slots.taken());
      uv_stop(loop_);
    });
    context_.pulls.end_all({Errc::overloaded, "docker-control was stopped during the pull", {}});
    front_.drain([this] { stop_when_idle(); });
  }

  void stop_when_idle() {
    if (context_.slots.taken() + context_.streams.taken() == 0) return uv_stop(loop_);
    patience_.start(20ms, [this] { stop_when_idle(); });
  }

  void keeper_lost() {
    if (draining_) return;
    // Its own words are in the log already; its status tells the service manager whether to try
    // again.
    int status = 0;
    const bool ended = ::wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 0;
    spdlog::critical("the keeper ended; without it there can be no front");
    exit_status_ = ended ? WEXITSTATUS(status) : 1;
    uv_stop(loop_);
  }

  uv_loop_t* loop_;
  CommandLine options_;
  TokenKeyPtr environment_key_;
  StatusFile status_file_;
  ServiceStatus shown_;
  Context context_;
  EngineProbe probe_;
  FrontLink front_;
  uv::Signal terminate_, interrupt_, hangup_, user1_;
  uv::Timer deadline_, patience_;
  bool draining_ = false;
  int exit_status_ = 0;
};

// In the forked child: takes the front's identity and becomes the keeper, with the descriptors of
// common/keeper_protocol.hpp and nothing else of ours, the memory included.
[[noreturn]] void become_keeper(const Startup& startup, int control, pid_t broker) {
  const auto die = [](const std::string& what) {
    std::fprintf(stderr, "docker-control keeper: %s\n", what.c_str());
    std::_Exit(1);
  };
  // Out of the way of the numbers that are to be filled, then into place.
  const int high = kFirstListener + static_cast<int>(limits::kListeners);
  std::vector<int> sources = {::fcntl(control, F_DUPFD_CLOEXEC, high)};
  for (const Fd& listener : startup.listeners) {
    sources.push_back(::fcntl(listener.get(), F_DUPFD_CLOEXEC, high));
  }
  const int executable = ::fcntl(startup.front_executable.get(), F_DUPFD_CLOEXEC, high);
  int next = kControlFd;
  for (const int source : sources) {
    if (::dup2(source, next++) < 0) die("dup2");
  }
  ::close_range(static_cast<unsigned>(next), static_cast<unsigned>(executable) - 1, 0);
  ::close_range(static_cast<unsigned>(executable) + 1, ~0U, 0);
  if (auto done = become(startup.identities.front, startup.identities.separate); !done) {
    die(done.error().detail);
  }
  if (!die_with_parent(broker)) std::_Exit(0);
  std::vector<std::string> words = {"docker-controld", "--keeper",
                                    std::to_string(startup.listeners.size())};
  if (startup.listeners.empty()) {
    words.insert(words.end(), startup.config.listen.begin(), startup.config.listen.end());
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  char* environment = nullptr;
  ::fexecve(executable, arguments.data(), &environment);
  die(std::string("cannot start docker-controld: ") + std::strerror(errno));
  std::_Exit(1);
}

// Starts the keeper; the broker gets its end of the control socket.
Result<Fd> fork_keeper(Startup& startup) {
  auto ends = Channel::make_pair();
  if (!ends) return fail(Errc::internal, std::string("socketpair: ") + std::strerror(errno));
  // The keeper blocks where the broker polls.
  const int flags = ::fcntl(ends->second.get(), F_GETFL);
  ::fcntl(ends->second.get(), F_SETFL, flags & ~O_NONBLOCK);
  const pid_t broker = ::getpid();
  const pid_t keeper = ::fork();
  if (keeper < 0) return fail(Errc::internal, std::string("fork: ") + std::strerror(errno));
  if (keeper == 0) become_keeper(startup, ends->second.get(), broker);
  startup.front_executable.reset();
  startup.listeners.clear();
  return std::move(ends->first);
}

}  // namespace

int serve(Startup startup) {
  ::signal(SIGPIPE, SIG_IGN);
  const Identities identities = startup.identities;
  auto keeper = fork_keeper(startup);
  if (!keeper) {
    spdlog::critical("{}", keeper.error().detail);
    return 1;
  }
  if (auto done = become(identities.broker, identities.separate); !done) {
    spdlog::critical("{}", done.error().detail);
    return 1;
  }
  if (!identities.separate) {
    spdlog::warn(
        "started by an ordinary user: broker and front share one uid, so the front is not "
        "kept from docker.sock by it (set require_separation = true to refuse this)");
  }
  spdlog::info("policy {}: {} profiles; Engine at {}", startup.config.policy,
               startup.rules.policy->profiles.size(), startup.config.docker_socket);
  warn_of_unreadable(startup.options, startup.config);
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) return 1;
  // Handles are not closed one by one: the process ends here.
  return Broker(&loop, std::move(startup), std::move(*keeper)).run();
}

}  // namespace dc::broker
