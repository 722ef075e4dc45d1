# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Every test; the last line printed is the tally.

RESULTS=$BUILD/test-results
TALLY="0 passed, 1 failed" # what an end before the first test amounts to

test_all() {
  need_root test
  on_exit print_tally
  setup_for_test
  build_all
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
  [ $# -gt 0 ] || run_unit_tests
  run_end_to_end_tests "$@"
  count_results
}

print_tally() { echo "$TALLY"; }

run_unit_tests() {
  say "unit and static tests"
  rm -f "$BUILD/meson-logs/testlog.json"
  meson test -C "$BUILD" --print-errorlogs || true
  cp "$BUILD/meson-logs/testlog.json" "$RESULTS/unit.json" 2>/dev/null || touch "$RESULTS/unit.json"
}

# pytest's arguments may name files; without any it runs them all.
run_end_to_end_tests() {
  local where=tests/e2e argument
  for argument in "$@"; do
    [ -e "${argument%%::*}" ] && where=
  done
  say "end-to-end tests on a private Docker Engine"
  touch "$RESULTS/e2e.xml" # stays empty, which counts as a failure, when pytest cannot finish
  DOCKER_CONTROL_BUILD=$BUILD PYTHONDONTWRITEBYTECODE=1 timeout --foreground -k 60 18m \
    /usr/bin/python3 -m pytest -c tests/e2e/pytest.ini --junitxml="$RESULTS/e2e.xml" \
    "$@" ${where:+"$where"} || true
}

count_results() {
  local files=("$RESULTS/e2e.xml")
  if [ -e "$RESULTS/unit.json" ]; then files+=("$RESULTS/unit.json"); fi
  TALLY=$(/usr/bin/python3 "$LIB/tally.py" "${files[@]}") || exit 1
}
