# SPDX-License-Identifier: Apache-2.0
"""Places and device nodes of the host that containers are given, and such that they never get."""

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

from . import policies

MARKER = "the good directory\n"
NULL = os.makedev(1, 3)


class HostPlaces:
    """A tree of root's below /srv and a directory of nodes below /dev, both removed by close()."""

    def __init__(self, engine):
        name = f"docker-control-e2e.{os.getpid()}"
        self.root = Path("/srv") / name
        self.devices = Path("/dev") / name
        self.hugepages = Path(f"/dev/hugepages-{os.getpid()}")
        self.mounted = []
        self.engine = engine
        self.close()
        self._make_tree()
        self._make_nodes()

    def close(self):
        for point in reversed(self.mounted):
            subprocess.run(["umount", "-l", point], check=False)
        self.mounted = []
        for directory in (self.root, self.devices, self.hugepages):
            shutil.rmtree(directory, ignore_errors=True)

    def mount(self, source, target):
        subprocess.run(["mount", "--bind", source, target], check=True)
        self.mounted.append(str(target))

    def unmount(self, target):
        subprocess.run(["umount", str(target)], check=True)
        self.mounted.remove(str(target))

    @property
    def policy(self):
        """The standard policy, with the services `given` and `barred`."""
        return policies.standard() + POLICY.format(root=self.root, devices=self.devices, hugepages=self.hugepages)

    def _make_tree(self):
        root = self.root
        for path in ("models/sub", "cache", "named", "only", "many/a/b", "closed/inner", "loose/inner", "users/inner",
                     "mounted/below", "copy", "etc_copy", "far/etc"):  # fmt: skip
            (root / path).mkdir(parents=True)
        for directory in [root, *(path for path in root.rglob("*") if path.is_dir())]:
            directory.chmod(0o755)
        (root / "models" / "marker").write_text(MARKER)
        (root / "cache").chmod(0o777)
        (root / "file").write_text(MARKER)
        (root / "closed").chmod(0o700)
        (root / "loose").chmod(0o1777)
        os.chown(root / "users", 1000, 1000)
        (root / "link").symlink_to("models")
        (root / "to_root").symlink_to("/")
        os.mkfifo(root / "pipe")
        os.mknod(root / "node", stat.S_IFCHR | 0o666, NULL)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(root / "socket"))
        try:
            os.link(self.engine.socket, root / "hard")
        except OSError:  # it is on another file system; a socket like it then
            os.link(root / "socket", root / "hard")
        (root / "engine").touch()
        self.mount(self.engine.socket, root / "engine")
        self.mount(self.engine.directory, root / "copy")
        self.mount("/etc", root / "etc_copy")
        self.mount("/etc", root / "mounted" / "below")
        self.mount("/var", root / "far")

    def _make_nodes(self):
        self.hugepages.mkdir()
        self.hugepages.chmod(0o1777)
        self.devices.mkdir()
        self.devices.chmod(0o755)
        for name in ("0", "1", "2", "10"):
            self.node(name)
        (self.devices / "3").symlink_to("/dev/mem")
        for directory in ("four", "mem", "block", "links", "empty", "plain"):
            (self.devices / directory).mkdir()
            (self.devices / directory).chmod(0o755)
        for number in range(4):
            self.node(f"four/{number}")
        self.node("four/x")
        self.node("four/00")
        os.mknod(self.devices / "mem" / "0", stat.S_IFCHR | 0o600, os.makedev(1, 1))
        os.mknod(self.devices / "block" / "0", stat.S_IFBLK | 0o600, os.makedev(7, 250))
        (self.devices / "links" / "0").symlink_to("/dev/null")
        (self.devices / "plain" / "0").touch()

    def node(self, name, device=NULL):
        os.mknod(self.devices / name, stat.S_IFCHR | 0o666, device)


POLICY = """

[service.given]
memory   = {{default = "64m", max = "1g"}}
pids     = {{default = 64, max = 256}}
scopes   = ["containers:*", "images:*", "service:explain"]
images   = ["alpine:", "ghcr.io/tenstorrent/", "tenstorrent/"]
networks = ["bridge", "host"]
mounts   = [
  {{source = "{root}/models", mode = "ro"}},
  {{source = "{root}/cache", mode = "rw"}},
  {{source = "{root}/named", name = "models", mode = "ro"}},
  {{source = "{root}/only", mode = "ro", target = "/only"}},
  {{source = "{root}/many", subdirs = true}},
  {{source = "{hugepages}", mode = "rw"}},
  {{source = "{root}/file"}},
  {{source = "{root}/replaced"}},
  {{source = "{root}/gone"}},
  {{source = "{root}/gone/deeper"}},
  {{source = "{root}/file/deeper"}},
  {{source = "{root}/link"}},
  {{source = "{root}/link/sub"}},
  {{source = "{root}/to_root"}},
  {{source = "{root}/to_root/etc"}},
  {{source = "{root}/pipe"}},
  {{source = "{root}/node"}},
  {{source = "{root}/socket"}},
  {{source = "{root}/hard"}},
  {{source = "{root}/engine"}},
  {{source = "{root}/copy"}},
  {{source = "{root}/copy/data"}},
  {{source = "{root}/etc_copy"}},
  {{source = "{root}/etc_copy/default"}},
  {{source = "{root}/far"}},
  {{source = "{root}/mounted"}},
  {{source = "{root}/closed/inner"}},
  {{source = "{root}/loose/inner"}},
  {{source = "{root}/users/inner"}},
]
volumes  = ["cache1", "sly", "remote"]
devices  = ["{devices}/[0-9]+", "{devices}/four/[0-9]+", "{devices}/mem/[0-9]+", "{devices}/block/[0-9]+",
            "{devices}/links/[0-9]+", "{devices}/empty/[0-9]+", "{devices}/plain/[0-9]+", "{devices}/gone"]
gpus     = {{drivers = ["nvidia"], count = 2}}
capabilities = {{allow = ["IPC_LOCK", "SYS_NICE"], all_means = ["IPC_LOCK"]}}
ulimits  = {{nofile = 4096, fsize = "unlimited", core = 0}}
tmpfs    = {{default = "8m", max = "64m"}}
swap     = {{default = "0", max = "64m"}}
groups   = ["44", "video"]
dns      = ["10.9.9.9"]
extra_hosts = ["host.docker.internal:host-gateway", "db:10.1.2.3"]
health_interval = "5s"
logs     = {{drivers = ["json-file", "local", "none"], size = {{default = "1m", max = "10m"}}, files = {{default = 2, max = 5}}}}

[service.barred]
scopes   = ["containers:*", "service:explain"]
images   = ["alpine:"]
networks = ["bridge"]
"""
