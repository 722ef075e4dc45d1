// SPDX-License-Identifier: Apache-2.0
// Takes what the broker needs, while it still may: policy, keys, files, sockets, identities. Broker
// only, before the door is shut.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include "broker/broker.hpp"
#include "common/jwks.hpp"
#include "common/limits.hpp"
#include "policy/load.hpp"

namespace dc::broker {
namespace {

constexpr std::size_t kInstanceKeySize = 32;

tl::unexpected<Error> file_error(const std::string& what, const std::string& path) {
  return fail(Errc::invalid_request, "cannot " + what + " " + path + ": " + std::strerror(errno));
}

// Permission bits that a file of the administrator's must not have.
constexpr mode_t kWritableByOthers = 022;  // configuration and policy
constexpr mode_t kReadableByOthers = 027;  // keys; a group may read them

// Reads at most `max` bytes to `data`; how many there were. Opened once and checked by descriptor,
// so that what was checked is what is read.
Result<std::size_t> read_trusted_file(const std::string& path, mode_t forbidden, char* data,
                                      std::size_t max) {
  // O_NONBLOCK: a FIFO in its place must not stop us.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return file_error("read", path);
  if (!S_ISREG(info.st_mode)) return fail(Errc::invalid_request, path + " is not a plain file");
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return fail(Errc::invalid_request, path + " belongs to another user", "chown root " + path);
  }
  if ((info.st_mode & forbidden) != 0) {
    return fail(Errc::invalid_request, path + " is open to other users",
                "chmod " + std::string(forbidden == kWritableByOthers ? "go-w " : "o= ") + path);
  }
  if (static_cast<std::size_t>(info.st_size) > max) {
    return fail(Errc::invalid_request, path + " is larger than " + std::to_string(max) + " bytes");
  }
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < max && (got = ::read(file.get(), data + size, max - size)) > 0) {
    size += static_cast<std::size_t>(got);
  }
  if (got < 0) return file_error("read", path);
  return size;
}

// Configuration and policy.
Result<std::string> read_trusted_text(const std::string& path, std::size_t max) {
  std::string text(max, '\0');
  const auto size = read_trusted_file(path, kWritableByOthers, text.data(), text.size());
  if (!size) return fail(size.error());
  text.resize(*size);
  return text;
}

tl::unexpected<Error> of_file(const std::string& file, const Error& error) {
  return fail(error.code, file + ": " + error.detail, error.hint);
}

// An HS256 key, or a public one.
Result<TokenKey> read_key(const KeyFile& file) {
  TokenKey key{file.kid, file.settings, {}, file.algorithm, {}};
  if (file.algorithm != jwt::Algorithm::hs256) {
    const auto pem = read_trusted_text(file.file, limits::kPublicKeyFile);
    if (!pem) return fail(pem.error());
    auto read = read_public_key(file.algorithm, *pem);
    if (!read) return of_file(file.file, read.error());
    key.public_key = std::move(*read);
    return key;
  }
  Secret secret(limits::kHmacKeyMax + 2);
  const auto size =
      read_trusted_file(file.file, kReadableByOthers, secret.data(), secret.capacity());
  if (!size) return fail(size.error());
  secret.resize(*size);
  // An editor's end of line is not part of the key.
  if (secret.view().ends_with('\n')) secret.resize(secret.view().size() - 1);
  if (secret.view().ends_with('\r')) secret.resize(secret.view().size() - 1);
  key.secret = std::move(secret);
  return key;
}

Result<KeySet> read_key_set(const KeyFile& file) {
  const auto text = read_trusted_text(file.file, limits::kJwksFile);
  if (!text) return fail(text.error());
  auto set = read_jwks(*text, file.settings);
  if (!set) return of_file(file.file, set.error());
  for (const std::string& skipped : set->skipped) spdlog::warn("{}: {}", file.file, skipped);
  return set;
}

Result<TokenKeys> load_keys(const Config& config, const TokenKeyPtr& environment_key) {
  TokenKeys keys(config.leeway);
  if (environment_key) (void)keys.add(environment_key);
  for (const KeyFile& file : config.keys) {
    auto key = read_key(file);
    if (!key) return fail(key.error());
    if (auto added = keys.add(std::move(*key)); !added) return of_file(file.file, added.error());
  }
  for (const KeyFile& file : config.key_sets) {
    auto set = read_key_set(file);
    if (!set) return fail(set.error());
    for (TokenKey& key : set->keys) {
      if (auto added = keys.add(std::move(key)); !added) return of_file(file.file, added.error());
    }
  }
  if (!keys.empty()) return keys;
  return fail(Errc::invalid_request, "there is no key to check tokens with",
              "set DOCKER_CONTROL_JWT_SECRET, or write a [[key]] with file into the configuration; "
              "docker-control keygen makes one");
}

// The service that we replace takes tokens without exp under this key.
Result<TokenKeyPtr> environment_key_of(Secret secret) {
  if (secret.empty()) return TokenKeyPtr();
  if (auto strong = check_key_strength(secret.view()); !strong) {
    return of_file("DOCKER_CONTROL_JWT_SECRET", strong.error());
  }
  TokenKey key;
  key.settings.rules.require_exp = false;
  key.secret = std::move(secret);
  return std::make_shared<const TokenKey>(std::move(key));
}

Result<Revocations> load_revocations(const std::string& path) {
  if (path.empty()) return Revocations();
  const auto text = read_trusted_text(path, limits::kRevocationsFile);
  if (!text) return fail(text.error());
  return read_revocations(*text, path);
}

// Opens a file of our own, which the broker's user is to own.
Result<Fd> open_own(const std::string& path, int flags, mode_t mode, const Identity& owner) {
  Fd file(::open(path.c_str(), flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return file_error("open", path);
  if ((!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode)) || info.st_nlink != 1) {
    return fail(Errc::invalid_request, path + " is not a plain file of one name");
  }
  if ((info.st_mode & static_cast<mode_t>(~mode) & 077) != 0 && S_ISREG(info.st_mode)) {
    return fail(Errc::invalid_request, path + " is open to other users", "chmod o= " + path);
  }
  if (::geteuid() == 0 && S_ISREG(info.st_mode) &&
      ::fchown(file.get(), owner.uid, owner.gid) != 0) {
    return file_error("chown", path);
  }
  return file;
}

// Read where there is one; else made. It outlives reinstallation, so that containers are recognised
// after it.
Result<Secret> instance_key(const std::string& directory, const Identity& owner) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return file_error("make", directory);
  }
  if (::geteuid() == 0 && ::chown(directory.c_str(), owner.uid, owner.gid) != 0) {
    return file_error("chown", directory);
  }
  const std::string path = directory + "/instance.key";
  const auto file = open_own(path, O_RDWR, 0600, owner);
  if (!file) return fail(file.error());
  Secret key(kInstanceKeySize);
  key.resize(kInstanceKeySize);
  constexpr auto kWhole = static_cast<ssize_t>(kInstanceKeySize);
  const ssize_t size = ::read(file->get(), key.data(), kInstanceKeySize);
  if (size == kWhole) return key;
  if (size != 0) {
    return fail(Errc::invalid_request, path + " is not an instance key of 32 bytes",
                "restore it; without it, containers made before become foreign");
  }
  if (::getrandom(key.data(), kInstanceKeySize, 0) != kWhole ||
      ::write(file->get(), key.data(), kInstanceKeySize) != kWhole || ::fsync(file->get()) != 0) {
    return file_error("write", path);
  }
  return key;
}

// The head of the audit's chain. Its lock lasts as long as this process: two brokers that wrote one
// chain would break it, and docker-control status sees by it whether there is a broker.
Result<Fd> open_head(const std::string& directory, const Identity& owner) {
  auto file = open_own(directory + "/audit.head", O_RDWR, 0600, owner);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  if (file && ::fcntl(file->get(), F_OFD_SETLK, &whole) != 0) {
    return fail(Errc::invalid_request, directory + " is in use by another docker-control-broker",
                "end it, or give this one a state_dir of its own");
  }
  return file;
}

// By descriptor, because the front's user need not be able to reach the path.
Result<Fd> open_front(const std::string& configured) {
  std::array<char, 4096> self{};
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  const std::string path(self.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  const std::string directory = path.substr(0, path.rfind('/'));
  for (const std::string& place :
       {configured, directory + "/docker-controld", directory + "/../daemon/docker-controld"}) {
    Fd file(::open(place.c_str(), O_RDONLY | O_CLOEXEC));
    if (file) return file;
    if (!configured.empty()) return file_error("open the front", configured);
  }
  return fail(Errc::invalid_request, "docker-controld is not beside " + path,
              "set front_executable in the configuration");
}

// Sockets of the service manager (sd_listen_fds(3)), if LISTEN_PID says that they are for us.
std::vector<Fd> take_passed_sockets() {
  std::vector<Fd> passed;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::strtol(pid, nullptr, 10) != ::getpid())
    return passed;
  const long number = std::min<long>(std::strtol(count, nullptr, 10), limits::kListeners);
  for (int fd = 3; fd < 3 + number; ++fd) passed.emplace_back(fd);
  return passed;
}

Result<policy::Snapshot> load_policy(const std::string& path) {
  const auto text = read_trusted_text(path, limits::kPolicyFile);
  if (!text) return fail(text.error());
  auto loaded = policy::load(*text);
  if (loaded.problems.empty()) {
    return std::make_shared<const policy::Policy>(std::move(loaded.policy));
  }
  std::string all;
  for (const auto& problem : loaded.problems) {
    if (!all.empty()) all += '\n';
    all += policy::to_string(problem, path);
  }
  return fail(Errc::invalid_request, all);
}

// Moves a value out, or notes the first error.
template <class T>
void keep(T& out, Result<T> result, std::optional<Error>& error) {
  if (result) {
    out = std::move(*result);
  } else if (!error) {
    error = result.error();
  }
}

Result<Rules> load_rules(const Config& config, const TokenKeyPtr& environment_key) {
  Rules rules;
  std::optional<Error> error;
  keep(rules.policy, load_policy(config.policy), error);
  keep(rules.keys, load_keys(config, environment_key), error);
  keep(rules.revocations, load_revocations(config.revocations), error);
  if (error) return fail(*error);
  return rules;
}

}  // namespace

// File, then environment, then command line: the later wins.
Result<Config> configure(const CommandLine& options) {
  Config config;
  struct stat info {};
  const bool named = !options.config.empty();
  const std::string path = named ? options.config : kDefaultConfig;
  if (named || ::stat(path.c_str(), &info) == 0) {
    const auto text = read_trusted_text(path, limits::kConfigFile);
    if (!text) return fail(text.error());
    if (auto applied = apply_config(*text, path, config); !applied) {
      return fail(applied.error());
    }
  }
  if (auto applied = apply_environment(config); !applied) return fail(applied.error());
  if (!options.listen.empty()) config.listen = options.listen;
  if (!options.docker_socket.empty()) config.docker_socket = options.docker_socket;
  if (!options.policy.empty()) config.policy = options.policy;
  if (!options.audit.empty()) config.audit = options.audit;
  config.dev = config.dev || options.dev;
  return config;
}

Result<Startup> prepare(const CommandLine& options, Secret environment_key) {
  auto configured = configure(options);
  if (!configured) return fail(configured.error());
  Config& config = *configured;
  Startup startup;
  std::optional<Error> error;
  startup.listeners = take_passed_sockets();
  keep(startup.environment_key, environment_key_of(std::move(environment_key)), error);
  keep(startup.rules, load_rules(config, startup.environment_key), error);
  keep(startup.identities, find_identities(config.docker_socket, config.require_separation), error);
  if (error) return fail(*error);  // before anything is made on disk
  const Identity& owner = startup.identities.broker;
  keep(startup.instance_key, instance_key(config.state_dir, owner), error);
  if (error) return fail(*error);  // there is no directory for the head
  keep(startup.audit.head, open_head(config.state_dir, owner), error);
  keep(startup.audit.file, open_own(config.audit, O_RDWR | O_APPEND, 0640, owner), error);
  startup.audit.path = config.audit;
  keep(startup.front_executable, open_front(config.front_executable), error);
  if (error) return fail(*error);
  startup.options = options;
  startup.config = std::move(config);
  return startup;
}

Result<Rules> reload_rules(const CommandLine& options, const TokenKeyPtr& environment_key) {
  const auto config = configure(options);
  if (!config) return fail(config.error());
  return load_rules(*config, environment_key);
}

void warn_of_unreadable(const CommandLine& options, const Config& config) {
  std::vector<std::string> files = {options.config.empty() ? kDefaultConfig : options.config,
                                    config.policy, config.revocations};
  for (const KeyFile& key : config.keys) files.push_back(key.file);
  for (const KeyFile& set : config.key_sets) files.push_back(set.file);
  for (const std::string& file : files) {
    if (::access(file.c_str(), R_OK) == 0 || errno != EACCES) continue;
    spdlog::warn("SIGHUP will be refused: this user cannot read {} again", file);
  }
}

}  // namespace dc::broker
