"""Signing keys over time: created, refused, added later, rotated. Old attestations stay and still verify."""

import json
import os
import stat
import subprocess

import pytest

import attested
from conftest import Make
from server import SCHEMA, Server, arguments, binary
from test_policy_bundle import TEXT, TYPE, packed

ZONE = "zone-k"


@pytest.fixture
def survives():
    """These tests stop their own servers."""


@pytest.fixture
def own(tmp_path):
    """A server without a key, to be started again with one."""
    server = Server(tmp_path / "own.redb", [ZONE])
    yield server
    if server.process.poll() is None:
        server.kill()


def restarted(server, *more):
    server.stop()
    server.more = more
    server.start()
    return server


def signed_by(server, name):
    path = server.store.with_name(name)
    restarted(server, "--signing-key", str(path))
    return json.loads(path.read_text())["kid"]


def kids(http):
    return [key["kid"] for key in http.get("/.well-known/jwks.json").json()["keys"]]


def read(client, version):
    return client.zones.policy_sets.versions.retrieve(version.id, zone_id=ZONE, policy_set_id=version.policy_set_id)


def test_without_a_key_nothing_is_attested_and_there_is_no_file(own):
    with own.client() as client, own.http() as http:
        make = Make(client, ZONE)
        assert make.set_version(make.policy_set()).attestation is None
        assert http.get("/.well-known/jwks.json").json() == {"keys": []}
    own.stop()
    assert {path.name for path in own.store.parent.iterdir()} == {"own.redb"}


def test_what_was_created_without_a_key_is_attested_when_there_is_one(own):
    with own.client() as client:
        make = Make(client, ZONE)
        policy_set = make.policy_set()
        create = lambda client: client.zones.policy_sets.versions.create(
            policy_set.id, zone_id=ZONE, schema_version=SCHEMA, manifest={"entries": []}, x_client_request_id="once"
        )
        first, archived, gone = create(client), make.set_version(policy_set), make.policy_set()
        client.zones.policy_sets.versions.archive(archived.id, zone_id=ZONE, policy_set_id=policy_set.id)
        left = make.set_version(gone)
        client.zones.policy_sets.archive(gone.id, zone_id=ZONE)
    with own.http() as http:
        assert http.put("/policy/bundle", content=packed({}, {"a": TEXT}), headers={"Content-Type": TYPE}).is_success
    kid = signed_by(own, "key.jwk")
    with own.client() as client, own.http() as http:
        attestation = read(client, first).attestation
        assert (attestation.status, attestation.attested_by, attestation.key_id) == ("created", "keycard-http", kid)
        # Versions that can no longer be put in force are not signed again.
        assert (read(client, archived).attestation, read(client, left).attestation) == (None, None)
        (users,) = client.zones.policy_sets.list(ZONE, filter_target_type=["user"]).items
        assert len(attested.chain(http, ZONE, users.id)) == 1
        # A retry gets the first answer, as it was then.
        assert create(client) == first and first.attestation is None
        assert len(attested.chain(http, ZONE, policy_set.id)) == 1
    own.stop()


def test_a_second_key_signs_again_and_the_first_stays(own, tmp_path):
    old = signed_by(own, "old.jwk")
    with own.client() as client:
        make = Make(client, ZONE)
        policy_set, other = make.policy_set(), make.policy_set()
        create = lambda client, name: client.zones.policy_sets.versions.create(
            policy_set.id, zone_id=ZONE, schema_version=SCHEMA, manifest={"entries": []}, x_client_request_id=name
        )
        bound = make.activate(make.set_version(policy_set, make.version()))
        newest, another, archived = create(client, "retried"), make.set_version(other), make.set_version(other)
        client.zones.policy_sets.versions.archive(archived.id, zone_id=ZONE, policy_set_id=other.id)
        before = [read(client, version) for version in (bound, newest, another, archived)]
        assert {version.attestation.key_id for version in before} == {old}
    new = signed_by(own, "new.jwk")
    assert new != old
    with own.client() as client, own.http() as http:
        assert kids(http) == [old, new]
        for version in before[:3]:
            again = read(client, version)
            assert (again.attestation.status, again.attestation.key_id) == ("re_signed", new)
            assert again.attestation.manifest_sha == version.manifest_sha
            assert again.attestation.attested_by == "keycard-http"
            assert again.to_dict() | {"attestation": None, "attestations": None} == version.to_dict() | {
                "attestation": None,
                "attestations": None,
            }
        assert read(client, before[0]).active
        assert read(client, before[3]) == before[3]
        # A retry of a request that the old key signed gets the first answer.
        assert create(client, "retried") == newest
        made = Make(client, ZONE).set_version(policy_set)
        assert (made.attestation.status, made.attestation.key_id) == ("created", new)
        told = [(it["policy_set_version"], it["status"], it["key_id"]) for it in attested.chain(http, ZONE, policy_set.id)]
        assert told == [
            (1, "created", old),
            (2, "created", old),
            (1, "re_signed", new),
            (2, "re_signed", new),
            (3, "created", new),
        ]
        offline = attested.verify(http, tmp_path, ZONE, policy_set.id)
        assert offline.returncode == 0 and len(offline.stdout.splitlines()) == 5, offline
        lost = {"keys": [key for key in http.get("/.well-known/jwks.json").json()["keys"] if key["kid"] == new]}
        assert attested.verify(http, tmp_path, ZONE, policy_set.id, keys=lost).returncode == 1
    # The same key again signs nothing.
    assert signed_by(own, "new.jwk") == new
    with own.http() as http:
        assert (kids(http), len(attested.chain(http, ZONE, policy_set.id))) == ([old, new], 5)
    # The keys are served without a signer too.
    restarted(own)
    with own.client() as client, own.http() as http:
        assert kids(http) == [old, new]
        assert Make(client, ZONE).set_version(policy_set).attestation is None
        assert len(attested.chain(http, ZONE, policy_set.id)) == 5
    # Back to the old key: it signs all versions whose newest attestation is by another key.
    assert signed_by(own, "old.jwk") == old
    with own.http() as http:
        assert kids(http) == [old, new]
        last = [it for it in attested.chain(http, ZONE, policy_set.id)][-4:]
        assert [(it["policy_set_version"], it["key_id"]) for it in last] == [(n, old) for n in (1, 2, 3, 4)]
        assert attested.verify(http, tmp_path, ZONE, policy_set.id).returncode == 0
    own.stop()


def test_many_versions_are_signed_again(own):
    """More than one page of versions, in one set."""
    with own.http() as http:
        made = http.post(f"/zones/{ZONE}/policy-sets", json={"name": "n"}).json()["id"]
        for _ in range(130):
            body = {"schema_version": SCHEMA, "manifest": {"entries": []}}
            assert http.post(f"/zones/{ZONE}/policy-sets/{made}/versions", json=body).status_code == 201
    kid = signed_by(own, "key.jwk")
    with own.http() as http:
        url, items, cursor = f"/zones/{ZONE}/policy-sets/{made}/versions?limit=100&order=asc", [], ""
        while cursor is not None:
            page = http.get(url + cursor).json()
            items += page["items"]
            cursor = page["pagination"]["after_cursor"] and f"&after={page['pagination']['after_cursor']}"
        assert [(it["version"], it["attestation"]["key_id"]) for it in items] == [(n, kid) for n in range(1, 131)]
    own.stop()


def run(store, *words):
    return subprocess.run(
        [binary(), "--listen", "127.0.0.1:0", *arguments(store, [ZONE]), *words], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_key_that_others_can_read_is_refused(own, mode):
    signed_by(own, "key.jwk")
    own.stop()
    key = own.store.with_name("key.jwk")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(mode)
    other = own.store.with_name("new.redb")
    failed = run(other, "--signing-key", str(key))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert str(key) in failed.stderr and "chmod 600" in failed.stderr and f"{mode:04o}" in failed.stderr
    assert json.loads(key.read_text())["d"] not in failed.stderr
    assert stat.S_IMODE(key.stat().st_mode) == mode and not other.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_key_is_made_for_its_owner_whatever_the_umask(tmp_path, umask):
    server = Server(tmp_path / "s.redb", [ZONE], "--signing-key", str(tmp_path / "key.jwk"), umask=umask)
    server.stop()
    assert stat.S_IMODE((tmp_path / "key.jwk").stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"s.redb", "s.redb.jwks.json", "key.jwk"}


@pytest.mark.parametrize("text", ["", "{}", "-----BEGIN PRIVATE KEY-----\n", '{"kty":"oct","k":"AAAA"}', "x" * 300_000])
def test_a_file_that_is_no_key_is_refused_and_kept(tmp_path, text):
    key = tmp_path / "key.jwk"
    key.touch(0o600)
    key.write_text(text)
    failed = run(tmp_path / "s.redb", "--signing-key", str(key))
    assert failed.returncode == 1 and str(key) in failed.stderr and "panicked" not in failed.stderr
    assert key.read_text() == text and not (tmp_path / "s.redb").exists()


def test_what_is_no_file_is_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for words in (["--signing-key", str(pipe)], ["--jwks", str(pipe)], ["--signing-key", str(tmp_path)]):
        failed = run(tmp_path / "s.redb", *words)
        assert failed.returncode == 1 and "not a regular file" in failed.stderr
        assert words[1] in failed.stderr
    failed = run(tmp_path / "s.redb", "--signing-key", str(tmp_path / "none" / "key.jwk"))
    assert failed.returncode == 1 and "none/key.jwk" in failed.stderr


def test_two_keys_with_one_id_are_refused(own):
    signed_by(own, "key.jwk")
    own.stop()
    made, other = own.store.with_name("key.jwk"), own.store.with_name("other.redb")
    second = own.store.with_name("second.jwk")
    assert run(other, "--signing-key", str(second), "--listen", "127.0.0.1").returncode != 0
    server = Server(other, [ZONE], "--signing-key", str(second))
    server.stop()
    renamed = json.loads(second.read_text()) | {"kid": json.loads(made.read_text())["kid"]}
    second.write_text(json.dumps(renamed))
    failed = run(own.store, "--signing-key", str(second))
    assert failed.returncode == 1 and renamed["kid"] in failed.stderr and "own.redb.jwks.json" in failed.stderr
    assert renamed["d"] not in failed.stderr
