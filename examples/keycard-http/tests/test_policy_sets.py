"""Policy sets: create, retrieve, update, list, archive."""

import pytest

from server import refused


def test_a_set_is_created_unbound_renamed_and_archived(client, zone):
    sets = client.zones.policy_sets
    created = sets.create(zone, name="production")
    assert (created.name, created.target_type, created.scope_type) == ("production", "zone", "zone")
    assert (created.active, created.mode, created.scope_target_id) == (False, None, None)
    assert created.target_id == zone
    assert (created.owner_type, created.created_by, created.updated_by) == ("customer", "alice", None)
    assert sets.retrieve(created.id, zone_id=zone, expand=["user"]) == created
    renamed = sets.update(created.id, zone_id=zone, name="live")
    assert (renamed.name, renamed.updated_by) == ("live", "alice")
    assert sets.update(created.id, zone_id=zone) == renamed
    archived = sets.archive(created.id, zone_id=zone)
    assert archived.archived_at is not None
    assert sets.archive(created.id, zone_id=zone) == archived
    assert sets.list(zone).items == [archived]


def test_a_bound_set_says_what_is_in_force_and_cannot_be_archived(client, zone, make, refuses):
    policy_set = make.policy_set()
    first = make.set_version(policy_set, make.version())
    make.set_version(policy_set)
    make.activate(first)
    bound = client.zones.policy_sets.retrieve(policy_set.id, zone_id=zone)
    assert (bound.active, bound.active_version, bound.active_version_id) == (True, 1, first.id)
    assert (bound.latest_version, bound.mode, bound.shadow_version_id) == (2, "active", None)
    assert (bound.target_id, bound.scope_target_id) == (zone, zone)
    with refuses(409, "in_force"):
        client.zones.policy_sets.archive(policy_set.id, zone_id=zone)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "zone"),
        ({"target_type": "zone"}, "zone"),
        ({"scope_type": "zone"}, "zone"),
        ({"target_type": "zone", "scope_type": "zone"}, "zone"),
        ({"target_type": "user"}, "user"),
    ],
)
def test_the_deprecated_name_of_the_target_is_honoured(make, zone, fields, kind):
    policy_set = make.policy_set(**fields)
    assert (policy_set.target_type, policy_set.scope_type) == (kind, kind)
    assert policy_set.target_id == (zone if kind == "zone" else None)


@pytest.mark.parametrize(
    "fields",
    [
        {"target_type": "user", "scope_type": "zone"},
        {"scope_type": "user"},
        {"target_type": "user", "scope_type": "user"},
        {"target_type": "session"},
        {"target_type": None},
    ],
)
def test_targets_that_disagree_or_are_unknown_are_refused(http, zone, fields):
    refused(http.post(f"/zones/{zone}/policy-sets", json={"name": "n", **fields}), 400, "invalid_body")


def test_a_user_set_without_a_user_cannot_be_put_in_force(client, zone, make, refuses):
    version = make.set_version(make.policy_set(target_type="user"))
    with refuses(409, "wrong_target"):
        make.activate(version)
