#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One request of each kind. TOKEN is a token of a service that the policy knows; IMAGE one that it allows.
set -eu

url=${DOCKER_CONTROL_SERVICE_URL:-http://127.0.0.1:8002}/api/v1
image=${IMAGE:-alpine:3}
name=curl_example_$$

# ask METHOD PATH [BODY]: prints the answer; fails with the error's text when it is one.
ask() {
  method=$1 path=$2 body=${3-}
  shift 2
  set -- -sS --fail-with-body -X "$method" -H "Authorization: Bearer $TOKEN"
  [ -z "$body" ] || set -- "$@" -H "Content-Type: application/json" -d "$body"
  curl "$@" "$url$path"
  echo
}

echo "== health, which needs no token"
curl -sS "$url/health"
echo

echo "== images"
ask POST /images/pull "{\"name\": \"$image\"}"
ask GET "/images/$image/exists"
ask GET /images

echo "== a network and a container in it"
ask POST /networks/create '{"name": "tt_studio_network", "driver": "bridge"}'
ask POST /containers/run "{\"image\": \"$image\", \"name\": \"$name\", \"network\": \"tt_studio_network\",
  \"command\": \"sh -c 'echo INFO: up; sleep 600'\", \"environment\": {\"MODEL_TYPE\": \"llm\"}, \"mem_limit\": \"256m\"}"

echo "== what it is and what it says"
ask GET "/containers?name=$name"
ask GET "/containers/$name/logs?follow=false&tail=10"
ask GET "/containers/$name/stats"
ask POST "/containers/$name/dir-size" '{"path": "/bin", "timeout": 4.0}'

echo "== another name, and the end"
ask POST "/containers/$name/rename?new_name=${name}_b"
ask POST "/networks/tt_studio_network/disconnect" "{\"container\": \"${name}_b\"}"
ask POST "/containers/${name}_b/stop" '{"timeout": 1}'
ask POST "/containers/${name}_b/remove" '{"v": true}'
ask DELETE /networks/tt_studio_network
