# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

BROKER=$BUILD/broker/docker-control-broker
FRONT=$BUILD/daemon/docker-controld
ADMIN=$BUILD/admin/docker-control

# DOCKER_CONTROL_DOCS=disabled: without the API pages, where npm or its registry is out of reach.
DOCS=${DOCKER_CONTROL_DOCS:-enabled}
with_docs() { [ "$DOCS" != disabled ]; }

build_all() {
  fetch_web_files
  say "building"
  configure_build
  ninja -C "$BUILD"
  local program
  for program in "$BROKER" "$FRONT" "$ADMIN"; do
    [ -x "$program" ] || die "the build made no $program"
  done
}

# The files of the API pages, as web/package-lock.json names them. npm writes its own copy of the lock
# when all of them are there.
fetch_web_files() {
  with_docs || return 0
  [ web/package-lock.json -nt web/node_modules/.package-lock.json ] || return 0
  say "fetching the files of the API pages"
  command -v npm >/dev/null || die "npm is missing (as root: tools/dev setup); without the pages: DOCKER_CONTROL_DOCS=disabled"
  (cd web && npm ci --no-progress) ||
    die "npm ci failed in web/; to build without the API pages, set DOCKER_CONTROL_DOCS=disabled"
}

# Ninja itself notices a changed meson.build; a build directory that Meson cannot use any more
# (another version, another compiler) is made anew.
configure_build() {
  if [ ! -f "$BUILD/build.ninja" ]; then
    meson setup "$BUILD" "$ROOT" -Ddocs="$DOCS"
  elif ! meson introspect --projectinfo "$BUILD" >/dev/null 2>&1; then
    meson setup --wipe "$BUILD" "$ROOT" -Ddocs="$DOCS"
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
