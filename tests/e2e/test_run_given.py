# SPDX-License-Identifier: Apache-2.0
"""The fields of a run that the policy opens: limits, tmpfs, health checks, logs, hosts, groups, terminals.

Each effective value is read back from the Engine's inspect, in the spellings of the Docker API and of
docker-py, whose own types make them.
"""

import pytest
from docker.types import Healthcheck, LogConfig, Ulimit

from harness.client import assert_error
from harness.images import busybox_archive
from harness.proxy import is_pull
from harness.wait import wait_for

MIB = 1024 * 1024
SECOND = 1_000_000_000


def seen_of(docker, given, **fields):
    return docker.inspect_container(given.started(**fields)["id"])


def assert_refused(response, docker, mentions, code=None):
    assert_error(response, 400, code=code, mentions=mentions)
    assert docker.containers(all=True) == []


# --- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ulimits", [
    [{"Name": "nofile", "Soft": 1024, "Hard": 2048}],
    [{"name": "nofile", "soft": 1024, "hard": 2048}],
    [Ulimit(name="nofile", soft=1024, hard=2048)],
])  # fmt: skip
def test_ulimits(given, docker, ulimits):
    seen = seen_of(docker, given, ulimits=ulimits)["HostConfig"]["Ulimits"]
    assert seen == [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]


def test_ulimits_in_the_container(given):
    """As its processes see them; -1 is unlimited, and a hard limit left out is the soft one."""
    limits = [{"Name": "fsize", "Soft": -1, "Hard": -1}, {"Name": "nofile", "Soft": 512}]
    answer = given.started(command=["sh", "-c", "ulimit -f; ulimit -n"], detach=False, ulimits=limits)
    assert answer["logs"] == "unlimited\n512\n"


@pytest.mark.parametrize("ulimits", [
    [{"Name": "nofile", "Soft": 1, "Hard": 4097}], [{"Name": "nofile", "Soft": -1, "Hard": -1}],
    [{"Name": "nproc", "Soft": 1, "Hard": 1}], [{"Name": "core", "Soft": 1, "Hard": 1}],
])  # fmt: skip
def test_ulimits_over(checked_given, docker, ulimits):
    assert_refused(checked_given.run(ulimits=ulimits), docker, "ulimit", "limit_exceeded")


@pytest.mark.parametrize("ulimits", [
    "nofile=1", {"nofile": 1}, [{"Name": "nofile"}], [{"Soft": 1, "Hard": 1}], [{"Name": "files", "Soft": 1, "Hard": 1}],
    [{"Name": "nofile", "Soft": 2, "Hard": 1}], [{"Name": "nofile", "Soft": "1", "Hard": 1}],
    [{"Name": "nofile", "Soft": -2, "Hard": 1}], [{"Name": "nofile", "Soft": 1, "Hard": 1, "x": 1}],
    [{"Name": "nofile", "name": "nofile", "Soft": 1, "Hard": 1}], [{"Name": "nofile", "Soft": 1, "Hard": 1}] * 2,
])  # fmt: skip
def test_ulimits_malformed(given, docker, ulimits):
    assert_refused(given.run(ulimits=ulimits), docker, "ulimit", "invalid_request")


@pytest.mark.parametrize("asked, seen", [({}, 64), ({"memswap_limit": "64m"}, 64), ({"memswap_limit": 100 * MIB}, 100)])
def test_memswap(given, docker, asked, seen):
    """Memory and swap together; without it there is no swap."""
    assert seen_of(docker, given, **asked)["HostConfig"]["MemorySwap"] == seen * MIB


@pytest.mark.parametrize("value", [-1, "-1", "32m", "129m", "lots", 1.5, True])
def test_memswap_refused(given, docker, value):
    assert_refused(given.run(memswap_limit=value), docker, "memswap_limit")


# --- tmpfs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tmpfs, options", [
    ({"/x": ""}, {"size=8388608"}),
    ({"/x": None}, {"size=8388608"}),
    ({"/x": "size=64m,mode=1777,uid=1000,gid=1000"}, {"size=67108864", "mode=01777", "uid=1000", "gid=1000"}),
    ({"/x/": "rw,noexec,nosuid,nodev,size=1m"}, {"size=1048576"}),
    (["/x:size=1m"], {"size=1048576"}),
    (["/x"], {"size=8388608"}),
])  # fmt: skip
def test_tmpfs(given, docker, tmpfs, options):
    seen = seen_of(docker, given, tmpfs=tmpfs)["HostConfig"]["Tmpfs"]
    assert list(seen) == ["/x"]
    assert set(seen["/x"].split(",")) == {"noexec", "nosuid", "nodev"} | options


def test_tmpfs_in_the_container(given):
    command = ["sh", "-c", "grep ' /x ' /proc/mounts; stat -c '%a %u' /x"]
    logs = given.started(command=command, detach=False, tmpfs={"/x": "size=1m,mode=0700,uid=1000"})["logs"]
    options = logs.split()[3].split(",")
    assert {"nosuid", "nodev", "noexec", "size=1024k"} <= set(options), logs
    assert logs.splitlines()[1] == "700 1000"


@pytest.mark.parametrize("tmpfs", [
    {"/x": "size=65m"}, {"/x": "exec"}, {"/x": "suid"}, {"/x": "dev"}, {"/x": "size=0"}, {"/x": "size=-1"},
    {"/x": "size=50%"}, {"/x": "mode=9"}, {"/x": "mode=7777"}, {"/x": "uid=-1"}, {"/x": "huge=always"}, {"/x": 1},
    {"/x": "", "/x/": ""}, {"/proc": ""}, "/x", [1], {"/x": "size=1m,exec"}, {"/x": "mpol=bind:0"}, {"/x": "nr_inodes=0"},
])  # fmt: skip
def test_tmpfs_refused(checked_given, docker, tmpfs):
    assert_refused(checked_given.run(tmpfs=tmpfs), docker, "tmpfs")


# --- health checks ---------------------------------------------------------------------------------

ASKED = {"Test": ["CMD", "true"], "Interval": 10 * SECOND, "Timeout": 3 * SECOND, "StartPeriod": SECOND, "Retries": 2}


@pytest.mark.parametrize("check, seen", [
    (ASKED, ASKED),
    ({"test": ["CMD", "true"], "interval": 10 * SECOND, "timeout": 3 * SECOND, "start_period": SECOND, "retries": 2}, ASKED),
    (Healthcheck(test="true", interval=5 * SECOND), {"Test": ["CMD-SHELL", "true"], "Interval": 5 * SECOND}),
    ({"Test": ["NONE"]}, {"Test": ["NONE"]}),
    ({"Test": ["CMD-SHELL", "test -e /x && true"]}, {"Test": ["CMD-SHELL", "test -e /x && true"]}),
])  # fmt: skip
def test_healthcheck(given, docker, check, seen):
    found = seen_of(docker, given, healthcheck=check)["Config"]["Healthcheck"]
    assert {key: value for key, value in found.items() if value} == seen


def test_healthcheck_runs(given, docker):
    answer = given.started(healthcheck={"test": "true", "interval": 5 * SECOND})
    healthy = lambda: docker.inspect_container(answer["id"])["State"]["Health"]["Status"] == "healthy"  # noqa: E731
    wait_for(healthy, 30, "the check to succeed")


@pytest.mark.parametrize("check", [
    {"Test": ["CMD", "true"], "Interval": SECOND}, {"Interval": SECOND}, {"Interval": 1}, {"Interval": -1},
    {"Test": ["SHELL", "x"]}, {"Test": ["CMD"]}, {"Test": ["NONE", "x"]}, {"Test": 1}, {"Retries": -1}, {"Retries": 101},
    {"Timeout": 1}, {"Interval": "5s"}, {"Unknown": 1}, "true", ["CMD", "true"], {"StartPeriod": 2**62},
    {"Test": ["CMD", "true"], "test": "true"},
])  # fmt: skip
def test_healthcheck_refused(checked_given, docker, check):
    assert_refused(checked_given.run(healthcheck=check), docker, "healthcheck")


@pytest.fixture
def checked_image(docker):
    """An image whose health check runs a hundred times a second."""
    name, tag = "tenstorrent/checked", "1"
    docker.import_image_from_data(
        busybox_archive(b"checked"), repository=name, tag=tag,
        changes=['CMD ["sh"]', "HEALTHCHECK --interval=10ms --timeout=2s CMD true"],
    )  # fmt: skip
    yield f"{name}:{tag}"
    for container in docker.containers(all=True):
        docker.remove_container(container["Id"], force=True)
    docker.remove_image(f"{name}:{tag}")


@pytest.mark.parametrize("asked", [{}, {"healthcheck": {"Retries": 5}}])
def test_the_images_healthcheck(given, docker, checked_image, asked):
    """An image's own check is kept, as seldom as the policy has it at least."""
    found = seen_of(docker, given, image=checked_image, **asked)["Config"]["Healthcheck"]
    assert found["Test"] == ["CMD-SHELL", "true"] and found["Timeout"] == 2 * SECOND
    assert found["Interval"] == 5 * SECOND
    assert found.get("Retries", 0) == asked.get("healthcheck", {}).get("Retries", 0)


# --- logs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config, driver, options", [
    (None, "json-file", {"max-size": "1048576", "max-file": "2"}),
    ({"Type": "json-file"}, "json-file", {"max-size": "1048576", "max-file": "2"}),
    ({"type": "local", "config": {"max-size": "2m", "max-file": 3}}, "local", {"max-size": "2097152", "max-file": "3"}),
    (LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "5"}), "json-file",
     {"max-size": "10485760", "max-file": "5"}),
    ({"Type": "none"}, "none", {}),
])  # fmt: skip
def test_log_config(given, docker, config, driver, options):
    seen = seen_of(docker, given, log_config=config)["HostConfig"]["LogConfig"]
    assert seen == {"Type": driver, "Config": options}


@pytest.mark.parametrize("config", [
    {"Type": "syslog"}, {"Type": "journald"}, {"Type": "gelf", "Config": {"gelf-address": "udp://10.0.0.1:1"}},
    {"Type": "fluentd"}, {"Type": "json-file", "Config": {"max-size": "11m"}}, {"Type": "json-file", "Config": {"max-file": 6}},
    {"Type": "json-file", "Config": {"max-size": "-1"}}, {"Type": "json-file", "Config": {"labels": "x"}},
    {"Type": "none", "Config": {"max-size": "1m"}}, "json-file", {"Type": 1}, {"Type": "json-file", "Config": {"max-file": "0"}},
])  # fmt: skip
def test_log_config_refused(checked_given, docker, config):
    assert_error(checked_given.run(log_config=config), 400)
    assert docker.containers(all=True) == []


# --- network, groups, signals, terminals -------------------------------------------------------


@pytest.mark.parametrize("hosts", [{"db": "10.1.2.3"}, ["db:10.1.2.3"]])
def test_extra_hosts(given, docker, hosts):
    answer = given.started(command=["cat", "/etc/hosts"], detach=False, extra_hosts=hosts)
    assert docker.inspect_container(answer["id"])["HostConfig"]["ExtraHosts"] == ["db:10.1.2.3"]
    assert ["10.1.2.3", "db"] in [line.split() for line in answer["logs"].splitlines()]


def test_host_gateway(given, docker):
    seen = seen_of(docker, given, extra_hosts={"host.docker.internal": "host-gateway"})
    assert seen["HostConfig"]["ExtraHosts"] == ["host.docker.internal:host-gateway"]


@pytest.mark.parametrize("hosts", [
    {"db": "10.1.2.4"}, {"other": "10.1.2.3"}, {"registry": "host-gateway"}, {"db": "db2"}, {"a b": "10.1.2.3"}, ["db"],
    {"db": 1}, {"db": ""}, "db:10.1.2.3", {"db\n10.0.0.1 x": "10.1.2.3"},
])  # fmt: skip
def test_extra_hosts_refused(checked_given, docker, hosts):
    assert_error(checked_given.run(extra_hosts=hosts), 400)
    assert docker.containers(all=True) == []


def test_dns(given, docker):
    assert seen_of(docker, given, dns=["10.9.9.9"])["HostConfig"]["Dns"] == ["10.9.9.9"]


@pytest.mark.parametrize("dns", [["10.9.9.8"], ["dns.example"], "10.9.9.9", [1], ["10.9.9.9 "], ["::1"]])
def test_dns_refused(checked_given, docker, dns):
    assert_error(checked_given.run(dns=dns), 400)
    assert docker.containers(all=True) == []


def test_groups(given, docker):
    answer = given.started(command=["id", "-G"], detach=False, group_add=[44])
    assert docker.inspect_container(answer["id"])["HostConfig"]["GroupAdd"] == ["44"]
    assert "44" in answer["logs"].split()


@pytest.mark.parametrize("groups", [["0"], [0], ["root"], ["docker"], ["44:0"], "44", [-1], [4.4], [[44]], ["044"]])
def test_groups_refused(checked_given, docker, groups):
    assert_error(checked_given.run(group_add=groups), 400)
    assert docker.containers(all=True) == []


def test_group_missing_in_the_image(given, docker):
    assert_error(given.run(group_add=["video"]), 400, mentions="group")
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("signal, seen", [("SIGINT", "SIGINT"), ("INT", "INT"), (2, "2"), ("SIGRTMIN+3", "SIGRTMIN+3")])
def test_stop_signal(given, docker, signal, seen):
    assert seen_of(docker, given, stop_signal=signal, stop_timeout=7)["Config"]["StopSignal"] == seen


@pytest.mark.parametrize("seconds", [0, 7, 300])
def test_stop_timeout(given, docker, seconds):
    assert seen_of(docker, given, stop_timeout=seconds)["Config"]["StopTimeout"] == seconds


@pytest.mark.parametrize("field, value", [
    ("stop_signal", "SIGNOTHING"), ("stop_signal", 65), ("stop_signal", -1), ("stop_signal", [2]), ("stop_timeout", -1),
    ("stop_timeout", 301), ("stop_timeout", "5"), ("stop_timeout", 1.5), ("tty", "yes"), ("tty", 1), ("stdin_open", "no"),
    ("pull", "sometimes"), ("pull", 1), ("pull", True),
])  # fmt: skip
def test_refused_value(given, docker, field, value):
    assert_refused(given.run(**{field: value}), docker, field, "invalid_request")


def test_terminal(given, docker):
    """With a terminal the output has no frames; it comes back all the same."""
    answer = given.started(command=["sh", "-c", "test -t 1 && echo terminal"], tty=True, detach=False)
    assert answer["logs"] == "terminal\r\n" and answer["exit_code"] == 0
    seen = docker.inspect_container(answer["id"])
    assert seen["Config"]["Tty"] and not seen["Config"]["OpenStdin"]


def test_stdin_open(given, docker):
    """A shell that waits for input stays."""
    seen = seen_of(docker, given, command=["sh"], stdin_open=True)
    assert seen["Config"]["OpenStdin"] and not seen["Config"]["Tty"] and seen["State"]["Running"]


# --- pull ------------------------------------------------------------------------------------------


def test_pull_never(given, docker, start_service, own_proxy, places):
    """An image that is not there is not pulled for."""
    client = start_service(docker_socket=own_proxy.path, policy=places.policy).client("given")
    assert_error(client.run(image="tenstorrent/absent:1", pull="never"), 404, code="not_found", mentions="mage")
    client.started(pull="never")
    assert not any(is_pull(request) for request in own_proxy.requests)


def test_pull_always(start_service, own_proxy, places, docker):
    """An image that is there is pulled for all the same, and its refusal is the run's."""
    client = start_service(docker_socket=own_proxy.path, policy=places.policy).client("given")
    client.started(pull="missing")
    assert not any(is_pull(request) for request in own_proxy.requests)
    assert client.run(image="tenstorrent/model:latest", pull="always").status_code != 200
    assert sum(is_pull(request) for request in own_proxy.requests) == 1


# --- nothing of the host without being asked ---------------------------------------------------


def test_nothing_given(given, docker):
    """A run that asks for nothing gets nothing, whatever the policy would give."""
    host = seen_of(docker, given)["HostConfig"]
    for member in ("Mounts", "Binds", "Devices", "DeviceRequests", "Ulimits", "Tmpfs", "ExtraHosts", "Dns", "GroupAdd"):
        assert not host.get(member), member


def test_all_at_once(given, places, docker):
    """One container with all of it."""
    fields = {
        "volumes": {f"{places.root}/models": "/m"}, "devices": [f"{places.devices}/1"], "cap_add": ["IPC_LOCK"],
        "tmpfs": {"/x": ""}, "ulimits": [{"Name": "nofile", "Soft": 64, "Hard": 64}], "healthcheck": {"test": "true"},
        "log_config": {"Type": "local"}, "extra_hosts": {"db": "10.1.2.3"}, "dns": ["10.9.9.9"], "group_add": ["44"],
        "stop_signal": "SIGINT", "stop_timeout": 3, "tty": True, "stdin_open": True, "memswap_limit": "100m",
        "hostname": "all", "user": "1000", "working_dir": "/tmp/", "read_only": True, "environment": {"A": "<&>\u2028\u00e9"},
        "labels": {"a": "<b>&"},
    }  # fmt: skip
    seen = seen_of(docker, given, **fields)
    assert seen["State"]["Running"] and seen["Config"]["WorkingDir"] == "/tmp"
    assert "A=<&>\u2028\u00e9" in seen["Config"]["Env"] and seen["Config"]["Labels"]["a"] == "<b>&"
