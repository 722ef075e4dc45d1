# SPDX-License-Identifier: Apache-2.0
"""Mounts of a run: what a container gets of the host, and what nobody gets.

Each refusal is judged by the Engine's state: no container was made, and nothing on the host either; and it is on record.
"""

import ctypes
import os
import shutil
import threading

import pytest

from harness.client import assert_error
from harness.host_places import MARKER
from harness.proxy import is_create, is_start
from harness.refusals import refused_run

GIVEN = [
    # source below the root, as the caller spells it; seen as; read-only unless asked otherwise
    ("/models", "/models", True),
    ("/models/", "/models", True),
    ("//models", "/models", True),
    ("/./models", "/models", True),
    ("/cache", "/cache", False),
    ("/many/a", "/many/a", True),
    ("/file", "/file", True),
]

LISTED = ("mount_not_allowed", "mounts")  # (code, the key that would allow it)
VOLUME = ("mount_not_allowed", "volumes")
NEVER = ("mount_not_allowed", None)
NO_SOURCE = ("invalid_request", None)

# Spelled below the root of the test's tree: the policy lists them, or what they seem to be.
REFUSED_BELOW = {
    **dict.fromkeys(["/modelsX", "/models.evil", "/models/sub", "/Models", "", "/many", "/many/a/b"], LISTED),
    **dict.fromkeys([
        "/link", "/link/sub", "/to_root", "/to_root/etc", "/pipe", "/node", "/socket", "/hard", "/engine", "/copy",
        "/copy/data", "/etc_copy", "/etc_copy/default", "/far", "/mounted", "/closed/inner", "/loose/inner", "/users/inner",
    ], NEVER),
    **dict.fromkeys(["/models/../../etc", "/models/..", "/many/a/../.."], NO_SOURCE),
}  # fmt: skip

REFUSED = {
    **dict.fromkeys([
        "/", "//", "/.", "/etc", "/etc/passwd", "/root", "/boot", "/usr", "/bin", "/lib", "/lib64", "/sbin", "/home",
        "/proc", "/proc/1/root", "/proc/self/cwd", "/proc/self/fd/0", "/sys", "/sys/fs/cgroup", "/dev", "/dev/shm",
        "/dev/mem", "/run", "/run/docker.sock", "/var/run", "/var/run/docker.sock", "/var", "/var/lib", "/var/lib/docker",
        "/var/log", "/run/containerd/containerd.sock", "/run/systemd/private", "/run/dbus/system_bus_socket",
    ], NEVER),
    **dict.fromkeys(["relative", "other_volume"], VOLUME),
    **dict.fromkeys([
        "/run/../run/docker.sock", ".", "..", "../etc", "~", "$HOME", "%2fsrv", "models/..", "", "/srv/mod\u0435ls",
        "/srv/a\nb", "/srv/a\\b", "/srv/a:b", "/srv/" + "a" * 5000, ".x", "x", "a/b", "0123456789abcdef" * 4,
    ], NO_SOURCE),
}  # fmt: skip

BAD_TARGETS = [
    "/", "relative", "..", "/a/..", "/a/../etc", "/proc", "/proc/1", "/sys", "/sys/fs", "/dev", "/dev/shm",
    "/dev/mem", "/etc/ld.so.preload", "/etc/ld.so.conf.d", "/a\\b", "/a\nb", "", "/\u0430",
]  # fmt: skip

BAD_MODES = ["ro,rshared", "rw,z", "z", "Z", "shared", "RO", "ro ", "rw,", "cached", "nocopy"]


def replaced_at_create(client, proxy, replace, **fields):
    """The answer to a run during which replace() is called: after the broker's look, before the Engine's create."""
    hold = proxy.hold(is_create)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(client.run(**fields)))
    asking.start()
    try:
        assert hold.caught.wait(20)
        replace()
    finally:
        hold.release()
        asking.join(30)
    return answers[0]


def mounts_of(docker, answer):
    return docker.inspect_container(answer["id"])["Mounts"]


@pytest.mark.parametrize("source, real, read_only", GIVEN)
def test_given(given, places, docker, source, real, read_only):
    """What the policy lists is mounted, private and not recursive, as the policy says or less."""
    target = "/target"
    expected = {"Type": "bind", "Source": f"{places.root}{real}", "Destination": target, "Propagation": "rprivate"}
    for volumes in (
        {f"{places.root}{source}": target},
        {f"{places.root}{source}": {"bind": target}},
        {f"{places.root}{source}": {"bind": target, "mode": "ro"}},
        [f"{places.root}{source}:{target}"],
        [f"{places.root}{source}:{target}:ro"],
    ):
        answer = given.started(volumes=volumes)
        (mount,) = mounts_of(docker, answer)
        assert {key: mount[key] for key in expected} == expected
        asked_read_only = "ro" in str(volumes).replace(str(places.root), "")
        assert mount["RW"] == (not read_only and not asked_read_only), volumes
        host = docker.inspect_container(answer["id"])["HostConfig"]
        assert not host["Binds"] and not host["VolumesFrom"]
        assert host["Mounts"][0]["BindOptions"] == {"Propagation": "rprivate", "NonRecursive": True}


def test_content(given, places):
    """The container reads what is there, and writes only where the policy lets it."""
    command = ["sh", "-c", "cat /m/marker; touch /m/x 2>/dev/null && echo written; touch /c/y && echo kept"]
    volumes = {f"{places.root}/models": "/m", f"{places.root}/cache": {"bind": "/c", "mode": "rw"}}
    answer = given.started(command=command, detach=False, volumes=volumes)
    assert answer["logs"] == MARKER + "kept\n"
    assert (places.root / "cache" / "y").exists() and not (places.root / "models" / "x").exists()


def test_hugepages(given, places):
    """The one kind of place below /dev that can be given, at its own path."""
    path = places.hugepages
    command = ["sh", "-c", f"echo x >{path}/x && echo kept"]
    volumes = {str(path): {"bind": str(path), "mode": "rw"}}
    assert given.started(command=command, detach=False, volumes=volumes)["logs"] == "kept\n"
    assert (path / "x").exists()


def test_by_name(given, places, docker):
    """A name of the policy stands for its path."""
    (mount,) = mounts_of(docker, given.started(volumes={"models": "/m"}))
    assert mount["Source"] == f"{places.root}/named" and not mount["RW"]


def test_only_target(given, places, docker):
    """A target that the policy fixes is the only one."""
    given.started(volumes={f"{places.root}/only": "/only"})
    docker.remove_container(docker.containers()[0]["Id"], force=True)
    refused_run(given, docker, "mount_not_allowed", volumes={f"{places.root}/only": "/other"})


@pytest.mark.parametrize("source", REFUSED_BELOW)
def test_refused_below(checked_given, places, docker, source):
    """Nothing else, whatever it is called and wherever it leads."""
    code, rule = REFUSED_BELOW[source]
    refused_run(checked_given, docker, code, rule=rule, volumes={f"{places.root}{source}": "/m"})
    refused_run(checked_given, docker, code, rule=rule, volumes=[f"{places.root}{source}:/m:ro"])


@pytest.mark.parametrize("source", REFUSED, ids=lambda text: ascii(text[:30]))
def test_refused(checked_given, docker, source):
    """Places that no policy gives away, and spellings that are none."""
    code, rule = REFUSED[source]
    refused_run(checked_given, docker, code, rule=rule, volumes={source: "/m"})
    refused_run(checked_given, docker, code, rule=rule, volumes={source: {"bind": "/m", "mode": "ro"}})


@pytest.mark.parametrize("source", ["/gone", "/gone/deeper", "/file/deeper"])
def test_missing(checked_given, places, docker, source):
    """A listed source that is not there is told, and never made."""
    body = refused_run(checked_given, docker, "conflict", volumes={f"{places.root}{source}": "/m"})
    assert "missing" in body["detail"] and str(places.root) not in body["detail"]
    assert not (places.root / "gone").exists()


@pytest.mark.parametrize("target", BAD_TARGETS, ids=ascii)
def test_bad_target(given, places, docker, target):
    refused_run(given, docker, "invalid_request", volumes={f"{places.root}/models": target})
    refused_run(given, docker, "invalid_request", tmpfs={target: ""})


@pytest.mark.parametrize("volumes", [{"/models": "/m", "/cache": "/m"}, {"/models": "/m", "/cache": "/m/sub"}])
def test_targets_at_odds(given, places, docker, volumes):
    """One target twice, and one inside another."""
    refused_run(given, docker, volumes={f"{places.root}{source}": at for source, at in volumes.items()})


@pytest.mark.parametrize("mode", BAD_MODES)
def test_bad_mode(given, places, docker, mode):
    """The mode is ro or rw and carries nothing else."""
    for volumes in ({f"{places.root}/cache": {"bind": "/m", "mode": mode}}, [f"{places.root}/cache:/m:{mode}"]):
        body = refused_run(given, docker, "invalid_request", volumes=volumes)
        assert "mode" in body["detail"] and "volumes" in body["detail"]


@pytest.mark.parametrize("volumes", [
    "/srv:/m", 3, [3], ["/srv"], {"/srv": 3}, {"/srv": {"bind": "/m", "propagation": "rshared"}},
    {"/srv": {"bind": 3}}, {"/srv": {}}, [["/srv", "/m"]],
])  # fmt: skip
def test_malformed(given, docker, volumes):
    refused_run(given, docker, "invalid_request", volumes=volumes)


def test_more_than_read(given, places, docker):
    """Writing where the policy says read."""
    volumes = {f"{places.root}/models": {"bind": "/m", "mode": "rw"}}
    refused_run(given, docker, "mount_not_allowed", volumes=volumes)


def test_a_mount_that_came_later(given, places, docker):
    """What is mounted below a source after the policy was written is never seen through it."""
    below = places.root / "cache" / "late"
    below.mkdir()
    places.mount("/etc", below)
    try:
        refused_run(given, docker, "mount_not_allowed", volumes={f"{places.root}/cache": "/m"})
    finally:
        places.unmount(below)
        below.rmdir()


# --- volumes -------------------------------------------------------------------------------------


@pytest.fixture
def volumes(docker):
    """Removes the named volumes of a test."""
    yield
    for container in docker.containers(all=True):
        docker.remove_container(container["Id"], force=True, v=True)
    for volume in docker.volumes()["Volumes"] or ():
        docker.remove_volume(volume["Name"])


def test_volume(given, docker, volumes):
    """A listed volume is made as a plain local one, or used where it is one."""
    for _ in range(2):
        answer = given.started(volumes={"cache1": {"bind": "/c", "mode": "rw"}})
        (mount,) = mounts_of(docker, answer)
        assert (mount["Type"], mount["Name"], mount["Driver"], mount["RW"]) == ("volume", "cache1", "local", True)
    assert not docker.inspect_volume("cache1")["Options"]


@pytest.mark.parametrize("options", [
    {"type": "none", "o": "bind", "device": "/"},
    {"type": "none", "o": "bind", "device": "/run"},
    {"type": "tmpfs", "device": "tmpfs"},
    {"type": "nfs", "o": "addr=10.0.0.9,rw", "device": ":/exports"},
])  # fmt: skip
def test_volume_with_options(checked_given, docker, volumes, options):
    """A local volume that somebody made to be another place of the host."""
    docker.create_volume("sly", driver="local", driver_opts=options)
    refused_run(checked_given, docker, "mount_not_allowed", rule=None, volumes={"sly": "/m"})


def test_image_volume(given, docker, volumes):
    """What an image declares is the Engine's own empty volume, and goes with its container."""
    archive = docker.create_container("alpine:3", volumes=["/data"])
    docker.commit(archive["Id"], "tenstorrent/with-volume", "1", changes='VOLUME ["/data"]')
    try:
        answer = given.started(image="tenstorrent/with-volume:1")
        (mount,) = mounts_of(docker, answer)
        assert mount["Type"] == "volume" and mount["Driver"] == "local" and len(mount["Name"]) == 64
        given.post(f"/containers/{answer['id']}/remove", {"force": True, "v": True})
        assert mount["Name"] not in [volume["Name"] for volume in docker.volumes()["Volumes"] or ()]
    finally:
        for container in docker.containers(all=True):
            docker.remove_container(container["Id"], force=True, v=True)
        docker.remove_image("tenstorrent/with-volume:1")


@pytest.mark.parametrize("made_before", [True, False])
def test_volume_replaced_before_the_start(start_service, own_proxy, places, docker, volumes, made_before):
    """A volume that somebody makes anew with options, once it was looked at: the container goes."""
    if made_before:
        docker.create_volume("cache1")
    options = {"type": "none", "o": "bind", "device": "/"}

    def replace():
        if made_before:
            docker.remove_volume("cache1")
        docker.create_volume("cache1", driver="local", driver_opts=options)

    client = start_service(docker_socket=own_proxy.path, policy=places.policy).client("given")
    response = replaced_at_create(client, own_proxy, replace, volumes={"cache1": "/m"})
    assert_error(response, 400, code="mount_not_allowed")
    assert docker.containers(all=True) == []
    assert not [request for request in own_proxy.requests if is_start(request)]
    assert docker.inspect_volume("cache1")["Options"] == options


# --- races -----------------------------------------------------------------------------------------

RENAME_EXCHANGE = 2
SWAPS = 100_000


class Swapper(threading.Thread):
    """Exchanges two paths again and again, as fast as it can."""

    def __init__(self, one, other):
        super().__init__()
        self.paths = (os.fsencode(one), os.fsencode(other))
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.swaps = 0
        self.stop = threading.Event()

    def run(self):
        while self.swaps < SWAPS or not self.stop.is_set():
            assert self.libc.renameat2(-100, self.paths[0], -100, self.paths[1], RENAME_EXCHANGE) == 0
            self.swaps += 1


@pytest.mark.parametrize("new", ["directory", "link", "mount"])
def test_replaced_before_the_start(start_service, own_proxy, places, docker, new):
    """A source that root replaces between create and start: the container goes, never started."""
    source, kept = places.root / "replaced", places.root / "kept"
    source.mkdir()

    def replace():
        if new == "mount":
            return places.mount("/etc", source)
        source.rename(kept)
        return source.symlink_to("/etc") if new == "link" else source.mkdir()

    client = start_service(docker_socket=own_proxy.path, policy=places.policy).client("given")
    try:
        response = replaced_at_create(client, own_proxy, replace, volumes={str(source): "/m"})
        code = "conflict" if new == "directory" else "mount_not_allowed"
        assert_error(response, 409 if new == "directory" else 400, code=code)
        assert docker.containers(all=True) == []
        assert not [request for request in own_proxy.requests if is_start(request)]
    finally:
        if new == "mount":
            places.unmount(source)
        if source.is_symlink():
            source.unlink()
        for path in (source, kept):
            shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("place", ["users", "loose"])
def test_swapped_by_others(given, places, docker, place):
    """Where others than root could swap the path, it is refused at every moment of their swapping."""
    directory = places.root / place
    evil = directory / "evil"
    evil.symlink_to("/")
    swapper = Swapper(directory / "inner", evil)
    swapper.start()
    try:
        asked = 0
        while swapper.swaps < SWAPS or asked < 20:
            refused_run(given, docker, "mount_not_allowed", "conflict", volumes={f"{directory}/inner": "/m"})
            asked += 1
    finally:
        swapper.stop.set()
        swapper.join()
        if evil.is_dir() and not evil.is_symlink():
            os.rename(evil, directory / "kept")
            (directory / "inner").unlink()
            os.rename(directory / "kept", directory / "inner")
        else:
            evil.unlink()


def test_swapped_inside(given, places, docker):
    """What others do inside a source stays inside it: whoever reads there never leaves it."""
    cache = places.root / "cache"
    (cache / "inner").mkdir(exist_ok=True)
    (cache / "inner" / "marker").write_text(MARKER)
    (cache / "evil").symlink_to("/")
    swapper = Swapper(cache / "inner", cache / "evil")
    swapper.start()
    runs = 0
    try:
        while swapper.swaps < SWAPS or runs < 5:
            answer = given.started(
                command=["sh", "-c", "cat /m/marker; ls -d /c/inner/srv /c/evil/srv 2>/dev/null"],
                volumes={f"{places.root}/models": "/m", f"{cache}": "/c"}, detach=False, auto_remove=True,
            )  # fmt: skip
            assert answer["logs"] == MARKER, answer
            refused_run(given, docker, volumes={f"{cache}/inner": "/m"})
            runs += 1
    finally:
        swapper.stop.set()
        swapper.join()
