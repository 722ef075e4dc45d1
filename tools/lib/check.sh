# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Everything that can be said about the sources without an Engine.

check_all() {
  setup_for_check
  say "format"
  cpp_sources | xargs -r clang-format --dry-run -Werror
  say "scripts"
  check_scripts
  build_all
  say "clang-tidy"
  run_tidy "$@"
  say "unit and static tests"
  meson test -C "$BUILD" --print-errorlogs
}

format_sources() {
  install_packages clang-format
  cpp_sources | xargs -r clang-format -i
}

check_scripts() {
  local file
  for file in tools/dev tools/lib/*.sh .ci/run; do bash -n "$file"; done
  find tests tools web -name node_modules -prune -o -name '*.py' -print0 | PYTHONDONTWRITEBYTECODE=1 xargs -0 -r \
    /usr/bin/python3 -c 'import sys; [compile(open(f).read(), f, "exec") for f in sys.argv[1:]]'
}

# A source is looked at again when it, any header, or the configuration is newer than its stamp.
run_tidy() {
  local stamps=$BUILD/tidy newest todo=() file stamp
  if [ "${1:-}" = --all ]; then rm -rf "$stamps"; fi
  mkdir -p "$stamps"
  newest=$(newest_of .clang-tidy $(cpp_sources | grep '\.hpp$'))
  while read -r file; do
    in_compile_commands "$file" || continue
    stamp=$(tidy_stamp "$file")
    [[ $stamp -nt $file && $stamp -nt $newest ]] || todo+=("$file")
  done < <(cpp_sources | grep '\.cpp$')
  note "${#todo[@]} files to look at"
  [ ${#todo[@]} -gt 0 ] || return 0
  export BUILD
  export -f tidy_one tidy_stamp
  printf '%s\0' "${todo[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'tidy_one "$1"' tidy
}

newest_of() { ls -t -- "$@" | head -n 1; }

tidy_stamp() { echo "$BUILD/tidy/${1//\//__}.ok"; }

in_compile_commands() { grep -qF "$1\"" "$BUILD/compile_commands.json"; }

tidy_one() {
  local output
  if output=$(clang-tidy -p "$BUILD" --quiet --warnings-as-errors='*' \
    --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-optimization-argument \
    "$1" 2>/dev/null); then
    touch "$(tidy_stamp "$1")"
  else
    printf '%s\n' "$output"
    return 1
  fi
}
