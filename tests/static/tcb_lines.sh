#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tcb_lines.sh ROOT: the trusted code stays small enough to be read in one sitting. Everything that
# the broker links and we wrote counts. Comments and blank lines do not, so that nobody has a reason
# to leave one out.
cd "$1" || exit 1
most=12500

count() { # DIRECTORY...: lines of code, and all lines
  code=$(find "$@" -name '*.[ch]pp' -exec cat {} + | grep -vcE '^[[:space:]]*(//.*)?$')
  lines=$(find "$@" -name '*.[ch]pp' -exec cat {} + | wc -l)
  echo "$*: $code lines of code, $lines with comments and blank lines"
}

count broker
count common policy
count broker common policy
echo "at most $most lines of code"
[ "$code" -gt 0 ] && [ "$code" -le "$most" ]
