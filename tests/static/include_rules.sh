#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# include_rules.sh ROOT: which part may include which.
cd "$1" || exit 1
failed=0

# forbid WHAT REGEX ALLOWED_FILES DIRECTORY...: no #include of REGEX but in files that ALLOWED_FILES
# (an extended regular expression, anchored) matches.
forbid() {
  what=$1 regex=$2 allowed=$3
  shift 3
  found=$(grep -rnE --include='*.[ch]pp' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($regex)" "$@" |
    grep -vE "^($allowed):")
  [ -z "$found" ] && return
  printf '%s:\n%s\n' "$what" "$found"
  failed=1
}

none='no such file'
forbid "the broker includes the front" 'daemon/' "$none" broker
forbid "the front includes the broker" 'broker/' "$none" daemon
forbid "the shared code includes one side" '(broker|daemon|admin)/' "$none" common policy
forbid "tl::expected outside its wrapper" 'tl/' 'common/error\.hpp' common policy broker daemon admin
forbid "TOML outside the two loaders" '(toml|policy/load_|broker/(toml_values|token_config))' \
  'policy/load(_[a-z]+)?\.[ch]pp|broker/(config|token_config)\.cpp|broker/(toml_values|token_config)\.hpp' common policy broker daemon
forbid "the front reads the policy file" 'policy/load\.hpp' "$none" daemon
forbid "key material in the front" 'common/(secret|public_key|jwks|token_keys)\.hpp' "$none" daemon
forbid "Prometheus outside the metrics" 'prometheus/' 'daemon/metrics\.cpp' common policy broker daemon admin
forbid "TLS" 'openssl/(ssl|tls1|bio)' "$none" common policy broker daemon admin
forbid "parent directories in includes" '\.\.' "$none" common policy broker daemon admin tests
exit $failed
