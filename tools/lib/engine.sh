# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The Docker Engine that the demo uses: the machine's own, else a private one in a directory of its
# own, which leaves the host's firewall, forwarding and docker0 alone.

ENGINE_BRIDGE=dcdemo0
ENGINE_CGROUP=docker-control-demo

# engine_call SOCKET METHOD PATH [curl arguments]
engine_call() {
  local socket=$1 method=$2 path=$3
  shift 3
  curl -fsS --max-time 60 --unix-socket "$socket" -X "$method" "$@" "http://docker$path"
}

engine_answers() { [ -S "$1" ] && curl -fs --max-time 3 --unix-socket "$1" http://docker/_ping; }

# find_engine: prints the socket of an Engine that answers, if there is one.
find_engine() {
  local socket
  for socket in "${DOCKER_HOST:-}" unix:///run/docker.sock unix:///var/run/docker.sock; do
    case $socket in unix://*) socket=${socket#unix://} ;; *) continue ;; esac
    if engine_answers "$socket" >/dev/null; then
      echo "$socket"
      return
    fi
  done
}

# start_private_engine DIR: the Engine on DIR/docker.sock, its pid in DIR/engine.pid.
start_private_engine() {
  local dir=$1
  ip link show "$ENGINE_BRIDGE" >/dev/null 2>&1 || ip link add "$ENGINE_BRIDGE" type bridge
  ip addr replace 10.212.0.1/24 dev "$ENGINE_BRIDGE"
  ip link set "$ENGINE_BRIDGE" up
  setsid dockerd --config-file "$(empty_engine_config "$dir")" --data-root "$dir/engine-data" \
    --exec-root "$dir/engine-exec" -p "$dir/engine.pid" -H "unix://$dir/docker.sock" -G docker \
    --bridge "$ENGINE_BRIDGE" --default-address-pool base=10.212.128.0/17,size=24 \
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$ENGINE_CGROUP" \
    --shutdown-timeout 3 >"$dir/engine.log" 2>&1 </dev/null &
  wait_until 60 engine_answers "$dir/docker.sock" || {
    tail -n 15 "$dir/engine.log" >&2
    die "dockerd did not come up (it needs a virtual machine or a host, not a plain container)"
  }
}

empty_engine_config() {
  echo '{}' >"$1/engine.json"
  echo "$1/engine.json"
}

# stop_private_engine DIR: also what dockerd leaves behind: mounts, the bridge, cgroups.
stop_private_engine() {
  local dir=$1 pid
  pid=$(cat "$dir/engine.pid" 2>/dev/null) || pid=
  if [ -n "$pid" ] && grep -qaF "$dir/engine-data" "/proc/$pid/cmdline" 2>/dev/null; then
    stop_process "$pid" 20
  fi
  awk -v dir="$dir/" 'index($2, dir) == 1 {print $2}' /proc/self/mounts | sort -r |
    xargs -r -n 1 umount -l
  ip link del "$ENGINE_BRIDGE" 2>/dev/null || true
  find /sys/fs/cgroup -depth -type d -path "*/$ENGINE_CGROUP*" -exec rmdir {} + 2>/dev/null || true
}

# import_image SOCKET NAME TAG DIR: an image of nothing but BusyBox and one web page.
import_image() {
  local socket=$1 name=$2 tag=$3 tree=$4/image-tree applet
  mkdir -p "$tree/bin" "$tree/tmp" "$tree/etc" "$tree/www"
  cp "$(command -v busybox)" "$tree/bin/busybox"
  for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
  done
  echo 'hello from a container that docker-control started' >"$tree/www/index.html"
  tar -C "$tree" -cf "$tree.tar" .
  engine_call "$socket" POST \
    "/images/create?fromSrc=-&repo=$name&tag=$tag&changes=CMD%20%5B%22sh%22%5D" \
    -H 'Content-Type: application/x-tar' --data-binary "@$tree.tar" >/dev/null
  rm -rf "$tree" "$tree.tar"
}
