#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tcb_lines.sh ROOT: the trusted code stays small enough to be read in one sitting. Everything that
# the broker links and we wrote counts, comments and blank lines too.
cd "$1" || exit 1
failed=0

check() { # NAME MAX DIRECTORY...
  name=$1 max=$2
  shift 2
  lines=$(find "$@" -name '*.[ch]pp' -exec cat {} + | wc -l)
  code=$(find "$@" -name '*.[ch]pp' -exec cat {} + | grep -vcE '^[[:space:]]*(//.*)?$')
  echo "$name: $lines of at most $max lines, $code of them code"
  [ "$lines" -gt 0 ] && [ "$lines" -le "$max" ] || failed=1
}

check "broker" 4000 broker
check "common and policy" 4000 common policy
exit $failed
