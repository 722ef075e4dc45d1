# SPDX-License-Identifier: Apache-2.0
"""Reloads of the policy: all or nothing, whatever the file is, and however often (F17)."""

import os
import signal
import threading
import time

import pytest

from harness import policies, procs
from harness.audit import audit, records
from harness.wait import wait_for

CONFIGURATION_ERROR = 78

GOOD = policies.standard()
# Whatever half of it a reader might find, this must never come into force.
WEAKER = GOOD.replace('images   = ["ghcr', 'images   = ["evil/", "ghcr', 1)
BROKEN = WEAKER + "\n[service.a]\nimagse = []\n"


def syntax_error(path):
    path.write_text(WEAKER + "[service.x\n")


def unknown_key(path):
    path.write_text(BROKEN)


def not_utf8(path):
    path.write_bytes(WEAKER.encode() + b'# \xff\xfe\n')


def huge(path):
    path.write_text(WEAKER + "#" * (1024 * 1024))


def half_written(path):
    path.write_text(WEAKER[: WEAKER.index('scopes   = ["containers:*"]') + 15])


def gone(path):
    path.unlink()


def fifo(path):
    path.unlink()
    os.mkfifo(path, 0o644)


def directory(path):
    path.unlink()
    path.mkdir()


def unreadable(path):
    path.write_text(WEAKER)
    path.chmod(0o600)


def writable_by_all(path):
    path.write_text(WEAKER)
    path.chmod(0o666)


def foreign(path):
    path.write_text(WEAKER)
    os.chown(path, 65534, 65534)


def link_to_foreign(path):
    target = path.with_name("target.toml")
    foreign(target)
    path.unlink()
    path.symlink_to(target)


def device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def dangling(path):
    path.unlink()
    path.symlink_to("/nonexistent")


BAD = [syntax_error, unknown_key, not_utf8, huge, half_written, gone, fifo, directory, unreadable, writable_by_all,
       foreign, link_to_foreign, device, dangling]  # fmt: skip


def verdict(service):
    """(an image that GOOD allows, one that only WEAKER does), by a front that decides nothing."""
    client = service.client()
    return client.run(image="alpine:3").status_code, client.run(image="evil/x").status_code


def refusals(service):
    return [record for record in records(service.audit_file) if record["event"] == "policy_refused"]


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_refused(start_service, spoil):
    """Every bad file is refused as a whole, with the reason in log, audit and health; the old policy
    stays, and a good file mends it all."""
    service = start_service(front_policy_check=False)
    spoil(service.policy_file)
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: refusals(service), what="the refusal")
    assert str(service.policy_file) in refusals(service)[0]["detail"]
    assert "nothing was reloaded" in service.log
    client = service.client()
    wait_for(lambda: client.get("/health").json()["checks"]["policy"]["status"] == "degraded", what="health")
    assert verdict(service) == (200, 400)
    if service.policy_file.is_dir():
        service.policy_file.rmdir()
    else:
        service.policy_file.unlink(missing_ok=True)
    service.reload(GOOD)
    wait_for(lambda: client.get("/health").json()["status"] == "healthy", what="health")


# Root, which starts the service, may read what the broker may not.
@pytest.mark.parametrize("spoil", [spoil for spoil in BAD if spoil is not unreadable], ids=lambda spoil: spoil.__name__)
def test_cold_start(service_maker, spoil):
    """With such a file the service does not start, and says that trying again will not help."""
    service = service_maker()
    spoil(service.policy_file)
    code, log = service.run_to_end()
    assert code == CONFIGURATION_ERROR and str(service.policy_file) in log, log


def test_empty(start_service):
    """An empty policy is a good one that allows nothing."""
    service = start_service(front_policy_check=False)
    service.reload("")
    wait_for(lambda: service.client().get("/containers").status_code == 403, what="the empty policy")
    assert not refusals(service)


def test_link(start_service):
    """A link to a good file is followed: packages and orchestrators place files so."""
    service = start_service(front_policy_check=False)
    target = service.policy_file.with_name("target.toml")
    target.write_text(GOOD.replace('"alpine:", ', "", 1))
    service.policy_file.unlink()
    service.policy_file.symlink_to(target)
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: service.client().run(image="alpine:3").status_code == 400, what="the linked policy")


def resident(pid):
    return int(procs.status(pid)["VmRSS"].split()[0])


def test_storm(start_service, figures):
    """A thousand SIGHUPs within a minute, with the file good, broken or half-written,
    while requests run: no request fails, nothing that the good policy refuses is ever allowed, memory is flat."""
    service = start_service(front_policy_check=False)
    stopping = threading.Event()
    answers = {"allowed": set(), "refused": set()}

    def call(kind, act):
        client = service.client()
        while not stopping.is_set():
            answers[kind].add(act(client).status_code)

    callers = [
        threading.Thread(target=call, args=("allowed", lambda client: client.get("/containers"))),
        threading.Thread(target=call, args=("refused", lambda client: client.run(image="evil/x"))),
    ]
    family = service.pids()
    for caller in callers:
        caller.start()
    try:
        begin = time.monotonic()
        storm(service, 200)
        before = resident(service.broker)
        storm(service, 800)
        took = time.monotonic() - begin
    finally:
        stopping.set()
        for caller in callers:
            caller.join(30)
    assert took < 60
    assert answers == {"allowed": {200}, "refused": {400}}
    assert service.pids() == family
    figures["reload storm: growth of the broker"] = f"{resident(service.broker) - before} KiB"
    assert resident(service.broker) - before < 4096
    service.reload(GOOD)
    wait_for(lambda: service.client().get("/health").json()["status"] == "healthy", what="health")
    assert len(refusals(service)) > 10
    service.terminate()
    assert audit("verify", service.audit_file, "--head", service.directory / "state/audit.head").returncode == 0


def storm(service, count):
    """Signals, each right after a change of the file, and now and then a wait until the broker has come along."""
    fresh = service.policy_file.with_name("fresh.toml")
    for turn in range(count):
        if turn % 3 == 0:
            fresh.write_text(GOOD)
        elif turn % 3 == 1:
            fresh.write_text(BROKEN)
        else:
            fresh.write_text(WEAKER[: turn * 7 % len(WEAKER)] + "[")  # half of it
        fresh.rename(service.policy_file)
        service.process.send_signal(signal.SIGHUP)
        if turn % 10 == 9:
            had = service.log_file.stat().st_size
            service.process.send_signal(signal.SIGHUP)
            wait_for(lambda: service.log_file.stat().st_size > had, what="the reload")  # noqa: B023
