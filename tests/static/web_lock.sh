#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# web_lock.sh ROOT: every package of the API pages is pinned by a hash, from whatever registry; and
# none runs a script of its own when it is installed.
lock=$1/web/package-lock.json
failed=0
packages=$(grep -c '"node_modules/' "$lock")
hashes=$(grep -c '"integrity": "sha512-' "$lock")
[ "$packages" -gt 0 ] && [ "$packages" -eq "$hashes" ] || {
  echo "$lock: $packages packages, $hashes hashes"
  failed=1
}
if grep -n '://' "$lock"; then
  echo "$lock: an address; see HACKING.md"
  failed=1
fi
grep -qx 'ignore-scripts=true' "$1/web/.npmrc" || {
  echo "web/.npmrc: ignore-scripts=true is missing"
  failed=1
}
exit $failed
