# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Messages and small helpers for the other files here.

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
note() { printf '    %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# on_exit COMMAND: run at the end of this script, however it ends; the last one named runs first.
ON_EXIT=()
on_exit() {
  ON_EXIT+=("$1")
  trap run_on_exit EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}
run_on_exit() {
  local status=$? i
  for ((i = ${#ON_EXIT[@]} - 1; i >= 0; i--)); do "${ON_EXIT[i]}" || true; done
  exit "$status"
}

need_root() { [ "$(id -u)" -eq 0 ] || die "$1 must run as root (try: sudo tools/dev $1)"; }

# wait_until SECONDS COMMAND...: true as soon as COMMAND is.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# A zombie that its parent has not waited for is not alive.
alive() { [ -n "${1:-}" ] && grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; }
gone() { ! alive "$1"; }

# stop_process PID SECONDS: SIGTERM, then SIGKILL when that was not enough.
stop_process() {
  alive "$1" || return 0
  kill "$1" 2>/dev/null || return 0
  wait_until "$2" gone "$1" || kill -KILL "$1" 2>/dev/null || true
}

# cpp_sources: every C++ file that git knows or would add.
cpp_sources() { git ls-files --cached --others --exclude-standard -- '*.cpp' '*.hpp' | sort -u; }
