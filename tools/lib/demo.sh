# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The main job before the reader's eyes, on a real Engine.

DEMO_PORT=8002
DEMO_API=http://127.0.0.1:$DEMO_PORT/api/v1
DEMO_STATE=/run/docker-control-demo # names the directory of a demo that was left running
DEMO_CONTAINER=docker-control-demo
DEMO_DIR=

demo_main() {
  case ${1:-} in
    '') demo_run ;;
    --stay) demo_run stay ;;
    --stop) demo_stop ;;
    *) die "usage: tools/dev demo [--stay | --stop]" ;;
  esac
}

demo_run() {
  export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
  setup_for_demo
  build_all
  demo_check_free
  # Not in TMPDIR: it may be private to this user, and the service's own users read here.
  DEMO_DIR=$(mktemp -d /var/tmp/docker-control-demo.XXXXXX)
  chmod 755 "$DEMO_DIR"
  on_exit demo_clean
  demo_start_engine
  demo_start_service
  demo_walk
  if [ "${1:-}" = stay ]; then demo_leave_running; else demo_say_how_to_go_on; fi
}

demo_check_free() {
  [ ! -e "$DEMO_STATE" ] || die "a demo is still running; end it with: tools/dev demo --stop"
  [ -z "$(ss -Hltn "sport = :$DEMO_PORT")" ] ||
    die "port $DEMO_PORT is taken: $(ss -Hltnp "sport = :$DEMO_PORT" | head -n 1)"
}

demo_start_engine() {
  local socket tag=3
  socket=$(find_engine)
  if [ -n "$socket" ]; then
    say "using this machine's Docker Engine on $socket"
    tag=docker-control-demo
  else
    say "no Docker Engine answers here: starting a private one in $DEMO_DIR"
    start_private_engine "$DEMO_DIR"
    socket=$DEMO_DIR/docker.sock
  fi
  DEMO_IMAGE=alpine:$tag
  echo "$socket" >"$DEMO_DIR/socket"
  echo "$DEMO_IMAGE" >"$DEMO_DIR/image"
  note "importing BusyBox as the image $DEMO_IMAGE"
  import_image "$socket" alpine "$tag" "$DEMO_DIR"
}

demo_start_service() {
  local bin
  say "starting docker-control on 127.0.0.1:$DEMO_PORT"
  bin=$(stage_programs "$DEMO_DIR")
  (umask 077 && "$bin/docker-control" keygen >"$DEMO_DIR/secret")
  mkdir "$DEMO_DIR/state"
  chown docker-control-broker "$DEMO_DIR/state"
  demo_policy >"$DEMO_DIR/policy.toml"
  demo_configuration >"$DEMO_DIR/config.toml"
  chmod 644 "$DEMO_DIR"/*.toml
  DOCKER_CONTROL_JWT_SECRET=$(cat "$DEMO_DIR/secret") setsid "$bin/docker-control-broker" \
    --config "$DEMO_DIR/config.toml" >"$DEMO_DIR/service.log" 2>&1 </dev/null &
  echo $! >"$DEMO_DIR/service.pid"
  wait_until 15 demo_up_or_ended || true
  demo_up || {
    note "the end of its log:" >&2
    tail -n 20 "$DEMO_DIR/service.log" >&2
    die "docker-control did not come up"
  }
  ps -o user:22,pid,ppid,args -p "$(demo_processes)"
}

demo_up() { curl -fs --max-time 2 -o "$DEMO_DIR/answer" "$DEMO_API/livez"; }
demo_up_or_ended() { demo_up || gone "$(cat "$DEMO_DIR/service.pid")"; }

demo_processes() {
  local broker keeper
  broker=$(cat "$DEMO_DIR/service.pid")
  keeper=$(pgrep -P "$broker" | head -n 1)
  echo "$broker,$keeper,$(pgrep -P "$keeper" | paste -sd,)"
}

demo_configuration() {
  cat <<EOF
listen = ["127.0.0.1:$DEMO_PORT"]
docker_socket = "$(cat "$DEMO_DIR/socket")"
policy = "$DEMO_DIR/policy.toml"
audit = "$DEMO_DIR/state/audit.jsonl"
state_dir = "$DEMO_DIR/state"
require_separation = true
EOF
}

demo_policy() {
  cat <<'EOF'
[defaults]
memory = {default = "256m", max = "1g"}
cpus = {default = 1, max = 2}
pids = {default = 128, max = 1024}

[service.demo]
scopes = ["containers:*"]
images = ["alpine:"]
networks = ["bridge"]
ports = {host = ["8003-8102"], address = "127.0.0.1"}
visible = "owned"
manage = ["owned"]
EOF
}

# ask STATUS FILTER COMMAND: shows a curl command and its answer (through jq FILTER), which must
# have the expected status.
ask() {
  local expected=$1 filter=$2 command=$3 status
  printf '\n\033[36m$ %s\033[0m\n' "$command"
  status=$(eval "$command -sS --max-time 60 -o '$DEMO_DIR/answer' -w '%{http_code}'")
  printf 'HTTP %s\n' "$status"
  jq "$filter" "$DEMO_DIR/answer" 2>/dev/null || cat "$DEMO_DIR/answer"
  [ "$status" = "$expected" ] || die "expected HTTP $expected"
}

demo_walk() {
  local port auth='-H "Authorization: Bearer $TOKEN"' json='-H "Content-Type: application/json"'
  port=$(demo_free_port)
  say "health needs no token"
  ask 200 . "curl $DEMO_API/health"
  say "a token for the service 'demo' of the policy"
  demo_make_token
  say "an allowed run, with a published port"
  ask 200 . "curl -X POST $auth $json -d '$(demo_run_body "$port")' $DEMO_API/containers/run"
  printf '\n\033[36m$ curl http://127.0.0.1:%s/\033[0m\n' "$port"
  wait_until 10 curl -fs "http://127.0.0.1:$port/" || die "the published port does not answer"
  curl -fsS "http://127.0.0.1:$port/"
  say "the list (each item also holds the whole inspect document)"
  ask 200 '[.containers[] | {name, status, image, limits: (.HostConfig | {Memory, NanoCpus, PidsLimit})}]' \
    "curl $auth $DEMO_API/containers"
  say "a privileged run is refused, whatever the policy says"
  ask 400 . "curl -X POST $auth $json -d '{\"image\": \"$DEMO_IMAGE\", \"privileged\": true}' $DEMO_API/containers/run"
  say "so is an image that the policy does not list"
  ask 400 . "curl -X POST $auth $json -d '{\"image\": \"docker.io/evil/miner:latest\"}' $DEMO_API/containers/run"
  say "and everything without a token"
  ask 401 . "curl $DEMO_API/containers"
  say "stop and remove"
  ask 200 . "curl -X POST $auth $json -d '{\"timeout\": 1}' $DEMO_API/containers/$DEMO_CONTAINER/stop"
  ask 200 . "curl -X POST $auth $DEMO_API/containers/$DEMO_CONTAINER/remove"
  say "the audit file has a line for each decision"
  cat "$DEMO_DIR/state/audit.jsonl"
}

demo_make_token() {
  printf '\n\033[36m$ docker-control token --service demo --ttl 1h --key %s\033[0m\n' "$DEMO_DIR/secret"
  TOKEN=$("$DEMO_DIR/bin/docker-control" token --service demo --ttl 1h --key "$DEMO_DIR/secret")
  export TOKEN
  printf '%s\n' "$TOKEN"
}

demo_run_body() {
  printf '{"image": "%s", "name": "%s", "command": "httpd -f -p 8000 -h /www", "ports": {"8000/tcp": %s}, "init": true}' \
    "$DEMO_IMAGE" "$DEMO_CONTAINER" "$1"
}

demo_free_port() {
  local port
  for port in $(seq 8003 8102); do
    if [ -z "$(ss -Hltn "sport = :$port")" ]; then
      echo "$port"
      return
    fi
  done
  die "no free port between 8003 and 8102"
}

demo_say_how_to_go_on() {
  say "done; everything that the demo started is being stopped"
  note "keep it running to try your own requests:  tools/dev demo --stay"
  note "run every test:                            tools/dev test"
  note "README.md and ARCHITECTURE.md say how it works"
}

demo_leave_running() {
  ON_EXIT=()
  echo "$DEMO_DIR" >"$DEMO_STATE"
  say "docker-control is running on $DEMO_API"
  note "a token:  export TOKEN=\$($DEMO_DIR/bin/docker-control token --service demo --key $DEMO_DIR/secret)"
  note "a call:   curl -H \"Authorization: Bearer \$TOKEN\" $DEMO_API/containers"
  note "policy:   $DEMO_DIR/policy.toml  (after a change: kill -HUP $(cat "$DEMO_DIR/service.pid"))"
  note "log:      $DEMO_DIR/service.log   audit: $DEMO_DIR/state/audit.jsonl"
  note "stop it:  tools/dev demo --stop"
}

demo_stop() {
  need_root demo
  [ -e "$DEMO_STATE" ] || die "no demo is running"
  DEMO_DIR=$(cat "$DEMO_STATE")
  demo_clean
  rm -f "$DEMO_STATE"
  say "stopped"
}

# Ends what the demo started and removes what it made, on whichever Engine.
demo_clean() {
  local pid socket name
  [ -d "$DEMO_DIR" ] || return 0
  pid=$(cat "$DEMO_DIR/service.pid" 2>/dev/null) || pid=
  if [ -n "$pid" ] && grep -qaF "$DEMO_DIR" "/proc/$pid/cmdline" 2>/dev/null; then
    stop_process "$pid" 12
  fi
  socket=$(cat "$DEMO_DIR/socket" 2>/dev/null) || socket=
  if [ -n "$socket" ] && engine_answers "$socket" >/dev/null; then
    for name in $(demo_containers "$socket"); do
      engine_call "$socket" DELETE "/containers/$name?force=1&v=1" >/dev/null || true
    done
    engine_call "$socket" DELETE "/images/$(cat "$DEMO_DIR/image")" >/dev/null || true
  fi
  [ ! -e "$DEMO_DIR/engine.json" ] || stop_private_engine "$DEMO_DIR"
  rm -rf --one-file-system "$DEMO_DIR"
}

# The containers that the demo made: its service's, from its image.
demo_containers() {
  engine_call "$1" GET "/containers/json?all=1" |
    jq -r --arg image "$(cat "$DEMO_DIR/image")" '.[]
      | select(.Labels["docker-control.owner"] == "demo" and (.Image | endswith($image))) | .Id'
}
