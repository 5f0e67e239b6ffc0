"""Starting and stopping: on a new store, on the same store again, by signals, and with invalid arguments."""

import contextlib
import random
import signal
import socket
import string
import subprocess
import threading

import httpx
import keycardai_api
import pytest

from conftest import Make
from server import DEPRECATED_SCHEMA, HERE, SCHEMA, Server, arguments, binary
from test_policy_bundle import TYPE, members, packed

ZONES = ["zone-a", "zone-b"]


@pytest.fixture
def survives():
    """These tests stop their own servers."""


@pytest.fixture
def own(tmp_path):
    server = Server(tmp_path / "own.redb", ZONES)
    yield server
    if server.process.poll() is None:
        server.kill()


def everything(client):
    zones = client.zones
    return [
        (
            zones.policies.list(zone),
            zones.policy_schemas.list(zone, format="cedar"),
            [
                (policy_set, zones.policy_sets.versions.list(policy_set.id, zone_id=zone))
                for policy_set in zones.policy_sets.list(zone, filter_target_type=["zone", "user"]).items
            ],
        )
        for zone in ZONES
    ]


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_goes_on_where_it_was(own, by):
    with own.client() as client:
        make = Make(client, "zone-a")
        make.activate(make.set_version(make.policy_set(), make.version()))
        client.zones.policy_schemas.set_default(DEPRECATED_SCHEMA, zone_id="zone-b")
        page = client.zones.policies.list("zone-a", limit=1)
        make.policy()
        cursor = client.zones.policies.list("zone-a", limit=1).pagination.after_cursor
        once = client.zones.policies.create("zone-b", name="once", x_client_request_id="1")
        before = everything(client)
    assert own.stop(by) == ""
    own.start()
    with own.client() as client:
        assert everything(client) == before
        assert client.zones.policies.list("zone-a", limit=1, after=cursor).items == page.items
        assert client.zones.policies.create("zone-b", name="once", x_client_request_id="1") == once
        assert everything(client) == before
    own.stop()


@pytest.mark.parametrize("end", [lambda server: server.stop(), lambda server: server.kill()], ids=["stop", "kill"])
def test_what_was_acknowledged_is_there_after_an_end_in_the_middle(own, end):
    acknowledged, started = [], threading.Semaphore(0)

    def write(number):
        with own.client(f"user-{number}") as client:
            try:
                while True:
                    acknowledged.append(client.zones.policies.create("zone-a", name="n").id)
                    started.release()
            except keycardai_api.APIConnectionError:
                pass

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(40):
        started.acquire()
    end(own)
    for writer in writers:
        writer.join()
    own.start()
    with own.client() as client:
        page = client.zones.policies.list("zone-a", limit=100)
        stored = [policy.id for policy in page.items]
        while page.pagination.after_cursor:
            page = client.zones.policies.list("zone-a", limit=100, after=page.pagination.after_cursor)
            stored += [policy.id for policy in page.items]
        assert set(acknowledged) <= set(stored)
        assert len(acknowledged) >= 40
    own.stop()


def test_connections_that_say_nothing_do_not_keep_it(own):
    with socket.create_connection(("127.0.0.1", own.port)) as silent, httpx.Client(base_url=own.url) as idle:
        silent.sendall(b"POST /zones/zone-a/policies HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert idle.get("/").status_code == 404
        own.stop()


def test_writes_that_wait_do_not_keep_it(own):
    """Each write, running or waiting, is complete in the store or absent."""
    noise = "".join(random.Random(1).choices(string.ascii_letters, k=30_000))
    new = {f"new-{n}": f'@note("{noise}{n}")\npermit (principal, action, resource);' for n in range(200)}
    archive, statuses = packed({}, new), {}

    def put(user):
        with own.http(user) as http, contextlib.suppress(httpx.TransportError):
            answer = http.put("/policy/bundle", content=archive, headers={"Content-Type": TYPE})
            statuses[user] = answer.status_code

    users = [f"user-{n}" for n in range(24)]
    writers = [threading.Thread(target=put, args=(user,)) for user in users]
    for writer in writers:
        writer.start()
    while not statuses:
        assert any(writer.is_alive() for writer in writers)
        writers[0].join(0.01)
    own.process.terminate()
    assert own.process.wait(60) == 0
    for writer in writers:
        writer.join()
    assert set(statuses.values()) == {200}
    own.start()
    for user in users:
        with own.http(user) as http:
            response = http.get("/policy/bundle")
            assert response.status_code == 200 or user not in statuses
            assert response.status_code == 404 or len(members(response.content)) == len(new) + 2
    own.stop()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_before_it_is_ready(tmp_path, by):
    store, zones = tmp_path / "own.redb", [f"zone-{n}" for n in range(3000)]
    command = [binary(), "--listen", "127.0.0.1:0", *arguments(store, zones)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # It listens to signals before it creates anything.
        while not any(tmp_path.iterdir()):
            assert process.poll() is None
        process.send_signal(by)
        assert (process.wait(60), *process.communicate()) == (0, "", "")
    server = Server(store, ZONES)
    with server.client() as client:
        assert client.zones.policies.list("zone-a").items == []
    server.stop()


def test_zones_and_schemas_may_be_added_later(own, tmp_path):
    own.stop()
    own.zones = [*ZONES, "zone-c"]
    own.start()
    with own.client() as client:
        assert client.zones.policies.list("zone-c").items == []
        assert client.zones.policy_schemas.list("zone-c", filter_default=True).items[0].version == SCHEMA
    own.stop()


def run(*words):
    return subprocess.run([binary(), *words], capture_output=True, text=True, timeout=60)


def test_its_help_says_for_whom_it_is():
    help = run("--help")
    assert help.returncode == 0
    assert "loopback" in help.stdout and "authentication" in help.stdout


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_another_address_than_loopback_needs_a_flag(tmp_path, address):
    store = tmp_path / "s.redb"
    refused = run("--listen", address, *arguments(store, ZONES))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--listen-to-everybody" in refused.stderr
    assert not store.exists()
    command = [binary(), "--listen", address, "--listen-to-everybody", *arguments(store, ZONES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("keycard-http: ready on http://")
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--schema", "s=active=/nowhere/s.cedarschema"], "/nowhere/s.cedarschema"),
        (["--schema", f"{SCHEMA}=active={HERE / 'sample.json'}"], "differs from"),
        (["--schema", f"new=active={HERE / 'sample.json'}", "--schema", "new=active={0}"], "new"),
        (["--schema", "2025-01-01=active={0}"], "cannot change from archived to active"),
        (["--schema", "s=retired=file"], "active, deprecated or archived"),
        (["--schema", "s"], "VERSION=STATUS=FILE"),
        (["--zone", "a/b"], "zone id"),
        (["--zone", "new", "--default-schema", "2025-01-01"], "archived"),
        (["--listen", "127.0.0.1"], "--listen"),
        (["--patience", "0"], "--patience"),
    ],
)
def test_arguments_that_cannot_be_leave_no_trace(tmp_path, words, says):
    server = Server(tmp_path / "s.redb", ZONES)
    with server.client() as client:
        before = everything(client)
    server.stop()
    base = ["--store", str(server.store), "--zone", "zone-a"] if "new" in words else arguments(server.store, ZONES)
    words = [word.replace("{0}", str(HERE / "sample.cedarschema")) for word in words]
    if "--listen" not in words:
        words += ["--listen", "127.0.0.1:0"]
    failed = run(*base, *words)
    assert failed.returncode in (1, 2) and failed.stdout == ""
    assert says in failed.stderr and "panicked" not in failed.stderr
    server.start()
    with server.client() as client:
        assert everything(client) == before
        with pytest.raises(keycardai_api.NotFoundError):
            client.zones.policies.list("new")
    server.stop()


def test_one_store_is_served_once(own):
    second = run("--listen", "127.0.0.1:0", *arguments(own.store, ZONES))
    assert second.returncode == 1 and "already open" in second.stderr
    third = run("--listen", f"127.0.0.1:{own.port}", *arguments(own.store.with_name("other.redb"), ZONES))
    assert third.returncode == 1
    with own.client() as client:
        assert client.zones.policies.list("zone-a").items == []
    own.stop()
