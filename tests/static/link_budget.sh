#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# link_budget.sh ROOT BUILD: the link line is the proof of who can do what. The shared libraries that
# each program asks for are all in its list, tests/static/PROGRAM.libs.
root=$1 build=$2
failed=0

check() { # PROGRAM FILE
  if [ ! -x "$2" ]; then
    echo "$1: $2 is not built"
    failed=1
    return
  fi
  needed=$(readelf -d "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sed 's/\.so.*//' | sort -u)
  [ -n "$needed" ] || { echo "$1: no dynamic section"; failed=1; }
  for library in $needed; do
    grep -qxF "$library" "$root/tests/static/$1.libs" && continue
    echo "$1 links $library, which tests/static/$1.libs does not list"
    failed=1
  done
  echo "$1:" $needed
}

check docker-control-broker "$build/broker/docker-control-broker"
check docker-controld "$build/daemon/docker-controld"
exit $failed
