# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the service manager: `python3 -c AS_A_SERVICE_MANAGER NUMBERS COMMAND...`."""

# Passes the sockets argv[1] on as a service manager does, see sd_listen_fds(3).
AS_A_SERVICE_MANAGER = """
import fcntl, os, sys
numbers = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in sys.argv[1].split(",")]
for place, number in enumerate(numbers, 3):
    os.dup2(number, place)
os.closerange(3 + len(numbers), 256)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)))
os.execv(sys.argv[2], sys.argv[2:])
"""
