// SPDX-License-Identifier: Apache-2.0
// Bind sources on the host. Broker only; everything that is found there is hostile.
#include "broker/host_paths.hpp"
#include <fcntl.h>
#include <linux/openat2.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include "common/fd.hpp"
#include "common/text_rules.hpp"
#include "policy/never.hpp"

namespace dc::broker {
namespace {

constexpr mode_t kWritableByOthers = 022;

Fd open_part(int directory, const std::string& part) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, directory, part.c_str(), &how, sizeof how)));
}

tl::unexpected<Error> unopened(int problem, std::string_view path, const Subject& subject) {
  spdlog::warn("{} of the host cannot be looked at: {}", path, std::strerror(problem));
  if (problem == ENOENT || problem == ENOTDIR) return missing(subject, "is missing on the host");
  if (problem == ELOOP) {
    return refuse(subject, "has a symbolic link in its path on the host",
                  "let the policy name the place that the link leads to");
  }
  if (problem == EACCES) {
    return refuse(subject, "is out of docker-control's sight",
                  "let docker-control's broker pass through the directories above it: setfacl -m "
                  "u:docker-control-broker:x DIRECTORY");
  }
  return refuse(subject, "cannot be looked at on the host");
}

void add_identity(std::vector<FileIdentity>& list, const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) list.push_back(identity_of(info));
}

bool is_among(const FileIdentity& one, const std::vector<FileIdentity>& list) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// A point that is mounted below the path, as mountinfo spells it; empty: there is none.
std::string mounted_below(std::string_view path) {
  std::string spelled;
  for (char c : path) spelled += c == ' ' ? std::string("\\040") : std::string(1, c);
  std::ifstream mounts("/proc/self/mountinfo");
  if (!mounts) return "an unknown place";  // when unsure, no
  std::string line, field;
  while (std::getline(mounts, line)) {
    std::size_t at = 0;
    for (int fields = 0; fields < 4; ++fields) at = line.find(' ', at) + 1;
    field = line.substr(at, line.find(' ', at) - at);
    if (field != spelled && rules::is_under(field, spelled)) return field;
  }
  return {};
}

}  // namespace

tl::unexpected<Error> refuse(const Subject& subject, std::string_view problem, std::string hint) {
  return fail(subject.code, subject.name + " " + std::string(problem), std::move(hint));
}

tl::unexpected<Error> missing(const Subject& subject, std::string_view problem) {
  return fail(Errc::conflict, subject.name + " " + std::string(problem),
              "it is never made by docker-control; make it, or leave it out");
}

FileIdentity identity_of(const struct stat& info) {
  return {info.st_dev, info.st_ino, S_ISCHR(info.st_mode) ? info.st_rdev : 0};
}

Result<std::vector<struct stat>> walk(std::string_view path, const Subject& subject) {
  std::vector<struct stat> parts;
  Fd at(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::string_view rest = path;
  while (true) {
    struct stat info {};
    if (!at || ::fstat(at.get(), &info) != 0) return unopened(errno, path, subject);
    parts.push_back(info);
    if (rest.empty()) return parts;
    if (S_ISDIR(info.st_mode) && (info.st_uid != 0 || (info.st_mode & kWritableByOthers) != 0)) {
      spdlog::warn("a directory above {} is not root's alone", path);
      return refuse(subject, "lies in a directory that others than root can change",
                    "whoever can change it could put another place there: chown root and chmod "
                    "go-w the directories above it");
    }
    rest.remove_prefix(1);  // the slash
    const std::string part(rest.substr(0, rest.find('/')));
    rest.remove_prefix(part.size());
    at = open_part(at.get(), part);
  }
}

// By identity and not by path, since what must not be given away may be mounted elsewhere too.
Result<FileIdentity> HostPaths::look_at_source(const Mount& mount) const {
  const std::string_view path = mount.source.view();
  const Subject subject{Errc::mount_not_allowed,
                        "The source of the volume at \"" + mount.target.str() + "\""};
  const auto parts = walk(path, subject);
  if (!parts) return fail(parts.error());
  const mode_t mode = parts->back().st_mode;
  if (!S_ISDIR(mode) && !S_ISREG(mode)) return refuse(subject, "is no directory and no plain file");
  std::vector<FileIdentity> secret, above;
  const auto add = [&](std::string place) {
    add_identity(secret, place);
    while (place != "/") {
      place = parent_of(place);
      add_identity(above, place);
    }
  };
  for (const std::string_view place : policy::secret_places()) add(std::string(place));
  for (const std::string& place : own_) add(place);
  const FileIdentity source = identity_of(parts->back());
  bool gives_away = is_among(source, secret) || is_among(source, above);
  // The policy's own exception, file systems of huge pages, lies in /dev by its path.
  for (std::size_t part = 1; part + 1 < parts->size() && !path.starts_with("/dev/"); ++part) {
    gives_away = gives_away || is_among(identity_of((*parts)[part]), secret);
  }
  if (gives_away) {
    spdlog::warn("{} is a place of the host that no container may have", path);
    return refuse(subject, "is, holds or lies in a place of the host that no container may have");
  }
  const std::string below = mounted_below(path);
  if (below.empty()) return source;
  spdlog::warn("{} is mounted below {}", below, path);
  return refuse(subject, "has another file system mounted below it",
                "let the policy name what is mounted there as a mount of its own");
}

Result<HostView> HostPaths::look(const RunContainer& run, const policy::Profile& profile) const {
  HostView view;
  for (const Mount& mount : run.mounts) {
    if (!mount.is_bind()) continue;
    auto source = look_at_source(mount);
    if (!source) return fail(source.error());
    view.sources.push_back(*source);
  }
  for (const Device& device : run.devices) {
    auto nodes = look_at_device(device, profile);
    if (!nodes) return fail(nodes.error());
    view.devices.insert(view.devices.end(), nodes->begin(), nodes->end());
  }
  if (view.devices.size() <= limits::kDevices) return view;
  return fail(Errc::invalid_request, "devices must be at most " + std::to_string(limits::kDevices) +
                                         ", with the nodes of directories");
}

}  // namespace dc::broker
