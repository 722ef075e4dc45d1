// SPDX-License-Identifier: Apache-2.0
// Change of identity with libcap. Broker and keeper, at start only.
#include "broker/identity.hpp"
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <memory>

namespace dc::broker {
namespace {

constexpr const char* kBrokerUser = "docker-control-broker";
constexpr const char* kFrontUser = "docker-control";

struct CapabilityDeleter {
  void operator()(cap_t set) const { ::cap_free(set); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, CapabilityDeleter>;

tl::unexpected<Error> system_error(const std::string& what) {
  return fail(Errc::internal, what + ": " + std::strerror(errno));
}

bool may_change_ids() {
  const Capabilities set(::cap_get_proc());
  for (const cap_value_t needed : {CAP_SETUID, CAP_SETGID}) {
    cap_flag_value_t has = CAP_CLEAR;
    if (!set || ::cap_get_flag(set.get(), needed, CAP_EFFECTIVE, &has) != 0 || has != CAP_SET) {
      return false;
    }
  }
  return true;
}

Result<Identity> find_user(const char* name) {
  const passwd* user = ::getpwnam(name);
  if (user == nullptr) {
    return fail(Errc::invalid_request, std::string("the system user ") + name + " does not exist",
                std::string("make it: useradd --system --user-group --no-create-home --shell "
                            "/usr/sbin/nologin ") +
                    name + "  (tools/dev setup and the packages do)");
  }
  if (user->pw_uid == 0 || user->pw_gid == 0) {
    return fail(Errc::invalid_request, std::string("the user ") + name + " is root");
  }
  return Identity{user->pw_uid, user->pw_gid, {}};
}

// The bounding set needs CAP_SETPCAP; without it (under systemd) the unit has bounded it already,
// and without any other capability nothing can come out of it.
void drop_bounding_set() {
  for (cap_value_t value = 0; ::cap_get_bound(value) >= 0; ++value) ::cap_drop_bound(value);
}

Result<void> clear_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const Capabilities none(::cap_init());
  if (!none || ::cap_set_proc(none.get()) != 0)
    return system_error("cannot clear the capabilities");
  const Capabilities left(::cap_get_proc());
  if (!left || ::cap_compare(left.get(), none.get()) != 0) {
    return fail(Errc::internal, "capabilities are left after clearing them");
  }
  return {};
}

}  // namespace

Result<Identities> find_identities(const std::string& docker_socket, bool require_separation) {
  if (!may_change_ids()) {
    if (require_separation || ::geteuid() == 0) {
      return fail(
          Errc::invalid_request,
          "broker and front cannot run as different users: CAP_SETUID and CAP_SETGID are missing",
          "start through the service unit or as root, or set require_separation = false");
    }
    const Identity self{::getuid(), ::getgid(), {}};
    return Identities{false, self, self};
  }
  auto broker = find_user(kBrokerUser);
  if (!broker) return fail(broker.error());
  auto front = find_user(kFrontUser);
  if (!front) return fail(front.error());
  if (broker->uid == front->uid) {
    return fail(Errc::invalid_request, "broker and front have the same user id");
  }
  struct stat socket {};
  if (::stat(docker_socket.c_str(), &socket) == 0) {
    if (socket.st_gid != 0) broker->groups.push_back(socket.st_gid);
  } else if (const group* docker = ::getgrnam("docker"); docker != nullptr) {
    broker->groups.push_back(docker->gr_gid);  // the Engine is not up yet
  }
  return Identities{true, std::move(*broker), std::move(*front)};
}

Result<void> become(const Identity& identity, bool separate) {
  if (separate) {
    drop_bounding_set();
    if (::setgroups(identity.groups.size(), identity.groups.data()) != 0 ||
        ::setresgid(identity.gid, identity.gid, identity.gid) != 0 ||
        ::setresuid(identity.uid, identity.uid, identity.uid) != 0) {
      return system_error("cannot change the user");
    }
  }
  if (auto cleared = clear_capabilities(); !cleared) return cleared;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("no_new_privs");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_error("PR_SET_DUMPABLE");
  if (::setuid(0) == 0 || ::setgid(0) == 0 || ::geteuid() == 0) {
    return fail(Errc::internal, "root can be regained after giving it up");
  }
  return {};
}

}  // namespace dc::broker
