# SPDX-License-Identifier: Apache-2.0
"""What a run refuses; each time the Engine's list of containers shows that nothing was made."""

import pytest

from harness.client import assert_error

# Fields that give a container something, each with a value that this service's policy does not list.
CLOSED_FIELDS = {
    "volumes": {"/srv": "/srv"},
    "devices": ["/dev/null"],
    "privileged": True,
    "cap_add": ["SYS_NICE"],
    "memswap_limit": "1g",
    "healthcheck": {"Interval": 1_000_000_000},
    "tmpfs": {"/x": "size=2g"},
    "ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 10}],
    "extra_hosts": {"a": "10.0.0.1"},
    "dns": ["10.0.0.1"],
    "group_add": ["0"],
    "device_requests": [{"Count": 1}],
    "log_config": {"Type": "local"},
}

FALSY = {
    "volumes": [{}, [], None],
    "devices": [[], None],
    "privileged": [False, None],
    "cap_add": [[], None],
    "cap_drop": [[], None],
    "tty": [False, None],
    "stdin_open": [False, None],
    "tmpfs": [{}, None],
    "ulimits": [[], None],
    "extra_hosts": [{}, None],
    "dns": [[], None],
    "group_add": [[], None],
    "device_requests": [[], None],
    "name": ["", None],
    "hostname": ["", None],
    "user": ["", None],
    "working_dir": ["", None],
    "network": ["", None],
    "labels": [{}, [], None],
    "environment": [{}, [], None],
    "ports": [{}, [], None],
    "entrypoint": ["", [], None],
    "stop_signal": ["", None],
    "restart_policy": ["", {}, None],
    "log_config": [{}, None],
    "healthcheck": [{}, None],
}

# What a client sends that has no limit in mind: the policy's default, and never none at all.
NO_LIMIT = {
    "mem_limit": [0, "", "0", None],
    "memswap_limit": [0, "", "0", None],
    "shm_size": [0, "", "0", None],
    "cpus": [0, 0.0, None],
    "nano_cpus": [0, None],
    "pids_limit": [0, None],
}

# Names of Docker's and docker-py's that are not in the contract at all, and plain mistakes.
UNKNOWN_FIELDS = [
    "Privileged", "HostConfig", "Binds", "Image", "pid_mode", "ipc_mode", "uts_mode", "userns_mode",
    "cgroup_parent", "cgroupns", "security_opt", "sysctls", "runtime", "volumes_from", "mounts",
    "network_mode", "links", "mac_address", "publish_all_ports", "oom_kill_disable", "platform",
    "Mounts", "imagee", "", "__proto__", "image ", "docker-control.owner",
]  # fmt: skip

BAD_VALUES = [
    ("image", None),
    ("image", ""),
    ("image", 3),
    ("image", ["alpine:3"]),
    ("name", "-x"),
    ("name", "a/b"),
    ("name", "a b"),
    ("name", "a\n"),
    ("name", "../x"),
    ("name", "x" * 64),
    ("name", "0123456789ab"),
    ("name", "ab" * 32),
    ("name", 7),
    ("command", 5),
    ("command", [1]),
    ("command", {"a": "b"}),
    ("command", "unclosed 'quote"),
    ("command", ["a\0b"]),
    ("command", ["x"] * 513),
    ("command", ["x" * 40000]),
    ("entrypoint", [None]),
    ("environment", "A=1"),
    ("environment", {"A": 1}),
    ("environment", {"1A": "x"}),
    ("environment", {"A-B": "x"}),
    ("environment", {"": "x"}),
    ("environment", {"A": "x\0y"}),
    ("environment", ["A"]),
    ("environment", ["=x"]),
    ("environment", {f"V{i}": "" for i in range(257)}),
    ("ports", {"x": 8003}),
    ("ports", {"0/tcp": 8003}),
    ("ports", {"65536/tcp": 8003}),
    ("ports", {"80/sctp": 8003}),
    ("ports", {"80/TCP ": 8003}),
    ("ports", {"80-90/tcp": 8003}),
    ("ports", {"80/tcp": "8003-8010"}),
    ("ports", {"80/tcp": -1}),
    ("ports", {"80/tcp": 65536}),
    ("ports", {"80/tcp": 8003.5}),
    ("ports", {"80/tcp": True}),
    ("ports", {"80/tcp": 22}),
    ("ports", {"80/tcp": 1023}),
    ("ports", {"80/tcp": 8002}),
    ("ports", {"80/tcp": 2375}),
    ("ports", {"80/tcp": 9999}),
    ("ports", {"80/tcp": ["0.0.0.0", 8003]}),
    ("ports", {f"{p}/tcp": p for p in range(8003, 8020)}),
    ("ports", [8003]),
    ("network", "host"),
    ("network", "none"),
    ("network", "default"),
    ("network", "Host"),
    ("network", " host"),
    ("network", "bridge "),
    ("network", "bridge:"),
    ("network", "container:x"),
    ("network", "ns:/proc/1/ns/net"),
    ("network", "other_network"),
    ("network", "docker_gwbridge"),
    ("network", "slirp4netns"),
    ("network", 1),
    ("hostname", "_a"),
    ("hostname", "-a"),
    ("hostname", "a" * 64),
    ("hostname", "a b"),
    ("user", "a:b:c"),
    ("user", "a b"),
    ("user", "root\n"),
    ("working_dir", "relative"),
    ("working_dir", "/proc/self/fd/8"),
    ("working_dir", "/a/../../proc/self/fd/8"),
    ("working_dir", "/sys"),
    ("working_dir", "/dev/fd/3"),
    ("labels", {"docker-control.owner": "root"}),
    ("labels", {"docker-control.proof": "x"}),
    ("labels", {"docker-control.": "x"}),
    ("labels", {"a": 1}),
    ("labels", ["a=b", 3]),
    ("labels", {"": "x"}),
    ("detach", "true"),
    ("detach", 1),
    ("auto_remove", "yes"),
    ("mem_limit", "lots"),
    ("mem_limit", "-1"),
    ("mem_limit", -1),
    ("mem_limit", "1e9"),
    ("mem_limit", "1 g"),
    ("mem_limit", "17g"),
    ("mem_limit", "99999999999999999999g"),
    ("mem_limit", "1m"),
    ("cpus", -1),
    ("cpus", "many"),
    ("cpus", 9),
    ("pids_limit", -1),
    ("pids_limit", 4097),
    ("pids_limit", 1.5),
    ("shm_size", "2g"),
    ("shm_size", "-1"),
    ("restart_policy", "sometimes"),
    ("restart_policy", {"Name": "on-failure", "MaximumRetryCount": -1}),
    ("restart_policy", {"Name": "on-failure", "MaximumRetryCount": 6}),
    ("restart_policy", {"Name": "no", "Extra": 1}),
    ("restart_policy", "always"),
    ("init", "no"),
    ("read_only", 1),
]


def field_id(value):
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "..."


def assert_nothing_made(docker):
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("field", CLOSED_FIELDS)
def test_closed_field(client, docker, field):
    """What the policy does not list is refused, with the key that would allow it where one could."""
    body = assert_error(client.run(**{field: CLOSED_FIELDS[field]}), 400)
    assert body["code"] != "invalid_request"
    assert ("hint" in body) == (field != "privileged"), body
    assert_nothing_made(docker)


@pytest.mark.parametrize("field", FALSY)
def test_falsy_value(client, docker, field):
    """A falsy value of a field is the same as its absence."""
    for value in FALSY[field]:
        assert client.run(**{field: value}).status_code == 200, value


@pytest.mark.parametrize("field", NO_LIMIT)
def test_no_limit_is_the_default(client, docker, field):
    """No spelling of nothing takes a limit away."""
    names = ("Memory", "MemorySwap", "ShmSize", "NanoCpus", "PidsLimit")
    usual = docker.inspect_container(client.started()["id"])["HostConfig"]
    assert all(usual[name] > 0 for name in names)
    for value in NO_LIMIT[field]:
        given = docker.inspect_container(client.started(**{field: value})["id"])["HostConfig"]
        assert [given[name] for name in names] == [usual[name] for name in names], value


@pytest.mark.parametrize("field", UNKNOWN_FIELDS)
def test_unknown_field(client, docker, field):
    """An unknown field is refused; its name is told when it is printable."""
    for value in ("x", True, None, False):
        response = client.post("/containers/run", {"image": "alpine:3", field: value})
        assert_error(response, 400, mentions=field)
    assert_nothing_made(docker)


@pytest.mark.parametrize("field, value", BAD_VALUES, ids=field_id)
def test_bad_value(client, docker, field, value):
    """A value that is malformed, out of range or outside the policy is refused."""
    body = {"image": "alpine:3", "command": ["true"], **{field: value}}
    assert_error(client.post("/containers/run", body), 400)
    assert_nothing_made(docker)


def test_one_host_port_twice(client, docker):
    """One host port cannot serve two container ports."""
    response = client.run(ports={"80/tcp": 8003, "81/tcp": 8003})
    assert response.status_code in (400, 409), response.text
    assert_nothing_made(docker)


def test_no_image(client, docker):
    """The image is required."""
    assert_error(client.post("/containers/run", {"name": "x"}), 400, mentions="image")
    assert_nothing_made(docker)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"alpine:3"',
        b"{",
        b'{"image": "alpine:3"} x',
        b'{"image": "alpine:3"}{}',
        b'{"image": "alpine:3", "image": "alpine:3"}',
        b'{"image": "alpine:3", "\\u0069mage": "alpine:3"}',
        b'{"image": "alpine:3", "environment": {"A": "1", "A": "2"}}',
        b'{"image": "alpine:3", "labels": {"a": "1", "a": "2"}}',
        b'{"image": "alpine:3", "ports": {"80/tcp": 8003, "80/tcp": 8004}}',
        b'{"image": "alpine:3", "cpus": 1e400}',
        b'{"image": "alpine:3", "mem_limit": 99999999999999999999}',
        b'{"image": "alpine:3", "name": "\\ud800"}',
        b'{"image": "alpine:3", "name": "\xff"}',
        b'\xef\xbb\xbf{"image": "alpine:3"}',
        b'{"image": "alpine:3", "name": "a\\u0000b"}',
        b'{"image": "alpine:3", "labels": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
        b'{"image": "alpine:3", "cpus": NaN}',
        b'{"image": "alpine:3", /* comment */ "name": "x"}',
    ],
    ids=field_id,
)
def test_bad_json(client, docker, body):
    """A body that is not exactly one JSON object of known members is refused whole."""
    headers = {"Content-Type": "application/json"}
    assert_error(client.post("/containers/run", data=body, headers=headers), 400)
    assert_nothing_made(docker)
