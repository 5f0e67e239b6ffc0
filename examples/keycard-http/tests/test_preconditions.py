"""ETag, If-Match and If-None-Match; and X-Client-Request-ID, with which a write happens once."""

import uuid

import pytest

from server import SCHEMA, refused


@pytest.fixture
def things(make, zone):
    """The paths of one resource of each kind."""
    version = make.version()
    set_version = make.set_version(make.policy_set(), version)
    policy, policy_set = f"policies/{version.policy_id}", f"policy-sets/{set_version.policy_set_id}"
    paths = [policy, policy_set, f"{policy}/versions/{version.id}", f"{policy_set}/versions/{set_version.id}"]
    return [f"/zones/{zone}/{path}" for path in [*paths, f"policy-schemas/{SCHEMA}"]]


def test_what_the_client_has_already_is_not_sent_again(http, things):
    for path in things:
        first = http.get(path)
        tag = first.headers["etag"]
        for given in (tag, f"W/{tag}", "*", f'"other", {tag}'):
            again = http.get(path, headers={"If-None-Match": given})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert http.head(path, headers={"If-None-Match": given}).status_code == 304
        assert http.get(path, headers={"If-None-Match": '"other"'}).json() == first.json()
        head = http.head(path)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)


def test_a_tag_changes_with_what_it_stands_for(http, client, zone, make):
    version = make.version()
    path = f"/zones/{zone}/policies/{version.policy_id}/versions/{version.id}"
    tags = {http.get(path).headers["etag"], http.get(path, params={"format": "json"}).headers["etag"]}
    archived = http.delete(path)
    assert archived.headers["etag"] == http.get(path).headers["etag"]
    assert len(tags | {archived.headers["etag"]}) == 3


@pytest.mark.parametrize("kind", ["policies", "policy-sets"])
def test_a_write_may_demand_what_its_author_saw(http, zone, kind):
    made = http.post(f"/zones/{zone}/{kind}", json={"name": "first"})
    path, tag = f"/zones/{zone}/{kind}/{made.json()['id']}", made.headers["etag"]
    assert http.get(path).headers["etag"] == tag
    patch = lambda given, body: http.patch(path, json=body, headers={"If-Match": given})
    second = patch(tag, {"name": "second"})
    assert (second.status_code, second.json()["name"]) == (200, "second")
    new = second.headers["etag"]
    assert new != tag
    for given in (tag, f"W/{new}", '"other"', '""', f"{tag}, W/{new}", f'"0{new[1:]}'):
        message = refused(patch(given, {"name": "late"}), 412, "precondition_failed")
        assert "precondition failed" in message
        refused(patch(given, {}), 412, "precondition_failed")
        refused(http.delete(path, headers={"If-Match": given}), 412, "precondition_failed")
    assert patch(new, {}).headers["etag"] == new
    third = patch(f"{tag} ,{new}", {"name": "third"})
    assert (third.status_code, third.json()["name"]) == (200, "third")
    assert patch("*", {"name": "fourth"}).json()["name"] == "fourth"
    for given in ("", "7", '"7', "*, *", '"7" "8"'):
        refused(patch(given, {"name": "odd"}), 400, "invalid_header")
    assert http.delete(path, headers={"If-Match": http.get(path).headers["etag"]}).json()["archived_at"]


def test_the_client_s_if_match_is_honoured(client, zone, make, refuses):
    policy, policy_set = make.policy(), make.policy_set()
    stale = '"0"'
    with refuses(412, "precondition_failed"):
        client.zones.policies.update(policy.id, zone_id=zone, name="late", if_match=stale)
    with refuses(412, "precondition_failed"):
        client.zones.policy_sets.update(policy_set.id, zone_id=zone, name="late", if_match=stale)
    with refuses(412, "precondition_failed"):
        client.zones.policy_sets.archive(policy_set.id, zone_id=zone, if_match=stale)
    raw = client.zones.policy_sets.with_raw_response.retrieve(policy_set.id, zone_id=zone)
    archived = client.zones.policy_sets.archive(policy_set.id, zone_id=zone, if_match=raw.headers["etag"])
    assert archived.archived_at is not None


def test_preconditions_that_cannot_be_compared_are_refused(http, zone, things):
    json = {"name": "n"}
    for path in things:
        refused(http.get(path, headers={"If-Match": '"1"'}), 400, "invalid_header")
    for path in things[2:4]:
        refused(http.delete(path, headers={"If-Match": "*"}), 400, "invalid_header")
    for kind in ("policies", "policy-sets"):
        refused(http.post(f"/zones/{zone}/{kind}", json=json, headers={"If-Match": "*"}), 400, "invalid_header")
        refused(http.post(f"/zones/{zone}/{kind}", json=json, headers={"If-None-Match": "*"}), 400, "invalid_header")
        assert len(http.get(f"/zones/{zone}/{kind}").json()["items"]) == 1


def test_a_request_is_answered_once(client, zone, make, refuses):
    policies, given = client.zones.policies, str(uuid.uuid4())
    first = policies.create(zone, name="once", x_client_request_id=given)
    policies.update(first.id, zone_id=zone, name="later")
    assert policies.create(zone, name="once", x_client_request_id=given) == first
    with refuses(409, "request_conflict"):
        policies.create(zone, name="twice", x_client_request_id=given)
    assert len(policies.list(zone).items) == 1


def test_every_write_is_answered_as_it_was(client, zone, make):
    """Sends each request twice with one id; the second response must not show the change in between."""
    zones, given = client.zones, {"zone_id": zone, "x_client_request_id": "again"}
    version = make.version()
    set_version = make.set_version(make.policy_set(), version)
    policy, policy_set = version.policy_id, set_version.policy_set_id
    entries = {"entries": [{"policy_id": policy, "policy_version_id": version.id}]}
    text = "forbid (principal, action, resource);"
    other = make.set_version(make.policy_set())
    policies, sets, schemas = zones.policies, zones.policy_sets, zones.policy_schemas
    writes = [
        lambda: policies.update(policy, name="a", **given),
        lambda: policies.versions.create(policy, schema_version=SCHEMA, cedar_raw=text, **given),
        lambda: sets.update(policy_set, name="a", **given),
        lambda: sets.versions.create(policy_set, schema_version=SCHEMA, manifest=entries, **given),
        lambda: sets.versions.update(set_version.id, policy_set_id=policy_set, active=True, **given),
        lambda: schemas.set_default("2025-06-01", **given),
        lambda: policies.versions.archive(version.id, policy_id=policy, **given),
        lambda: policies.archive(policy, **given),
    ]
    first = [write() for write in writes]
    make.activate(other)
    sets.update(policy_set, zone_id=zone, name="b")
    schemas.set_default(SCHEMA, zone_id=zone)
    assert [write() for write in writes] == first
    assert sets.retrieve(policy_set, zone_id=zone).name == "b"
    assert len(policies.versions.list(policy, zone_id=zone).items) == 2
    assert not sets.versions.retrieve(set_version.id, zone_id=zone, policy_set_id=policy_set).active


def test_a_request_is_answered_before_anything_else_is_checked(client, zone, make, refuses):
    policy = make.policy()
    raw = client.zones.policies.with_raw_response.retrieve(policy.id, zone_id=zone)
    given = {"zone_id": zone, "if_match": raw.headers["etag"], "x_client_request_id": "renamed"}
    first = client.zones.policies.update(policy.id, name="renamed", **given)
    client.zones.policies.archive(policy.id, zone_id=zone)
    assert client.zones.policies.update(policy.id, name="renamed", **given) == first
    with refuses(409, "request_conflict"):
        client.zones.policies.update(policy.id, zone_id=zone, name="renamed", x_client_request_id="renamed")


def test_what_changed_nothing_or_had_several_tags_is_answered_as_it_was(http, client, zone, make):
    version, other = (make.set_version(make.policy_set()) for _ in range(2))
    path, headers = f"/zones/{zone}/policy-sets/{version.policy_set_id}", {"X-Client-Request-ID": "again"}
    tags = {"If-Match": f'"0", {http.get(path).headers["etag"]}, "1"'}
    writes = [
        lambda: http.patch(path, json={}, headers={"X-Client-Request-ID": "nothing", **tags}),
        lambda: http.patch(path, json={"name": "a"}, headers={**headers, **tags}),
        lambda: http.patch(f"{path}/versions/{version.id}", json={"active": True}, headers=headers),
    ]
    answer = lambda response: (response.status_code, response.text, response.headers.get("etag"))
    first = [answer(write()) for write in writes]
    assert [status for status, *_ in first] == [200, 200, 200]
    make.activate(other)
    client.zones.policy_sets.update(version.policy_set_id, zone_id=zone, name="b")
    client.zones.policy_sets.versions.archive(version.id, zone_id=zone, policy_set_id=version.policy_set_id)
    client.zones.policy_sets.archive(version.policy_set_id, zone_id=zone)
    assert [answer(write()) for write in writes] == first
    # Other tags are another request.
    given = {"X-Client-Request-ID": "nothing", "If-Match": tags["If-Match"] + ', "2"'}
    refused(http.patch(path, json={}, headers=given), 409, "request_conflict")


def test_request_ids_belong_to_an_actor_an_operation_and_a_zone(server, client, zone, zones):
    given = {"x_client_request_id": "shared"}
    with server.client("bob") as bob:
        made = [
            client.zones.policies.create(zone, name="n", **given).id,
            bob.zones.policies.create(zone, name="n", **given).id,
            client.zones.policies.create(next(zones), name="n", **given).id,
            client.zones.policy_sets.create(zone, name="n", **given).id,
        ]
    assert len(set(made)) == 4


@pytest.mark.parametrize("given", ["", "a b", "é".encode(), "x" * 256])
def test_request_ids_are_short_and_visible(http, zone, given):
    headers = {"X-Client-Request-ID": given}
    refused(http.post(f"/zones/{zone}/policies", json={"name": "n"}, headers=headers), 400, "invalid_header")


@pytest.mark.parametrize("given", ["1", "x" * 255, "!~"])
def test_any_other_request_id_is_taken(http, zone, given):
    headers = {"X-Client-Request-ID": given}
    send = lambda: http.post(f"/zones/{zone}/policies", json={"name": "n"}, headers=headers)
    first = send()
    assert first.status_code == 201
    assert send().json() == first.json()
