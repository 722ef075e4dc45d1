# SPDX-License-Identifier: Apache-2.0
"""A root file system of nothing but BusyBox, as a tar archive."""

import io
import shutil
import subprocess
import tarfile

INDEX_PAGE = b"hello from the container\n"


def busybox_archive(marker=b"", programs=None):
    """The archive; another marker makes another image id. programs: scripts that stand in the place
    of applets, None for one that is left out."""
    programs = programs or {}
    program = shutil.which("busybox")
    applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "www", "scratch"):
            _add_directory(archive, name, 0o1777 if name in ("tmp", "scratch") else 0o755)
        archive.add(program, "bin/busybox")
        for applet in applets.stdout.split():
            if applet != "busybox" and applet not in programs:
                _add_link(archive, f"bin/{applet}")
        _add_file(archive, "etc/passwd", b"root:x:0:0::/:/bin/sh\nguest:x:1000:1000::/tmp:/bin/sh\n")
        _add_file(archive, "etc/group", b"root:x:0:\nguest:x:1000:\n")
        _add_file(archive, "www/index.html", INDEX_PAGE)
        _add_file(archive, "etc/marker", marker)
        for name, script in programs.items():
            if script is not None:
                _add_file(archive, f"bin/{name}", script, 0o755)
    return buffer.getvalue()


def _add_directory(archive, name, mode):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def _add_link(archive, name):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
    archive.addfile(entry)


def _add_file(archive, name, content, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
