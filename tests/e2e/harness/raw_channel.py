# SPDX-License-Identifier: Apache-2.0
"""The channel's frames, written from common/messages.hpp by hand and not from its codec, and an
owned front that sends them. Every value may be given as Raw bytes, and texts may break every rule:
an attacker's would."""

import collections
import contextlib
import errno
import json
import os
import select
import socket
import struct
import time

from .paths import BUILD
from .policies import SERVICE
from .service import Service
from .wait import wait_for

RAW_FRONT = BUILD / "tests" / "channel" / "raw_front"
HEADER = struct.Struct("<HBBIQ")
MAGIC, VERSION = 0x4443, 1
MAX_FRAME = 64 * 1024
CREDITS = 8
PEER = "127.0.0.1:40000"

ERRORS = (
    "invalid_request", "privileged_not_allowed", "image_not_allowed", "network_not_allowed", "port_not_allowed",
    "mount_not_allowed", "device_not_allowed", "capability_not_allowed", "limit_exceeded", "quota_exceeded",
    "field_not_allowed", "unauthenticated", "scope_denied", "not_found", "conflict",
    "rate_limited", "overloaded", "internal", "policy_not_enforced", "engine_failure", "engine_unreachable",
    "broker_unreachable", "audit_unavailable", "not_configured", "deadline_exceeded",
)  # fmt: skip


class Raw(bytes):
    """Bytes that stand for a value as they are."""


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        assert self.at + size <= len(self.data), "the frame is too short"
        self.at += size
        return self.data[self.at - size : self.at]


# Types: each encodes a value that is not Raw, decodes one, and knows the value of a field not given.


class Number:
    def __init__(self, code, default=0):
        self.struct = struct.Struct("<" + code)
        self.default = default

    def encode(self, value):
        return self.struct.pack(value)

    def decode(self, reader):
        return self.struct.unpack(reader.take(self.struct.size))[0]


class Text:
    default = ""

    def encode(self, value):
        data = value.encode() if isinstance(value, str) else value
        return U32.encode(len(data)) + data

    def decode(self, reader):
        return reader.take(U32.decode(reader)).decode()


class Blob(Text):
    def decode(self, reader):
        return reader.take(U32.decode(reader))


class Maybe:
    default = None

    def __init__(self, kind):
        self.kind = kind

    def encode(self, value):
        return b"\0" if value is None else b"\1" + encode(self.kind, value)

    def decode(self, reader):
        return self.kind.decode(reader) if U8.decode(reader) else None


class List:
    default = ()

    def __init__(self, kind):
        self.kind = kind

    def encode(self, value):
        return U32.encode(len(value)) + b"".join(encode(self.kind, item) for item in value)

    def decode(self, reader):
        return [self.kind.decode(reader) for _ in range(U32.decode(reader))]


class Record:
    """A value is a tuple of all fields, or a dictionary of those that differ from their defaults."""

    def __init__(self, **fields):
        self.fields = fields
        self.default = {}

    def encode(self, value):
        if not isinstance(value, dict):
            value = dict(zip(self.fields, value, strict=True))
        assert set(value) <= set(self.fields), value
        return b"".join(encode(kind, value.get(name, kind.default)) for name, kind in self.fields.items())

    def decode(self, reader):
        return {name: kind.decode(reader) for name, kind in self.fields.items()}


class Choice:
    """A value is a pair of an alternative's name and its value."""

    default = None

    def __init__(self, **kinds):
        self.kinds = kinds

    def encode(self, value):
        name, content = value
        return U8.encode(list(self.kinds).index(name)) + encode(self.kinds[name], content)

    def decode(self, reader):
        name = list(self.kinds)[U8.decode(reader)]
        return name, self.kinds[name].decode(reader)


def encode(kind, value):
    return value if isinstance(value, Raw) else kind.encode(value)


U8, U16, U32, U64 = Number("B"), Number("H"), Number("I"), Number("Q")
FLAG, ON, TEXT = Number("?", False), Number("?", True), Text()

HANDLE = Record(high=U64, low=U64)
CONTAINER, NETWORK = Record(container=TEXT), Record(network=TEXT)
STOP = Record(container=TEXT, timeout=Number("I", 10))
LOGIN = Record(username=TEXT, password=TEXT, server=Maybe(TEXT))
COMMAND = Choice(
    ListContainers=Record(all=FLAG, names=List(TEXT), labels=List(TEXT), states=List(U8)),
    InspectContainer=CONTAINER,
    RunContainer=Record(
        image=TEXT,
        name=Maybe(TEXT),
        command=List(TEXT),
        entrypoint=List(TEXT),
        environment=List(Record(name=TEXT, value=TEXT)),
        ports=List(Record(container=U16, protocol=U8, host=Maybe(U16))),
        mounts=List(Record(source=TEXT, target=TEXT, read_only=Maybe(FLAG))),
        tmpfs=List(Record(target=TEXT, size=Maybe(U64), mode=Maybe(U32), uid=Maybe(U32), gid=Maybe(U32))),
        devices=List(Record(path=TEXT, read=ON, write=ON)),
        gpus=List(Record(driver=TEXT, count=U32)),
        cap_add=List(U8),
        cap_drop=List(U8),
        ulimits=List(Record(name=U8, soft=U64, hard=U64)),
        network=Maybe(TEXT),
        dns=List(TEXT),
        extra_hosts=List(Record(name=TEXT, address=TEXT)),
        hostname=Maybe(TEXT),
        user=Maybe(TEXT),
        groups=List(TEXT),
        working_dir=Maybe(TEXT),
        labels=List(Record(key=TEXT, value=TEXT)),
        healthcheck=Maybe(
            Record(test=List(TEXT), interval=Maybe(U64), timeout=Maybe(U64), start_period=Maybe(U64), retries=Maybe(U32))
        ),
        stop_signal=Maybe(TEXT),
        stop_timeout=Maybe(U32),
        log=Maybe(Record(driver=U8, max_size=Maybe(U64), max_files=Maybe(U32))),
        pull=U8,
        tty=FLAG,
        stdin_open=FLAG,
        detach=ON,
        auto_remove=FLAG,
        init=FLAG,
        read_only=FLAG,
        restart=Record(kind=U8, retries=U32),
        memory=Maybe(U64),
        memswap=Maybe(U64),
        nano_cpus=Maybe(U64),
        pids=Maybe(U64),
        shm=Maybe(U64),
    ),
    StartContainer=CONTAINER,
    StopContainer=STOP,
    RestartContainer=STOP,
    RemoveContainer=Record(container=TEXT, force=FLAG, volumes=FLAG),
    RenameContainer=Record(container=TEXT, name=TEXT),
    WaitContainer=CONTAINER,
    ReadStats=CONTAINER,
    ReadLogs=Record(
        container=TEXT, follow=FLAG, out=ON, err=ON, timestamps=FLAG, tail=Maybe(U32), since=Maybe(U64), until=Maybe(U64)
    ),
    MeasureDirectory=Record(container=TEXT, path=TEXT, timeout=Number("I", 4000)),
    PullImage=Record(image=TEXT, login=Maybe(LOGIN), id=Maybe(TEXT)),
    ReadPull=Record(id=TEXT, follow=FLAG),
    ListImages=Record(image=Maybe(TEXT), any_tag=FLAG),
    FindImage=Record(image=TEXT),
    RemoveImage=Record(image=TEXT, force=FLAG),
    CreateNetwork=NETWORK,
    ListNetworks=Record(names=List(TEXT)),
    RemoveNetwork=NETWORK,
    ConnectNetwork=Record(network=TEXT, container=TEXT),
    DisconnectNetwork=Record(network=TEXT, container=TEXT, force=FLAG),
    ReadServiceLog=Record(log=U8, tail=Number("I", 500)),
)
TO_BROKER = Choice(
    Hello=Record(pid=U32),
    VerifyToken=Record(token=TEXT, peer=TEXT),
    Submit=Record(handle=HANDLE, peer=TEXT, command=COMMAND),
    Refused=Record(handle=HANDLE, peer=TEXT, operation=U8, code=U8, command=Maybe(COMMAND)),
    Credit=Record(frames=U32),
    Cancel=Record(reserved=U8),
)
LIMIT = Record(standard=U64, max=U64)
PROFILE = Record(
    service=TEXT, scopes=U32, images=List(TEXT), networks=List(TEXT), host_ports=List(Record(first=U16, last=U16)),
    ephemeral_ports=FLAG, port_address=TEXT, restart=List(U8), visible=U8, manage_image_allowed=FLAG,
    memory=LIMIT, nano_cpus=LIMIT, pids=LIMIT, shm=LIMIT, rate=U32,
    mode=U8,
    mounts=List(Record(source=TEXT, name=Maybe(TEXT), target=Maybe(TEXT), writable=FLAG, subdirs=FLAG)),
    volumes=List(TEXT), devices=List(TEXT), exclusive_devices=FLAG,
    gpus=Record(drivers=List(TEXT), count=U32),
    capabilities=Record(base=List(U8), allow=List(U8), all_means=List(U8)),
    ulimits=List(Record(name=U8, soft=U64, hard=U64)), tmpfs=LIMIT, swap=LIMIT, health_interval=U64,
    logs=Record(drivers=List(U8), size=LIMIT, files=LIMIT), dns=List(TEXT),
    extra_hosts=List(Record(name=Maybe(TEXT), address=Maybe(TEXT))), groups=List(TEXT), reserved_names=List(TEXT),
    require_non_root=FLAG, require_read_only=FLAG, adopt=List(Record(name=Maybe(TEXT), image=Maybe(TEXT))),
    quota=Record(containers=U32, memory=U64, nano_cpus=U64, ports=U32, networks=U32, pulls=U32, follows=U32),
)  # fmt: skip
TO_FRONT = Choice(
    Welcome=Record(
        policy_check=FLAG, dev=FLAG, max_connections=U32, max_connections_per_address=U32, hosts=List(TEXT),
        cors_origins=List(TEXT), public_metrics=FLAG,
    ),  # fmt: skip
    PolicyProfile=Record(generation=U64, count=U32, profile=Maybe(PROFILE)),
    EngineStatus=Record(
        engine=U8, disk=U8, policy_stale=FLAG, ping_us=U32, front_starts=U32, breaches=U32, pulls=U32, streams=U32
    ),
    Drain=Record(reserved=U8),
    TokenVerified=Record(handle=HANDLE, service=TEXT, scopes=U32, lifetime=U32),
    Failed=Record(code=U8, detail=TEXT, hint=TEXT),
    Done=Record(reserved=U8),
    ContainerStarted=Record(
        id=TEXT, name=TEXT, port_bindings=Blob(), exit_code=Maybe(U32), logs_size=U32, logs_truncated=FLAG
    ),
    ContainerDocument=Record(image_tags=List(TEXT), size=U32, data=Blob()),
    StreamOpened=Record(tty=FLAG, file=TEXT),
    Chunk=Record(data=Blob()),
)

Frame = collections.namedtuple("Frame", "id last kind body")


def frame(number, kind, body=None, last=0, magic=MAGIC, version=VERSION, reserved=0):
    """One datagram for the broker."""
    return HEADER.pack(magic, version, last, reserved, number) + TO_BROKER.encode((kind, body or {}))


def decode_frame(data):
    """One datagram of the broker's; everything in it must be as the header says."""
    magic, version, last, reserved, number = HEADER.unpack_from(data)
    assert (magic, version, reserved) == (MAGIC, VERSION, 0) and last in (0, 1)
    reader = Reader(data[HEADER.size :])
    kind, body = TO_FRONT.decode(reader)
    assert reader.at == len(reader.data), "bytes are left over"
    if kind == "Failed":
        body["code"] = ERRORS[body["code"]]
    return Frame(number, bool(last), kind, body)


class Channel:
    """One channel to the broker; ids rise by themselves."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.setblocking(True)
        self.last_id = 0
        self.handle = None

    def send(self, data):
        """False when the broker has closed the channel."""
        try:
            self.socket.send(data)
        except OSError as error:
            assert error.errno in (errno.EPIPE, errno.ECONNRESET), error
            return False
        return True

    def receive(self, timeout=10.0, also_status=False):
        """The next frame, leaving out the Engine's state, which comes unasked; None at the channel's end."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self.socket], [], [], left)[0], f"no frame in {timeout} s"
            try:
                data = self.socket.recv(2 * MAX_FRAME)
            except ConnectionResetError:  # closed before it had read all that we sent
                return None
            came = decode_frame(data) if data else None
            if came is None or came.kind != "EngineStatus" or also_status:
                return came

    def is_silent(self, seconds):
        """Whether nothing but the Engine's state comes for so long."""
        try:
            self.receive(seconds)
        except AssertionError:
            return True
        return False

    def next_id(self):
        self.last_id += 1
        return self.last_id

    def greet(self):
        """Hello; returns what came up to the status, the last of the greeting."""
        self.send(frame(0, "Hello", {"pid": os.getpid()}))
        greeting = [self.receive(also_status=True)]
        while greeting[-1] and greeting[-1].kind != "EngineStatus":
            greeting.append(self.receive(also_status=True))
        return greeting

    def verify(self, token):
        """The answer to VerifyToken; a success becomes the handle of what follows."""
        number = self.next_id()
        self.send(frame(number, "VerifyToken", {"token": token, "peer": PEER}))
        answer = self.answer(number)[-1]
        if answer.kind == "TokenVerified":
            self.handle = tuple(answer.body["handle"].values())
        return answer

    def submit(self, command, number=None, **body):
        """Sends a command, a pair of name and fields, and returns its id."""
        number = self.next_id() if number is None else number
        self.send(self.submission(command, number, **body))
        return number

    def submission(self, command, number, **body):
        return frame(number, "Submit", {"handle": self.handle, "peer": PEER, "command": command, **body})

    def answer(self, number, timeout=10.0):
        """The frames of one id up to its last, credit given as they come; those of others are lost."""
        frames = []
        while not frames or not frames[-1].last:
            came = self.receive(timeout)
            assert came, "the channel was closed"
            if came.id != number:
                continue
            frames.append(came)
            if not came.last:
                self.send(frame(number, "Credit", {"frames": 1}))
        return frames

    def ask(self, name, fields=None, timeout=10.0):
        """The last frame of the answer to a command."""
        return self.answer(self.submit((name, fields or {})), timeout)[-1]

    def run(self, **fields):
        return self.ask("RunContainer", {"image": "alpine:3", "command": ["sleep", "1000"], "init": True, **fields})

    def is_over(self, timeout=5.0):
        """Whether the broker closes the channel in time, whatever it still says before."""
        deadline = time.monotonic() + timeout
        with contextlib.suppress(AssertionError):
            while self.receive(max(0.0, deadline - time.monotonic())):
                pass
            return True
        return False

    def close(self):
        self.socket.close()


class OwnedService(Service):
    """A service whose front is an attacker's: whoever calls connect() has its channel."""

    def __init__(self, *arguments, **options):
        settings = {"front_executable": RAW_FRONT, **options.pop("settings", {})}
        super().__init__(*arguments, settings=settings, **options)
        self.channels = []
        self.forgiven = 0

    def start(self, ready=False):
        return super().start(ready)

    def connect(self, service=SERVICE):
        """A new front's channel, greeted, with the service's token verified (None: not even greeted).
        The one before it is closed."""
        if self.breaches > self.forgiven:
            self.forgiven = self.breaches
            self._next_channel().greet()  # a front that behaves ends the back-off
        channel = self._next_channel()
        if service is None:
            self.forgiven = -1  # its end without a greeting counts too
        else:
            assert channel.greet()[0].kind == "Welcome"
            assert channel.verify(self.token(service)).kind == "TokenVerified"
        return channel

    def close(self):
        self._drop_channels()
        if self.process and self.process.poll() is None:
            self.kill_broker()  # SIGTERM would wait for a front that ends when it is told to
        super().close()

    @property
    def audit(self):
        return [json.loads(line) for line in self.audit_file.read_text().splitlines()]

    @property
    def breaches(self):
        """How often the broker has had its front killed for what it sent."""
        return self.audit_file.read_text().count('"channel_breach"') if self.audit_file.exists() else 0

    def _next_channel(self):
        self._drop_channels()
        channel = Channel(wait_for(self._take_channel, 10, "a new front"))
        self.channels.append(channel)
        return channel

    def _drop_channels(self):
        while self.channels:
            self.channels.pop().close()

    def _take_channel(self):
        assert self.process.poll() is None, f"the broker has ended:\n{self.log[-4000:]}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
            door.settimeout(5)
            try:
                door.connect(f"\0docker-control-raw-front.{self.port}")
                descriptors = socket.recv_fds(door, 1, 1)[1]
            except OSError:
                return None
        # A closed one is that of a front that is about to be killed.
        return socket.socket(fileno=descriptors[0]) if descriptors else None
