# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

BROKER=$BUILD/broker/docker-control-broker
FRONT=$BUILD/daemon/docker-controld
ADMIN=$BUILD/admin/docker-control

build_all() {
  say "building"
  configure_build
  ninja -C "$BUILD"
  local program
  for program in "$BROKER" "$FRONT" "$ADMIN"; do
    [ -x "$program" ] || die "the build made no $program"
  done
}

# Ninja itself notices a changed meson.build; a build directory that Meson cannot use any more
# (another version, another compiler) is made anew.
configure_build() {
  if [ ! -f "$BUILD/build.ninja" ]; then
    meson setup "$BUILD" "$ROOT"
  elif ! meson introspect --projectinfo "$BUILD" >/dev/null 2>&1; then
    meson setup --wipe "$BUILD" "$ROOT"
  fi
}

# stage_programs DIR: the three programs where the service's users can reach them, which a checkout
# below /root is not. Prints the directory to run them from.
stage_programs() {
  local dir=$1/bin
  mkdir -p "$dir"
  install -m 755 "$BROKER" "$FRONT" "$ADMIN" "$dir/"
  chmod 755 "$1" "$dir"
  echo "$dir"
}
