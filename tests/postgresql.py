"""A PostgreSQL server of its own for the tests: started in a temporary folder, stopped at the end.

The binaries are Debian's; where they are missing and may be installed, they are.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "records"
PASSWORD = "a secret/of:theirs@home"  # noqa: S105 - of a server that ends with the tests
_INSTALL = ("apt-get", "install", "-y", "--no-install-recommends", "postgresql")


class NotAvailable(Exception):
    """There is no PostgreSQL here, and the message says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the system; None: the one that runs the tests."""

    user: int | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Args:
        port: on localhost, where passwords are asked for.
        folder: of its data and its socket, where they are not.
        binaries: the folder of its programs.
        account: the system's user that it runs as.
    """

    port: int
    folder: Path
    binaries: Path
    account: Account

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """The URL of a database, as people would write it."""
        from urllib.parse import quote

        return f"postgresql://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def new_database(self, *options: str) -> str:
        """The URL of a new, empty database."""
        name = f"records_{uuid.uuid4().hex}"
        self.run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", USER, *options, name)
        return self.url(name)

    def sql(self, url: str, statement: str) -> str:
        """What one statement prints, run by the server's own program with all rights there are."""
        database = url.rsplit("/", 1)[-1]
        at = ("-h", str(self.folder), "-p", str(self.port), "-U", USER, "-d", database)
        return self.run("psql", *at, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement)

    def run(self, program: str, *arguments: str) -> str:
        """What a program of PostgreSQL prints."""
        command = [str(self.binaries / program), *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=60,
            user=self.account.user,
            group=self.account.group,
            extra_groups=None if self.account.user is None else [],
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr or done.stdout}")
        return done.stdout


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for as long as this lasts.

    Raises:
        NotAvailable: it cannot be had here.
    """
    binaries = _binaries()
    # Under /tmp, since the path of a socket may have some hundred characters and no more.
    folder = Path(tempfile.mkdtemp(prefix="records-", dir="/tmp"))
    server = Server(_free_port(), folder, binaries, _account(folder))
    data = folder / "data"
    try:
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        shutil.chown(folder / "password", *_owner(folder))
        server.run(
            "initdb", "-D", str(data), "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
            "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={folder / 'password'}",
        )  # fmt: skip
        # Nothing here is to outlive a power cut, and the disk may have other work to do.
        settings = f"-p {server.port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=50 -c fsync=off"
        server.run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield server
        finally:
            server.run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    if found := _newest():
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotAvailable("no PostgreSQL under /usr/lib/postgresql, and nobody here may install it")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(_INSTALL, capture_output=True, text=True, check=False, timeout=600, env=quiet)
    if found := _newest():
        return found
    raise NotAvailable(f"PostgreSQL cannot be installed: {(done.stderr or done.stdout).strip()[-300:]}")


def _newest() -> Path | None:
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in found), key=lambda path: float(path.parent.name), default=None)


def _account(folder: Path) -> Account:
    """As whom to run the server, which refuses to be run by root; the folder is theirs from now on."""
    if os.geteuid() != 0:
        return Account()
    name = next((name for name in ("postgres", "nobody") if _exists(name)), None)
    if name is None:
        raise NotAvailable("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
    entry = pwd.getpwnam(name)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return Account(entry.pw_uid, entry.pw_gid)


def _owner(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_uid, status.st_gid


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
