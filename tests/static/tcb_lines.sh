#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tcb_lines.sh ROOT: the trusted code stays small enough to be read in one sitting. Everything that
# the broker links and we wrote counts. Comments and blank lines do not, so that nobody has a reason
# to leave one out.
cd "$1" || exit 1
failed=0

check() { # NAME MAX DIRECTORY...
  name=$1 max=$2
  shift 2
  lines=$(find "$@" -name '*.[ch]pp' -exec cat {} + | wc -l)
  code=$(find "$@" -name '*.[ch]pp' -exec cat {} + | grep -vcE '^[[:space:]]*(//.*)?$')
  echo "$name: $code of at most $max lines of code, $lines with comments and blank lines"
  [ "$code" -gt 0 ] && [ "$code" -le "$max" ] || failed=1
}

check "broker" 4000 broker
check "common and policy" 4000 common policy
exit $failed
