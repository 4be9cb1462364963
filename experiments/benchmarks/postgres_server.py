"""A PostgreSQL server of one's own, in a folder, on a port of this machine alone."""

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

ACCOUNT = "postgres"
"""What runs it where this process is the superuser's, which the server refuses."""


def postgres_programs() -> Path | None:
    """Return the folder of the server's programs, ``None`` where there are none."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places and (places[-1] / "initdb").exists() else None


class PostgresServer:
    """A server that can be killed and started again with what it holds.

    Args:
        folder: Empty; where this process is the superuser's, it becomes the server's, and who runs that must reach it.

    Raises:
        FileNotFoundError: If PostgreSQL is not installed.
    """

    def __init__(self, folder: Path) -> None:
        programs = postgres_programs()
        if programs is None:
            raise FileNotFoundError("expected PostgreSQL's initdb, got none (Debian: apt install postgresql)")
        self.programs, self.folder = programs, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        self._run("initdb", "--auth=trust", "--username=postgres", "--pgdata", str(self.data))

    @property
    def data(self) -> Path:
        """Where its data are."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "-o", settings, "start")

    def kill(self) -> None:
        """End it at once, without writing what it remembers: as a crash."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *words: str) -> None:
        account: Sequence[str] = ["runuser", "-u", ACCOUNT, "--"] if os.geteuid() == 0 else []
        command = [*account, str(self.programs / program), *words]
        # no pipes: the server would inherit and hold them
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=120)  # noqa: S603  fixed words
