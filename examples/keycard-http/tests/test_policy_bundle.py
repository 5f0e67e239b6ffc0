"""The policy bundle: the calling user's, read, edited, applied and reset."""

import gzip
import hashlib
import io
import itertools
import json
import tarfile

import httpx
import keycardai_api
import pytest

from server import HERE, SCHEMA, Server, refused

TYPE = "application/vnd.keycard.policy-bundle.v1+tar+gzip"
TEXT = "permit (principal, action, resource);"


def members(archive: bytes) -> dict[str, bytes]:
    """The content of an archive, read by Python."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def packed(texts: dict[str, str], new: dict[str, str] | None = None, schema=SCHEMA, **more) -> bytes:
    """An archive written by Python, with policies by id and new policies by name."""
    new = new or {}
    policies = [{"public_id": key} for key in texts] + [{"new_policy": key} for key in new]
    files = {"manifest.json": json.dumps({"schema": {"version": schema}, "policies": policies})}
    files |= {f"policies/{key}.cedar": text for key, text in {**texts, **new}.items()} | more
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue())


@pytest.fixture
def survives():
    """These tests have their own servers, because a server has one zone for bundles."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("bundle") / "b.redb", ["bundles", "other"])
    yield server
    server.stop()


@pytest.fixture
def zone():
    return "bundles"


users = (f"user-{number}" for number in itertools.count())


@pytest.fixture
def user(server):
    """A client of a user without a bundle."""
    with server.client(next(users)) as client:
        yield client


@pytest.fixture
def in_force(make):
    """A policy that is in force for the zone."""
    version = make.version()
    make.activate(make.set_version(make.policy_set(), version))
    return version


def read(client) -> tuple[dict, dict, str]:
    """Manifest, texts by file, and tag of a client's bundle."""
    raw = client.policy_bundle.with_raw_response.retrieve()
    assert raw.headers["content-type"] == TYPE
    found = members(raw.read())
    texts = {name: text.decode() for name, text in found.items() if name.startswith("policies/")}
    return json.loads(found["manifest.json"]), texts, raw.headers["etag"]


def test_nothing_in_force_is_not_found(tmp_path):
    server = Server(tmp_path / "empty.redb", ["zone"])
    with server.client() as client, server.http() as http:
        refused(http.get("/policy/bundle"), 404, "not_bound")
        for tag in ("*", '"x"', f'"{"0" * 64}"', f'"{"0" * 64}", "x", "{"1" * 64}"'):
            response = http.put(
                "/policy/bundle", content=packed({}), headers={"Content-Type": TYPE, "If-Match": tag}
            )
            refused(response, 412, "precondition_failed")
        client.policy_bundle.reset()
        made = read_after_update(client, packed({}, {"first": TEXT}))
        assert [policy["name"] for policy in made["policies"]] == ["first"]
    server.stop()


def read_after_update(client, archive: bytes, **how) -> dict:
    return json.loads(members(client.policy_bundle.update(archive, **how).read())["manifest.json"])


def test_a_user_without_anything_sees_the_zone_s_and_nothing_is_written(server, user, client, in_force):
    before = client.zones.policy_sets.list("bundles", filter_target_type=["zone", "user"], limit=100)
    manifest, texts, tag = read(user)
    assert manifest["schema"] == {
        "version": SCHEMA,
        "sha": hashlib.sha256((HERE / "sample.cedarschema").read_bytes()).hexdigest(),
    }
    assert (manifest["target_type"], manifest["target_id"]) == ("zone", "bundles")
    sha = hashlib.sha256(TEXT.encode()).hexdigest()
    assert [(policy["public_id"], policy["sha"]) for policy in manifest["policies"]] == [(in_force.policy_id, sha)]
    assert texts == {f"policies/{in_force.policy_id}.cedar": TEXT}
    assert read(user)[2] == tag
    assert client.zones.policy_sets.list("bundles", filter_target_type=["zone", "user"], limit=100) == before
    with server.http() as http:
        for given in (tag, f"W/{tag}", "*"):
            again = http.get("/policy/bundle", headers={"If-None-Match": given})
            assert (again.status_code, again.content) == (304, b"")
    with pytest.raises(keycardai_api.APIStatusError) as raised:
        user.policy_bundle.retrieve(if_none_match=tag)
    assert raised.value.status_code == 304


def test_a_bundle_is_edited_applied_and_reset(user, client, in_force):
    manifest, texts, tag = read(user)
    [(file, text)] = texts.items()
    key = in_force.policy_id
    edited = text + '\nforbid (principal, action == Action::"edit", resource);'
    applied = user.policy_bundle.with_raw_response.update(packed({key: edited}, {"night": TEXT}), if_match=tag)
    assert applied.headers["content-type"] == TYPE and applied.headers["etag"] != tag
    manifest, texts, new_tag = read(user)
    assert new_tag == applied.headers["etag"]
    assert manifest["target_type"] == "user" and manifest["target_id"].startswith("user-")
    assert sorted(texts.values()) == sorted([edited, TEXT])
    own = {policy["name"]: policy["public_id"] for policy in manifest["policies"]}
    policies = client.zones.policies
    name = policies.retrieve(key, zone_id="bundles").name
    assert set(own) == {name, "night"} and key not in own.values()
    assert all(policies.retrieve(id, zone_id="bundles").latest_version == 1 for id in [key, *own.values()])
    # The user's edit creates a separate policy, and the zone's policy is unchanged.
    with_zone = client.zones.policies.versions.retrieve(in_force.id, zone_id="bundles", policy_id=key)
    assert with_zone.cedar_raw == text
    # The same again changes nothing, and a stale tag is refused.
    mine = {own[name]: edited, own["night"]: TEXT}
    again = user.policy_bundle.with_raw_response.update(packed(mine), if_match=new_tag)
    assert again.headers["etag"] == new_tag
    with pytest.raises(keycardai_api.APIStatusError) as raised:
        user.policy_bundle.update(packed({key: text}), if_match=tag)
    refused(raised.value.response, 412, "precondition_failed")
    sets = client.zones.policy_sets
    mine = [s for s in sets.list("bundles", filter_target_type=["user"], limit=100).items if s.target_id == manifest["target_id"]]
    assert [(s.active, s.active_version, s.archived_at) for s in mine] == [(True, 1, None)]
    # Afterwards the user sees the zone's again.
    assert user.policy_bundle.reset() is None
    assert user.policy_bundle.reset() is None
    assert read(user)[2] == tag
    archived = sets.retrieve(mine[0].id, zone_id="bundles")
    assert (archived.active, archived.archived_at is not None) == (False, True)


def test_users_have_bundles_of_their_own(server, user, in_force):
    user.policy_bundle.update(packed({}, {"mine": TEXT}))
    with server.client(next(users)) as other:
        assert read(other)[0]["target_type"] == "zone"
        assert read(user)[0]["target_type"] == "user"


def test_a_tag_of_several_may_match(user, in_force):
    tag = read(user)[2]
    stale = f'"{"0" * 64}"'
    user.policy_bundle.update(packed({}, {"a": TEXT}), if_match=f'{stale}, "x", {tag}')
    tag = read(user)[2]
    user.policy_bundle.update(packed({}, {"b": TEXT}), if_match="*")
    for given in (f"{stale}, {tag}", f"W/{read(user)[2]}", '"x"'):
        with pytest.raises(keycardai_api.APIStatusError) as raised:
            user.policy_bundle.update(packed({}), if_match=given)
        refused(raised.value.response, 412, "precondition_failed")


def test_a_put_and_a_reset_happen_once_for_each_request(user, client, in_force):
    archive, given = packed({}, {"once": TEXT}), {"x_client_request_id": "put"}
    put = lambda: user.policy_bundle.with_raw_response.update(archive, if_match=f'"x", {tag}', **given)
    reset = lambda name: user.policy_bundle.reset(x_client_request_id=name)
    # There is nothing to reset yet; a late retry does not reset a later bundle.
    reset("nothing")
    tag = read(user)[2]
    first = put()
    [policy] = json.loads(members(first.read())["manifest.json"])["policies"]
    client.zones.policies.update(policy["public_id"], zone_id="bundles", name="renamed")
    reset("nothing")
    assert read(user)[2] == first.headers["etag"]
    again = put()
    assert (again.read(), again.headers["etag"]) == (first.read(), first.headers["etag"])
    reset("reset")
    user.policy_bundle.update(packed({}, {"more": TEXT}))
    kept = read(user)
    reset("reset")
    again = put()
    assert (again.read(), again.headers["etag"]) == (first.read(), first.headers["etag"])
    # Also with an archived policy, and without a bundle.
    client.zones.policies.archive(policy["public_id"], zone_id="bundles")
    assert put().read() == first.read()
    assert read(user) == kept
    user.policy_bundle.reset()
    assert put().read() == first.read()
    assert read(user)[0]["target_type"] == "zone"


def test_the_same_bundle_again_changes_nothing(user, client, in_force):
    archive = packed({in_force.policy_id: TEXT + "\n"}, {"new": TEXT})
    first = user.policy_bundle.with_raw_response.update(archive)
    before = client.zones.policies.list("bundles", expand=["total_count"]).pagination.total_count
    again = user.policy_bundle.with_raw_response.update(archive)
    assert (again.read(), again.headers["etag"]) == (first.read(), first.headers["etag"])
    assert client.zones.policies.list("bundles", expand=["total_count"]).pagination.total_count == before


def test_what_was_removed_comes_back_with_an_earlier_bundle(user, in_force):
    user.policy_bundle.update(packed({}, {"a": TEXT, "b": TEXT + "\n"}))
    earlier = user.policy_bundle.retrieve().read()
    user.policy_bundle.update(packed({}, {"b": TEXT + "\n"}))
    user.policy_bundle.update(earlier)
    assert sorted(policy["name"] for policy in read(user)[0]["policies"]) == ["a", "b"]


def test_what_is_wrong_is_said_with_the_file(server, user, in_force):
    key = in_force.policy_id
    cases = [
        (packed({key: "permit (principal);"}), 400, "syntax", f"policies/{key}.cedar"),
        (packed({"unknown": TEXT}), 404, "not_found", "unknown"),
        (packed({key: TEXT}, schema="2025-01-01"), 409, "archived", "2025-01-01"),
        (packed({key: TEXT}, schema="none"), 404, "not_found", "none"),
        (packed({key: TEXT}, **{"policies/more.cedar": TEXT}), 400, "bundle_invalid", "policies/more.cedar"),
        (packed({key: TEXT}, **{"../x": TEXT}), 400, "bundle_invalid", "../x"),
        (packed({key: TEXT})[:-9], 400, "bundle_invalid", ""),
        (packed({key: TEXT}) + b"x", 400, "bundle_invalid", ""),
        (b"", 400, "bundle_invalid", ""),
        (b"\x1f\x8b" + b"\0" * 100, 400, "bundle_invalid", ""),
        (gzip.compress(b"\0" * (80 << 20)), 400, "too_large", ""),
    ]
    before = read(user)
    with server.http("user-x") as http:
        for archive, status, code, says in cases:
            response = http.put("/policy/bundle", content=archive, headers={"Content-Type": TYPE})
            assert says in refused(response, status, code)
        for given in ("application/json", "application/gzip", ""):
            response = http.put("/policy/bundle", content=packed({}), headers={"Content-Type": given})
            refused(response, 415, "unsupported_media_type")
        refused(http.post("/policy/bundle", content=b"{}"), 405, "method_not_allowed")
        refused(http.get("/policy/bundle", headers={"If-Match": "*"}), 400, "invalid_header")
        refused(http.delete("/policy/bundle", headers={"If-Match": "*"}), 400, "invalid_header")
    refused(httpx.get(f"{server.url}/policy/bundle"), 401, "unauthorized")
    assert read(user) == before


def test_a_bundle_may_be_larger_than_other_bodies(user, in_force):
    new = {f"large {n}": "// " + f"{n:02}" * 30_000 + "\n" + TEXT for n in range(40)}
    archive = packed({}, new)
    stored = io.BytesIO()
    with gzip.GzipFile(fileobj=stored, mode="wb", compresslevel=0) as file:
        file.write(gzip.decompress(archive))
    assert len(stored.getvalue()) > 2 * 1024 * 1024
    user.policy_bundle.update(stored.getvalue())
    assert sorted(read(user)[1].values()) == sorted(new.values())
