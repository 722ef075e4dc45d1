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

#include "broker/engine_probe.hpp"
#include "broker/front_link.hpp"
#include "common/keeper_protocol.hpp"

namespace dc::broker {
namespace {

using namespace std::chrono_literals;

class Broker {
 public:
  Broker(uv_loop_t* loop, Startup startup, Fd keeper)
      : loop_(loop),
        config_(std::move(startup.config)),
        keys_(std::move(startup.keys)),
        ownership_(std::move(startup.instance_key)),
        audit_(std::move(startup.audit)),
        engine_(loop, config_.docker_socket),
        tags_(engine_),
        sweeper_(loop, engine_, ownership_, audit_),
        context_{loop, engine_, ownership_, tags_, sweeper_, audit_},
        state_{context_, keys_, std::move(startup.policy),
               1,        {},    {config_.front_policy_check, config_.dev},
               {}},
        probe_(loop, engine_, [this](EngineState e, DiskState d) { engine_changed(e, d); }),
        front_(loop, state_, std::move(keeper), [this] { keeper_lost(); }),
        terminate_(loop, SIGTERM, [this] { drain(); }),
        interrupt_(loop, SIGINT, [this] { drain(); }),
        hangup_(loop, SIGHUP, [this] { reload(); }),
        deadline_(loop),
        patience_(loop) {}

  int run() {
    audit_.event("start", "pid " + std::to_string(::getpid()));
    sweeper_.start();
    probe_.start();
    uv_run(loop_, UV_RUN_DEFAULT);
    audit_.event("stop", exit_status_ == 0 ? "told to stop" : "failed");
    return exit_status_;
  }

 private:
  void engine_changed(EngineState engine, DiskState disk) {
    const bool came_up = engine == EngineState::up && state_.status.engine != EngineState::up;
    state_.status.engine = engine;
    state_.status.disk = disk;
    front_.send_status();
    if (!came_up) return;
    tags_.watch();
    sweeper_.start();
  }

  void reload() {
    auto policy = load_policy(config_.policy);
    const bool stale = !policy;
    if (stale) {
      spdlog::error("the policy was not reloaded, the one before it stays in force:\n{}",
                    policy.error().detail);
      audit_.event("policy_refused", policy.error().detail);
    } else {
      state_.policy = std::move(*policy);
      ++state_.policy_generation;
      front_.send_policy();
      spdlog::info("policy reloaded: {} profiles", state_.policy->profiles.size());
      audit_.event("policy_reloaded", config_.policy);
    }
    if (stale == state_.status.policy_stale) return;
    state_.status.policy_stale = stale;
    front_.send_status();
  }

  // The front answers what it has; what is under way in here ends, or the deadline comes.
  void drain() {
    if (draining_) {
      spdlog::warn("told to stop twice: ending at once");
      return uv_stop(loop_);
    }
    draining_ = true;
    spdlog::info("stopping: {} requests under way", state_.slots.taken());
    deadline_.start(limits::kDrainTime, [this] {
      spdlog::warn("{} requests did not end in time", state_.slots.taken());
      uv_stop(loop_);
    });
    front_.drain([this] {
      patience_.start(
          0ms,
          [this] {
            if (state_.slots.taken() == 0) uv_stop(loop_);
          },
          20ms);
    });
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
  Config config_;
  TokenKeys keys_;
  Ownership ownership_;
  Audit audit_;
  Engine engine_;
  ImageTags tags_;
  Sweeper sweeper_;
  Context context_;
  SessionState state_;
  EngineProbe probe_;
  FrontLink front_;
  uv::Signal terminate_, interrupt_, hangup_;
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
               startup.policy->profiles.size(), startup.config.docker_socket);
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) return 1;
  // Handles are not closed one by one: the process ends here.
  return Broker(&loop, std::move(startup), std::move(*keeper)).run();
}

}  // namespace dc::broker
