# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

bench_main() {
  need_root bench
  setup_for_test
  build_all
  say "tokens: microseconds of processor time each, and whether time tells a MAC"
  "$BUILD/tests/bench/token_cost"
  DOCKER_CONTROL_BUILD=$BUILD PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/bench.py "$@"
}
