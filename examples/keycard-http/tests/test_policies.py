"""Policies: create, retrieve, update, list, archive."""

import pytest

from server import refused


def test_a_policy_is_created_read_changed_and_archived(client, zone, make):
    created = client.zones.policies.create(zone, name="members read", description="Members may read.")
    assert (created.name, created.description) == ("members read", "Members may read.")
    assert (created.zone_id, created.owner_type, created.created_by) == (zone, "customer", "alice")
    assert created.updated_at == created.created_at
    nothing = ["archived_at", "latest_version", "latest_version_id", "latest_schema_version", "updated_by"]
    assert all(getattr(created, name) is None for name in [*nothing, "created_by_user", "updated_by_user"])
    assert client.zones.policies.retrieve(created.id, zone_id=zone, expand=["user"]) == created

    version = make.version(created)
    latest = client.zones.policies.retrieve(created.id, zone_id=zone)
    assert (latest.latest_version, latest.latest_version_id) == (1, version.id)
    assert latest.latest_schema_version == version.schema_version
    assert latest.updated_at == created.updated_at

    renamed = client.zones.policies.update(created.id, zone_id=zone, name="readers")
    assert (renamed.name, renamed.description, renamed.updated_by) == ("readers", created.description, "alice")
    assert renamed.updated_at > created.updated_at
    assert client.zones.policies.update(created.id, zone_id=zone) == renamed

    archived = client.zones.policies.archive(created.id, zone_id=zone)
    assert archived.archived_at is not None
    assert client.zones.policies.archive(created.id, zone_id=zone) == archived
    assert client.zones.policies.list(zone).items == [archived]


def test_a_description_is_cleared_by_null_and_left_by_absence(client, zone, make):
    policy = make.policy(description="kept")
    assert client.zones.policies.update(policy.id, zone_id=zone, name="other").description == "kept"
    cleared = client.zones.policies.update(policy.id, zone_id=zone, description=None)
    assert (cleared.description, cleared.name) == (None, "other")


def test_an_archived_policy_does_not_change(client, zone, make, refuses):
    policy = make.policy()
    client.zones.policies.archive(policy.id, zone_id=zone)
    with refuses(409, "archived"):
        client.zones.policies.update(policy.id, zone_id=zone, name="late")
    with refuses(409, "archived"):
        make.version(policy)


def test_what_the_platform_made_a_customer_cannot_change(client, root, zone, refuses):
    policy = root.zones.policies.create(zone, name="guard")
    assert (policy.owner_type, policy.created_by) == ("platform", "root")
    with refuses(403, "platform_owned"):
        client.zones.policies.update(policy.id, zone_id=zone, name="mine")
    with refuses(403, "platform_owned"):
        client.zones.policies.archive(policy.id, zone_id=zone)


def test_a_policy_of_another_zone_is_not_there(client, make, zones, refuses):
    policy, other = make.policy(), next(zones)
    with refuses(404, "not_found"):
        client.zones.policies.retrieve(policy.id, zone_id=other)
    with refuses(404, "not_found"):
        client.zones.policies.list("nowhere")
    with refuses(404, "not_found"):
        client.zones.policies.create("nowhere", name="n")


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"name": null}',
        '{"name": 7}',
        '{"name": "a", "name": "b"}',
        '{"name": "a", "description": []}',
        '["a"]',
        '"a"',
        "null",
        "",
        "{",
        '{"name": "a"} {}',
        '{"name": "\\ud800"}',
    ],
)
def test_bodies_of_the_wrong_type_are_refused(http, zone, body):
    json = {"Content-Type": "application/json"}
    refused(http.post(f"/zones/{zone}/policies", content=body, headers=json), 400, "invalid_body")
    assert http.get(f"/zones/{zone}/policies").json()["items"] == []


@pytest.mark.parametrize("name", ["", "a\nb", "a" * 257])
def test_names_have_limits(client, zone, refuses, name):
    with refuses(400, "too_large" if len(name) > 256 else "invalid_input"):
        client.zones.policies.create(zone, name=name)


def test_unknown_members_and_parameters_are_ignored(http, zone):
    made = http.post(f"/zones/{zone}/policies?colour=red", json={"name": "a", "colour": "red"})
    assert made.status_code == 201
    assert "colour" not in made.json()
