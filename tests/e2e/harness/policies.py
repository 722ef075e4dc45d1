# SPDX-License-Identifier: Apache-2.0
"""The policy that most tests run under."""

SERVICE = "tt_studio_backend"

PORTS = range(8003, 8103)

STANDARD = """\
[defaults]
memory = {{default = "256m", max = "16g"}}
cpus   = {{default = 1, max = 8}}
pids   = {{default = 256, max = 4096}}
shm    = {{default = "64m", max = "1g"}}

[service.tt_studio_backend]
scopes   = ["containers:*", "images:*", "networks:*"]
images   = ["ghcr.io/tenstorrent/", "tenstorrent/", "alpine:", "ubuntu:", "python:", "{registry}/library/"]
networks = ["tt_studio_network", "bridge"]
ports    = {{host = ["8003-8102", "7000-7999"], address = "127.0.0.1"}}
restart  = ["on-failure"]
visible  = "all"
manage   = ["owned", "image-allowed"]

[service.tenant_a]
scopes   = ["containers:*"]
images   = ["alpine:"]
networks = ["bridge"]
visible  = "owned"
manage   = ["owned"]

[service.tenant_b]
scopes   = ["containers:*"]
images   = ["alpine:"]
networks = ["bridge"]
visible  = "owned"
manage   = ["owned"]

[service.observer]
scopes   = ["containers:read"]
images   = ["alpine:"]
networks = ["bridge"]
visible  = "all"
manage   = ["owned"]

[service.onlooker]
scopes   = ["containers:*"]
images   = ["tenstorrent/"]
networks = ["bridge"]
visible  = "all"
manage   = ["owned", "image-allowed"]

[service.small]
scopes   = ["containers:*"]
images   = ["alpine:"]
networks = ["bridge"]
memory   = {{default = "32m", max = "64m"}}
cpus     = {{default = 0.5, max = 1}}
pids     = {{default = 16, max = 32}}
shm      = {{default = "8m", max = "16m"}}
visible  = "owned"
manage   = ["owned"]

[service.net_a]
scopes   = ["containers:*", "networks:*"]
images   = ["alpine:"]
networks = ["bridge", "net_one", "net_two"]
visible  = "owned"
manage   = ["owned"]

[service.net_b]
scopes   = ["containers:*", "networks:*"]
images   = ["alpine:"]
networks = ["bridge", "net_one", "net_two"]
visible  = "owned"
manage   = ["owned"]

[service.log_reader]
scopes   = ["service:logs"]

[service.bare]
scopes   = ["containers:*"]
images   = ["alpine:"]
networks = ["bridge"]
"""

# No [defaults] at all: what the programs themselves bring must still be finite.
WITHOUT_LIMITS = """\
[service.tt_studio_backend]
scopes   = ["containers:*"]
images   = ["alpine:"]
networks = ["bridge"]
"""


def standard(registry="127.0.0.1:5000"):
    return STANDARD.format(registry=registry)


def unhurried():
    """The standard policy for measuring: nobody asks too often."""
    return standard().replace("]\nscopes", "]\nrate = 100000\nscopes")
