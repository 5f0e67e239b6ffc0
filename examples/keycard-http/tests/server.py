"""A server under test: one process with its own store, on a free port."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import httpx
from keycardai_api import KeycardAPI

HERE = Path(__file__).parent
SCHEMA = "2026-02-24"
OLD_SCHEMA = "2025-01-01"
DEPRECATED_SCHEMA = "2025-06-01"


def binary(name: str = "keycard-http") -> str:
    """The path of a program: next to the one in KEYCARD_HTTP, or in cargo's output folder."""
    if given := os.environ.get("KEYCARD_HTTP"):
        return str(Path(given).with_name(name))
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[2] / "target"))
    for built in (target / "release" / name, target / "debug" / name):
        if built.exists():
            return str(built)
    raise SystemExit(f"no {name}: run `cargo build --release -p keycard-http`, or set KEYCARD_HTTP")


def arguments(store: Path, zones: list[str]) -> list[str]:
    schemas = [
        f"{SCHEMA}=active={HERE / 'sample.cedarschema'}",
        f"{DEPRECATED_SCHEMA}=deprecated={HERE / 'sample.json'}",
        f"{OLD_SCHEMA}=archived={HERE / 'sample.cedarschema'}",
    ]
    named = [("--zone", zone) for zone in zones] + [("--schema", schema) for schema in schemas]
    named += [("--default-schema", SCHEMA), ("--platform-token", "root")]
    return ["--store", str(store), *(word for pair in named for word in pair)]


class Server:
    def __init__(self, store: Path, zones: list[str], *more: str, **popen):
        self.store, self.zones, self.more, self.popen = store, zones, more, popen
        self.start()

    def start(self) -> None:
        command = [binary(), "--listen", "127.0.0.1:0", *arguments(self.store, self.zones), *self.more]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **self.popen
        )
        self.stderr: list[str] = []
        self.reader = threading.Thread(target=lambda: self.stderr.extend(self.process.stderr), daemon=True)
        self.reader.start()
        self.ready = self.process.stdout.readline()
        found = re.fullmatch(r"keycard-http: ready on (http://127\.0\.0\.1:(\d+))\n", self.ready)
        if not found:
            self.process.wait(30)
            self.reader.join(30)
            raise AssertionError(f"not ready: {self.ready!r} {self.stderr}")
        self.url, self.port = found[1], int(found[2])

    def stop(self, by: int = signal.SIGTERM) -> str:
        """Stops it and returns its output after it was ready."""
        self.process.send_signal(by)
        assert self.process.wait(60) == 0
        self.reader.join(30)
        assert all("recovered" in line for line in self.stderr), self.stderr
        return self.process.stdout.read()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def connect(self, **options: int) -> socket.socket:
        """A raw connection, with socket options by name."""
        connection = socket.socket()
        connection.settimeout(60)
        for name, value in options.items():
            connection.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def client(self, token: str = "alice") -> KeycardAPI:
        return KeycardAPI(
            base_url=self.url, api_key=token, max_retries=0, timeout=120, _strict_response_validation=True
        )

    def http(self, token: str = "alice") -> httpx.Client:
        """For requests that the client would not send."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=120)


def received(connection: socket.socket) -> bytes:
    """All bytes until the connection ends in any way."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def parsed(answer: bytes) -> httpx.Response:
    """A response from a raw connection."""
    head, _, content = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
    headers = [(name, value) for name, value in headers if name.lower() != "transfer-encoding"]
    return httpx.Response(int(lines[0].split()[1]), headers=headers, content=content)


def refused(response: httpx.Response, status: int, code: str) -> str:
    """Checks that a response is an error of the documented form, and returns its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) - {"findings"} == {"code", "message", "status"}
    assert body.get("findings") != []
    assert (body["code"], body["status"]) == (code, status)
    assert body["message"]
    return body["message"]
