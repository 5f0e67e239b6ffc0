"""Clients that use as much time and memory as they can: each loses its connection, and others are served."""

import os
import threading
import time
from pathlib import Path

import pytest

from server import SCHEMA, Server, parsed, received, refused

MEGABYTE = 1024 * 1024
HEAD = "HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nContent-Type: application/json\r\n"
POST = f"POST /zones/zone/policies {HEAD}"


@pytest.fixture
def survives():
    """These tests have a server of their own."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("patience") / "p.redb", ["zone"], "--patience", "1")
    yield server
    server.stop()


def dripping(server, start: str, drop: bytes) -> bytes:
    """The response to a client that sends slowly until its connection ends."""
    ended = threading.Event()
    with server.connect() as connection:
        connection.sendall(start.encode())

        def drip():
            while not ended.wait(0.1):
                try:
                    connection.sendall(drop)
                except OSError:
                    break

        dripper = threading.Thread(target=drip)
        dripper.start()
        try:
            return received(connection)
        finally:
            ended.set()
            dripper.join()


@pytest.mark.parametrize("start", ["", "GET /zones/zone/policies HTTP/1.1\r\n", f"GET / {HEAD}\r\nGET / HTTP/1.1\r\n"])
@pytest.mark.parametrize("drop", [b"", b"a"])
def test_a_head_that_does_not_come(server, start, drop):
    answer = dripping(server, start, drop)
    assert answer.count(b"HTTP/1.1 ") == start.count("\r\n\r\n")


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (f"{POST}Content-Length: 1000\r\n\r\n{{", b" "),
        (f"{POST}Content-Length: 1000\r\n\r\n", b""),
        (f"{POST}Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (f"{POST}Transfer-Encoding: chunked\r\n\r\n", b"0"),
        (f"{POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nX: ", b"x"),
    ],
)
def test_a_body_that_does_not_come(server, start, drop):
    answer = parsed(dripping(server, start, drop))
    refused(answer, 408, "request_timeout")
    assert answer.headers["connection"] == "close"


def test_a_body_that_does_not_come_is_not_waited_for_if_it_is_not_wanted(server):
    for token, status in (("none", 401), ("Bearer a", 200)):
        start = f"GET /zones/zone/policies HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 1000\r\n\r\n"
        answer = parsed(dripping(server, start, b"a"))
        assert (answer.status_code, answer.headers["connection"]) == (status, "close")


@pytest.fixture(scope="module")
def large(server):
    """The path of a large response, and its length."""
    with server.http() as http:
        policy = http.post("/zones/zone/policies", json={"name": "large"}).json()["id"]
        path = f"/zones/zone/policies/{policy}/versions"
        # A newline is two characters in JSON.
        version = {"schema_version": SCHEMA, "cedar_raw": "\n" * 65_000 + "permit (principal, action, resource);"}
        for _ in range(100):
            assert http.post(path, json=version).status_code == 201
        length = len(http.get(f"{path}?limit=100").content)
    assert length > 12 * MEGABYTE
    return f"{path}?limit=100", length


@pytest.mark.parametrize("more", ["Connection: close\r\n\r\n", "\r\n", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_an_answer_that_is_not_taken(server, large, more):
    path, length = large
    with server.connect(SO_RCVBUF=4096) as connection:
        connection.sendall(f"GET {path} {HEAD}{more}".encode())
        assert connection.recv(8) == b"HTTP/1.1"
        assert is_kept(server, connection)
        for _ in range(1000):
            if not is_kept(server, connection):
                break
            time.sleep(0.02)
        assert len(received(connection)) < length


def is_kept(server, connection) -> bool:
    """Whether the process still has its end of a connection."""
    port = f":{connection.getsockname()[1]:04X}"
    ends = (line.split() for line in Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()[1:])
    return any(end[2].endswith(port) and end[9] != "0" for end in ends)


def open_files(server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def test_more_connections_than_there_may_be(tmp_path):
    """Others are served when some of them end."""
    server, statuses = Server(tmp_path / "c.redb", ["zone"]), []
    connections = [server.connect() for _ in range(600)]

    def get():
        with server.http() as http:
            statuses.append(http.get("/zones/zone/policies").status_code)

    getter = threading.Thread(target=get)
    getter.start()
    for _ in range(50):
        getter.join(0.02)
    assert 512 < open_files(server) < 550
    assert statuses == []
    for connection in connections[:200]:
        connection.close()
    getter.join()
    assert statuses == [200]
    for connection in connections:
        connection.close()
    server.stop()


def memory(server) -> int:
    """Memory of the process, in bytes."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize(
    ("status", "request_line", "token"),
    [
        (401, "PUT /policy/bundle", "none"),
        (404, "PUT /none", "Bearer a"),
        (405, "POST /policy/bundle", "Bearer a"),
        (400, "PUT /policy/bundle?%ff", "Bearer a"),
        (404, "GET /policy/bundle", "Bearer a"),
        (413, "POST /zones/zone/policies", "Bearer a"),
    ],
)
def test_a_body_that_is_not_wanted_is_not_kept(server, status, request_line, token):
    size = 7 * MEGABYTE
    head = f"{request_line} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: {size}\r\n\r\n"
    before, connections = memory(server), [server.connect() for _ in range(20)]
    try:
        for connection in connections:
            connection.sendall(head.encode() + b"x" * (size - 1))
        assert memory(server) - before < 5 * size
        for connection in connections:
            connection.sendall(b"x")
            assert connection.recv(65536).startswith(b"HTTP/1.1 %d " % status)
    finally:
        for connection in connections:
            connection.close()
