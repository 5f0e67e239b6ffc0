"""Signing: every policy set version is created with an attestation that fits the client's model and verifies offline."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

import attested
from conftest import Make
from server import SCHEMA, Server, refused
from test_policy_bundle import TEXT, TYPE, packed

ZONE = "zone-s"


@pytest.fixture
def survives():
    """These tests have their own servers."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("signing")


@pytest.fixture(scope="module")
def server(folder):
    server = Server(folder / "s.redb", [ZONE], "--signing-key", str(folder / "key.jwk"))
    yield server
    server.stop()


@pytest.fixture
def zone():
    return ZONE


@pytest.fixture
def key_id(folder):
    return json.loads((folder / "key.jwk").read_text())["kid"]


def test_a_version_is_created_with_its_attestation(client, http, zone, make, key_id, tmp_path):
    pinned = [make.version() for _ in range(3)]
    policy_set = make.policy_set()
    version = make.set_version(policy_set, *pinned)
    attestation = version.attestation
    assert set(attestation.to_dict()) == attested.MEMBERS
    assert (attestation.status, attestation.attested_by, attestation.key_id) == ("created", "alice", key_id)
    assert (attestation.manifest_sha, attestation.policy_set_id) == (version.manifest_sha, policy_set.id)
    assert (attestation.policy_set_version, attestation.zone_id) == (1, zone)
    assert (attestation.type, attestation.v) == ("policy_set_attestation", 1)
    assert attestation.attested_at <= version.created_at
    where = {"zone_id": zone, "policy_set_id": policy_set.id}
    read = client.zones.policy_sets.versions.retrieve(version.id, **where)
    (listed,) = client.zones.policy_sets.versions.list(policy_set.id, zone_id=zone).items
    activated, second = make.activate(version), make.set_version(policy_set)
    archived = client.zones.policy_sets.versions.archive(second.id, **where)
    assert {it.attestation.to_json() for it in (version, read, listed, activated)} == {attestation.to_json()}
    assert archived.attestation == second.attestation != attestation
    assert [it["policy_set_version"] for it in attested.chain(http, zone, policy_set.id)] == [1, 2]
    offline = attested.verify(http, tmp_path, zone, policy_set.id)
    assert (offline.returncode, offline.stderr) == (0, "")
    assert [line.split(" by ")[0] for line in offline.stdout.splitlines()] == ["version 1: Created", "version 2: Created"]


def test_the_offline_verifier_refuses_what_is_not_so(http, zone, make, tmp_path):
    policy_set, other = make.policy_set(), make.policy_set()
    first, second = make.set_version(policy_set, make.version()), make.set_version(policy_set)
    make.set_version(other)
    versions = attested.versions(http, zone, policy_set.id)
    changed, unsigned = json.loads(json.dumps(versions)), json.loads(json.dumps(versions))
    changed[0]["manifest"]["entries"] = []
    unsigned[1]["attestations"] = []
    renumbered = [versions[0] | {"version": 2}, versions[1] | {"version": 1}]
    for reason, given in [
        ("manifest", {"versions": changed}),
        ("no attestation", {"versions": unsigned}),
        ("every page", {"versions": versions[1:]}),
        ("version", {"versions": renumbered}),
        ("schema", {"schema": attested.SOURCE + b"\n"}),
        ("log", {"log_id": "0" * 32}),
        ("zone", {"zone": "zone-t"}),
        ("policy set", {"policy_set": other.id}),
        ("key", {"keys": {"keys": []}}),
    ]:
        failed = attested.verify(http, tmp_path, zone, policy_set.id, **given)
        assert failed.returncode == 1 and reason in failed.stderr, (reason, failed)
    assert attested.verify(http, tmp_path, zone, policy_set.id).returncode == 0
    assert first.attestation != second.attestation


def test_a_retry_gets_the_same_attestation(client, http, zone, make):
    policy_set = make.policy_set()
    create = lambda name: client.zones.policy_sets.versions.create(
        policy_set.id, zone_id=zone, schema_version=SCHEMA, manifest={"entries": []}, x_client_request_id=name
    )
    first = create("one")
    between = create("two")
    assert create("one") == first and create("two") == between
    client.zones.policy_sets.archive(policy_set.id, zone_id=zone)
    assert create("one") == first
    assert len(attested.chain(http, zone, policy_set.id)) == 2
    url = f"/zones/{zone}/policy-sets/{policy_set.id}/versions"
    other = {"schema_version": "other", "manifest": {"entries": []}}
    response = http.post(url, json=other, headers={"X-Client-Request-ID": "one"})
    refused(response, 409, "request_conflict")


def test_versions_that_are_created_at_one_time_form_one_chain(server, http, zone, make, tmp_path):
    policy_set, version = make.policy_set(), make.version()

    def create(number):
        with server.client(f"user-{number}") as client:
            return Make(client, zone).set_version(policy_set, version).version

    with ThreadPoolExecutor(24) as pool:
        numbers = sorted(pool.map(create, range(48)))
    assert numbers == list(range(1, 49))
    assert [it["policy_set_version"] for it in attested.chain(http, zone, policy_set.id)] == numbers
    assert attested.verify(http, tmp_path, zone, policy_set.id).returncode == 0


def test_a_refused_version_is_not_attested(client, http, zone, make, refuses):
    policy_set = make.policy_set()
    entry = {"policy_id": "none", "policy_version_id": "none"}
    with refuses(404, "not_found"):
        client.zones.policy_sets.versions.create(
            policy_set.id, zone_id=zone, schema_version=SCHEMA, manifest={"entries": [entry]}
        )
    assert attested.versions(http, zone, policy_set.id) == []
    assert make.set_version(policy_set).version == 1


def test_the_version_that_a_bundle_makes_is_attested(server, zone, tmp_path):
    archive = packed({}, {"first": TEXT, "second": TEXT})
    headers = {"Content-Type": TYPE, "X-Client-Request-ID": "bundle"}
    with server.client("bundler") as client, server.http("bundler") as http:
        put = http.put("/policy/bundle", content=archive, headers=headers)
        assert put.status_code == 200
        (policy_set,) = [
            it
            for it in client.zones.policy_sets.list(zone, filter_target_type=["user"], limit=100).items
            if it.target_id == "bundler"
        ]
        (version,) = client.zones.policy_sets.versions.list(policy_set.id, zone_id=zone).items
        assert (version.attestation.status, version.attestation.attested_by) == ("created", "bundler")
        assert len(version.manifest.entries) == 2
        assert http.put("/policy/bundle", content=archive, headers=headers).content == put.content
        # A bundle that is already in force creates no version.
        assert http.put("/policy/bundle", content=put.content, headers={"Content-Type": TYPE}).content == put.content
        assert len(attested.chain(http, zone, policy_set.id)) == 1
        edited = http.put("/policy/bundle", content=packed({}, {"third": TEXT}), headers={"Content-Type": TYPE})
        assert edited.status_code == 200
        stale = {"Content-Type": TYPE, "If-Match": put.headers["etag"]}
        refused(http.put("/policy/bundle", content=packed({}), headers=stale), 412, "precondition_failed")
        matched = {"Content-Type": TYPE, "If-Match": edited.headers["etag"]}
        assert http.put("/policy/bundle", content=packed({}), headers=matched).status_code == 200
        assert [it["policy_set_version"] for it in attested.chain(http, zone, policy_set.id)] == [1, 2, 3]
        assert attested.verify(http, tmp_path, zone, policy_set.id).returncode == 0


def test_bundles_that_come_at_one_time_are_all_attested(server, http, zone):
    """The bundle of one user, while other versions of policies and sets are created."""

    def put(number):
        with server.http("busy") as own:
            archive = packed({}, {f"p-{number}": f"{TEXT} // {number}"})
            return own.put("/policy/bundle", content=archive, headers={"Content-Type": TYPE}).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(put, range(16))) == {200}
    sets = http.get(f"/zones/{zone}/policy-sets?filter[target_type]=user&limit=100").json()["items"]
    (policy_set,) = [it for it in sets if it["target_id"] == "busy"]
    assert [it["policy_set_version"] for it in attested.chain(http, zone, policy_set["id"])] == list(range(1, 17))


def test_the_public_keys_are_anybody_s(server, http, folder, key_id):
    http.headers.pop("Authorization")
    response = http.get("/.well-known/jwks.json")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/jwk-set+json")
    (key,) = response.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"} and key["kid"] == key_id
    secret = json.loads((folder / "key.jwk").read_text())["d"]
    assert secret not in response.text and secret not in (folder / "s.redb.jwks.json").read_text()
    again = http.get("/.well-known/jwks.json", headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.head("/.well-known/jwks.json").headers["etag"] == response.headers["etag"]
    refused(http.post("/.well-known/jwks.json", json={}), 405, "method_not_allowed")
    refused(http.get("/.well-known/jwks.json", headers={"If-Match": "*"}), 400, "invalid_header")
    assert stat.S_IMODE((folder / "key.jwk").stat().st_mode) == 0o600


def test_a_zone_s_log_is_told_to_who_may_read_it(http, zone):
    told = http.get(f"/zones/{zone}/log").json()
    assert (set(told), told["zone_id"], len(told["log_id"])) == ({"zone_id", "log_id"}, zone, 32)
    refused(http.get("/zones/none/log"), 404, "not_found")
    refused(http.get(f"/zones/{zone}/log", headers={"Authorization": "none"}), 401, "unauthorized")
