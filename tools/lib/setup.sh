# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Packages and users. Quick when there is nothing to do.

PACKAGES_BUILD=(
  git g++ meson ninja-build pkg-config ccache
  libuv1-dev libsimdjson-dev libssl-dev libcap-dev libspdlog-dev
  libtomlplusplus-dev libexpected-dev libcli11-dev doctest-dev prometheus-cpp-dev
  "libllhttp-dev|node-llhttp" # a package of its own from Debian 13 on, before that sources in node's
)
PACKAGES_RUN=(docker.io iptables busybox-static curl jq procps iproute2 util-linux)
PACKAGES_TEST=(
  docker-compose docker-registry python3 python3-pytest python3-pytest-timeout python3-requests python3-jwt
  python3-docker python3-h11 python3-jsonschema python3-prometheus-client python3-selenium chromium
  chromium-driver
)
PACKAGES_CHECK=(clang-format clang-tidy)
SERVICE_USERS=(docker-control docker-control-broker)

POLICY_RC=/usr/sbin/policy-rc.d
POLICY_RC_OURS=

setup_all() {
  need_root setup
  install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_RUN[@]}" \
    "${PACKAGES_TEST[@]}" "${PACKAGES_CHECK[@]}"
  install_npm
  fetch_web_files
  create_users
  say "setup is complete"
}

setup_for_build() {
  install_packages "${PACKAGES_BUILD[@]}"
  install_npm
}

setup_for_demo() {
  need_root demo
  install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_RUN[@]}"
  install_npm
  create_users
}

setup_for_test() {
  need_root test
  install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_RUN[@]}" "${PACKAGES_TEST[@]}"
  install_npm
  create_users
}

setup_for_check() {
  install_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_CHECK[@]}"
  install_npm
}

# Debian's npm, or any that is there already: Node.js as its makers package it brings its own.
install_npm() { ! with_docs || command -v npm >/dev/null || install_packages npm; }

package_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# is_there "A|B": one of the alternatives is installed.
is_there() {
  local name
  for name in ${1//|/ }; do
    if package_installed "$name"; then return 0; fi
  done
  return 1
}

# first_known "A|B": the first alternative that this distribution has.
first_known() {
  local name
  for name in ${1//|/ }; do
    if apt-cache show --no-all-versions "$name" >/dev/null 2>&1; then break; fi
  done
  echo "$name"
}

update_lists() {
  note "updating the package lists"
  apt-get update -qq || warn "apt-get update failed, going on with the lists that are here"
}

install_packages() {
  local wanted=() missing=() name
  for name in "$@"; do
    is_there "$name" || wanted+=("$name")
  done
  # Where the kernel has AppArmor, dockerd cannot start a container without its parser.
  [ -d /sys/module/apparmor ] && ! package_installed apparmor && wanted+=(apparmor)
  [ ${#wanted[@]} -gt 0 ] || return 0

  [ "$(id -u)" -eq 0 ] || die "these packages are missing: ${wanted[*]} (as root: tools/dev setup)"
  update_lists
  for name in "${wanted[@]}"; do missing+=("$(first_known "$name")"); done
  say "installing ${#missing[@]} packages: ${missing[*]}"
  forbid_service_starts
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get install -y -qq \
    --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >"$(setup_log)" 2>&1 || {
    tail -n 20 "$(setup_log)" >&2
    allow_service_starts
    die "apt-get install failed; the whole log is in $(setup_log)"
  }
  allow_service_starts
  rm -f "$(setup_log)"
  disable_registry "${missing[@]}"
  note "installed"
}

# The tests start a registry of their own; the package would have one listen from the next boot on.
disable_registry() {
  if [[ " $* " == *" docker-registry "* && -d /run/systemd/system ]]; then
    systemctl disable --quiet docker-registry || true
  fi
}

setup_log() { echo "${TMPDIR:-/tmp}/docker-control-setup.$$.log"; }

# Debian starts services as it installs them: the tests and the demo start their own instead. A
# policy-rc.d that was there before stays as it is.
forbid_service_starts() {
  if [ -e "$POLICY_RC" ]; then return 0; fi
  POLICY_RC_OURS=1
  on_exit allow_service_starts
  printf '#!/bin/sh\nexit 101\n' >"$POLICY_RC"
  chmod 755 "$POLICY_RC"
}

allow_service_starts() {
  [ -n "$POLICY_RC_OURS" ] || return 0
  rm -f "$POLICY_RC"
  POLICY_RC_OURS=
}

create_users() {
  local name
  for name in "${SERVICE_USERS[@]}"; do
    getent passwd "$name" >/dev/null && continue
    say "making the system user $name"
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin "$name"
  done
}
