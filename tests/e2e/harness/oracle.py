# SPDX-License-Identifier: Apache-2.0
"""Judges a container by what `docker inspect` says of it, and by nothing else: invariants INV1 and INV2
of the threat model, against bounds that are written here by hand and not read from a policy file."""

import ipaddress
import posixpath
import re

BASE = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
# Where a bind mount gives away the host, whatever a policy says.
FORBIDDEN = (
    "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var",
    "/var/run", "/var/lib", "/var/lib/docker", "/var/lib/containerd", "/var/log", "/home",
)  # fmt: skip
EMPTY = (None, [], {}, "", 0, False)


class Bounds:
    """What the containers of one service may be at most."""

    def __init__(self, **given):
        self.memory = given.get("memory", 0)
        self.swap = given.get("swap", 0)
        self.cpus = given.get("cpus", 0)
        self.pids = given.get("pids", 0)
        self.shm = given.get("shm", 0)
        self.tmpfs = given.get("tmpfs", 0)
        self.networks = set(given.get("networks", ()))
        self.ports = set(given.get("ports", ()))
        self.address = given.get("address", "127.0.0.1")
        self.mounts = given.get("mounts", {})  # path -> writable
        self.parents = given.get("parents", {})  # path -> writable; what lies directly in it
        self.volumes = set(given.get("volumes", ()))
        self.devices = given.get("devices", "$.^")  # regular expression
        self.capabilities = set(given.get("capabilities", ()))
        self.ulimits = given.get("ulimits", {})
        self.restart = set(given.get("restart", ())) | {"no", ""}
        self.log_drivers = set(given.get("log_drivers", ("json-file",)))
        self.log_bytes = given.get("log_bytes", 30 * 2**20)
        self.dns = set(given.get("dns", ()))
        self.extra_hosts = set(given.get("extra_hosts", ()))
        self.groups = set(given.get("groups", ()))
        self.reserved = given.get("reserved", "$.^")  # regular expression of names that nobody gets
        self.interval = given.get("interval", 5 * 10**9)


def violations(document, bounds, volumes=None):
    """Everything about this container that must not be; an empty list is the verdict `good`.
    volumes: what the Engine says of each volume that it has, by name."""
    host, config = document["HostConfig"], document["Config"]
    found = []

    def must(condition, what):
        if not condition:
            found.append(what)

    for member in (
        "Privileged", "PidMode", "UTSMode", "UsernsMode", "Cgroup", "CgroupParent", "Binds", "VolumesFrom", "Links",
        "DeviceCgroupRules", "Sysctls", "OomKillDisable", "PublishAllPorts", "VolumeDriver", "CpuQuota", "CpuPeriod",
        "CpusetCpus", "CpusetMems", "CpuRealtimePeriod", "CpuRealtimeRuntime", "BlkioWeight", "BlkioWeightDevice",
        "BlkioDeviceReadBps", "BlkioDeviceWriteBps", "KernelMemory", "StorageOpt", "Annotations", "ContainerIDFile",
        "DnsOptions", "DnsSearch", "OomScoreAdj", "MemorySwappiness", "Isolation",
    ):  # fmt: skip
        must(host.get(member) in EMPTY, f"{member} is {host.get(member)!r}")
    must(host["IpcMode"] == "private", f"IpcMode {host['IpcMode']}")
    must(host["CgroupnsMode"] == "private", f"CgroupnsMode {host['CgroupnsMode']}")
    must(host["SecurityOpt"] == ["no-new-privileges:true"], f"SecurityOpt {host['SecurityOpt']}")
    must(host["Runtime"] in ("runc", "crun"), f"Runtime {host['Runtime']}")
    must(host["MaskedPaths"] and host["ReadonlyPaths"], "paths of /proc are not masked")
    must({"ALL"} == {name.removeprefix("CAP_") for name in host["CapDrop"] or []}, f"CapDrop {host['CapDrop']}")
    added = {name.removeprefix("CAP_") for name in host["CapAdd"] or []}
    must(added <= BASE | bounds.capabilities, f"CapAdd {added}")

    _names(document, bounds, must)
    _networks(document, bounds, must)
    _mounts(document, bounds, volumes or {}, must)
    _limits(host, bounds, must)
    for device in host["Devices"] or []:
        path = device["PathOnHost"]
        must(re.fullmatch(bounds.devices, path), f"device {path}")
        must(device["PathInContainer"] == path, f"device {path} as {device['PathInContainer']}")
        must(set(device["CgroupPermissions"]) <= {"r", "w"}, f"device {path} {device['CgroupPermissions']}")
    must(not host["DeviceRequests"], f"DeviceRequests {host['DeviceRequests']}")
    must(set(host["Dns"] or []) <= bounds.dns, f"Dns {host['Dns']}")
    must(set(host["ExtraHosts"] or []) <= bounds.extra_hosts, f"ExtraHosts {host['ExtraHosts']}")
    must(set(host["GroupAdd"] or []) <= bounds.groups, f"GroupAdd {host['GroupAdd']}")
    must(host["RestartPolicy"]["Name"] in bounds.restart, f"RestartPolicy {host['RestartPolicy']}")
    must(host["RestartPolicy"]["MaximumRetryCount"] <= 5, f"RestartPolicy {host['RestartPolicy']}")
    must(not config.get("MacAddress"), "MacAddress")
    must(not config.get("Domainname"), "Domainname")
    check = config.get("Healthcheck") or {}
    if check.get("Test") not in (None, [], ["NONE"]):
        must(check.get("Interval", 0) == 0 or check["Interval"] >= bounds.interval, f"health check every {check['Interval']} ns")
    must(0 <= (config.get("StopTimeout") or 0) <= 300, f"StopTimeout {config.get('StopTimeout')}")
    must((config.get("WorkingDir") or "/").split("/")[1:2] not in (["proc"], ["sys"], ["dev"]), "WorkingDir")
    return found


def _names(document, bounds, must):
    name, host_name = document["Name"].removeprefix("/"), document["Config"]["Hostname"]
    must(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,127}", name), f"name {name!r}")
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    must(re.fullmatch(rf"{label}(\.{label})*", host_name) and len(host_name) <= 253, f"host name {host_name!r}")
    must(not re.fullmatch(bounds.reserved, name, re.IGNORECASE), f"name {name}")
    must(not re.fullmatch(bounds.reserved, host_name, re.IGNORECASE), f"host name {host_name}")


def _networks(document, bounds, must):
    host = document["HostConfig"]
    joined = set(document["NetworkSettings"]["Networks"])
    must(joined <= bounds.networks, f"networks {joined}")
    must(":" not in host["NetworkMode"] and host["NetworkMode"] not in ("host", "default"), f"NetworkMode {host['NetworkMode']}")
    for network in document["NetworkSettings"]["Networks"].values():
        must(not network.get("Links") and not network.get("DriverOpts"), "links or driver options of a network")
        must(not (network.get("IPAMConfig") or {}), "a fixed address")
    for bindings in (host["PortBindings"] or {}).values():
        for binding in bindings or []:
            port = int(binding["HostPort"] or 0)
            must(port in bounds.ports, f"host port {port}")
            address = ipaddress.ip_address(binding["HostIp"] or "0.0.0.0")  # empty: every address
            must(address == ipaddress.ip_address(bounds.address), f"host address {address}")


def _mounts(document, bounds, volumes, must):
    for mount in document["Mounts"]:
        source, kind = mount["Source"], mount["Type"]
        if kind == "volume":
            must(mount["Name"] in bounds.volumes, f"volume {mount['Name']}")
            must(mount["Driver"] == "local", f"volume driver {mount['Driver']}")
            options = volumes[mount["Name"]]["Options"]
            must(not options, f"options of volume {mount['Name']}: {options}")
        elif kind == "bind":
            must(posixpath.normpath(source) == source and source not in FORBIDDEN, f"bind of {source}")
            must("docker.sock" not in source, f"bind of {source}")
            parent = posixpath.dirname(source)
            writable = bounds.mounts.get(source, bounds.parents.get(parent))
            must(writable is not None, f"bind of {source}")
            must(writable or not mount["RW"], f"{source} is writable")
            must(mount["Propagation"] in ("rprivate", "private"), f"propagation {mount['Propagation']} of {source}")
        else:
            must(kind == "tmpfs", f"a mount of type {kind}")
    for target, options in (document["HostConfig"].get("Tmpfs") or {}).items():
        words = set(options.split(","))
        must({"noexec", "nosuid", "nodev"} <= words, f"tmpfs {target} {options}")
        sizes = [int(word[5:]) for word in words if word.startswith("size=")]
        must(len(sizes) == 1 and 0 < sizes[0] <= bounds.tmpfs, f"tmpfs {target} {options}")


def _limits(host, bounds, must):
    must(0 < host["Memory"] <= bounds.memory, f"Memory {host['Memory']}")
    must(host["Memory"] <= host["MemorySwap"] <= host["Memory"] + bounds.swap, f"MemorySwap {host['MemorySwap']}")
    must(0 < host["NanoCpus"] <= bounds.cpus * 10**9, f"NanoCpus {host['NanoCpus']}")
    must(0 < (host["PidsLimit"] or 0) <= bounds.pids, f"PidsLimit {host['PidsLimit']}")
    must(0 < host["ShmSize"] <= bounds.shm, f"ShmSize {host['ShmSize']}")
    for limit in host["Ulimits"] or []:
        most = bounds.ulimits.get(limit["Name"])
        must(most is not None and 0 <= limit["Soft"] <= limit["Hard"] <= most, f"Ulimit {limit}")
    log = host["LogConfig"]
    must(log["Type"] in bounds.log_drivers, f"log driver {log['Type']}")
    if log["Type"] in ("json-file", "local"):
        options = log["Config"] or {}
        number, unit = re.fullmatch(r"(\d+)([kmg]?)", options.get("max-size", "1000g")).groups()
        size = int(number) * 1024 ** " kmg".index(unit or " ")
        must(size * int(options.get("max-file", 1)) <= bounds.log_bytes, f"logs {log}")
