#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# spdx.sh ROOT: every source names its licence in its first five lines.
cd "$1" || exit 1
failed=0
for file in $(find . \( -name '.git' -o -name 'build*' -o -name 'node_modules' -o -name '__pycache__' \) \
  -prune -o -type f \( -name '*.[ch]pp' -o -name '*.c' -o -name '*.py' -o -name '*.sh' \
  -o -name 'meson.build' -o -name 'meson_options.txt' -o -name '*.toml' -o -path './tools/dev' \
  -o -path './.ci/run' -o -path './man/*.[1-8]' \) -print); do
  head -n 5 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' && continue
  echo "$file: no SPDX-License-Identifier: Apache-2.0"
  failed=1
done
exit $failed
