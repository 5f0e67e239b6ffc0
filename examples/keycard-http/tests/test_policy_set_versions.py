"""Policy set versions: create, retrieve, list, activate, archive, and list the pinned policy versions."""

import hashlib
import json

import pytest

from server import SCHEMA, refused


def test_a_manifest_is_filled_sorted_and_hashed(client, zone, make):
    pinned = [make.version() for _ in range(3)]
    version = make.set_version(policy_set := make.policy_set(), *reversed(pinned))
    entries = [entry.model_dump() for entry in version.manifest.entries]
    assert entries == sorted(
        ({"policy_id": p.policy_id, "policy_version_id": p.id, "sha": p.sha} for p in pinned),
        key=lambda entry: entry["policy_id"],
    )
    canonical = json.dumps({"entries": entries}, separators=(",", ":"), sort_keys=True)
    assert version.manifest_sha == hashlib.sha256(canonical.encode()).hexdigest()
    assert (version.version, version.active, version.schema_version) == (1, False, SCHEMA)
    where = {"zone_id": zone, "policy_set_id": policy_set.id}
    assert client.zones.policy_sets.versions.retrieve(version.id, **where, expand=["user"]) == version
    assert client.zones.policy_sets.versions.list(policy_set.id, zone_id=zone).items == [version]


def test_activation_replaces_and_rolls_back(client, zone, make):
    one, two = make.set_version(make.policy_set()), make.set_version(make.policy_set())
    read = lambda version: client.zones.policy_sets.versions.retrieve(
        version.id, zone_id=zone, policy_set_id=version.policy_set_id
    )
    assert make.activate(one).active
    assert make.activate(two).active
    assert (read(one).active, read(two).active) == (False, True)
    assert make.activate(one).active
    assert (read(one).active, read(two).active) == (True, False)


def test_what_is_in_force_cannot_be_archived(client, zone, make, refuses):
    policy_set = make.policy_set()
    first, second = make.set_version(policy_set), make.set_version(policy_set)
    make.activate(first)
    where = {"zone_id": zone, "policy_set_id": policy_set.id}
    with refuses(409, "in_force"):
        client.zones.policy_sets.versions.archive(first.id, **where)
    archived = client.zones.policy_sets.versions.archive(second.id, **where)
    assert (archived.archived_by, archived.active) == ("alice", False)
    with refuses(409, "archived"):
        make.activate(second)


def test_the_pinned_policy_versions_are_listed(client, zone, make):
    pinned = [make.version() for _ in range(5)]
    policy_set = make.policy_set()
    version = make.set_version(policy_set, *pinned)
    where = {"zone_id": zone, "policy_set_id": policy_set.id}
    versions = client.zones.policy_sets.versions
    assert versions.list_policies(version.id, **where).items == pinned[::-1]
    assert versions.list_policies(version.id, **where, order="asc").items == pinned
    first = versions.list_policies(version.id, **where, limit=2, order="asc", format="cedar", sort="created_at")
    assert [item.id for item in first.items] == [p.id for p in pinned[:2]]
    assert [item.cedar_json for item in first.items] == [None, None]
    rest = versions.list_policies(version.id, **where, order="asc", after=first.pagination.after_cursor)
    assert rest.items == pinned[2:]


def test_a_version_is_found_under_its_own_set_only(client, zone, make, refuses):
    version, other = make.set_version(make.policy_set()), make.policy_set()
    where = {"zone_id": zone, "policy_set_id": other.id}
    versions = client.zones.policy_sets.versions
    for call in (versions.retrieve, versions.archive, versions.list_policies):
        with refuses(404, "not_found"):
            call(version.id, **where)
    with refuses(404, "not_found"):
        versions.update(version.id, **where, active=True)
    kept = versions.retrieve(version.id, zone_id=zone, policy_set_id=version.policy_set_id)
    assert (kept.archived_at, kept.active) == (None, False)


@pytest.mark.parametrize(
    "body",
    [
        {"schema_version": SCHEMA},
        {"schema_version": SCHEMA, "manifest": None},
        {"schema_version": SCHEMA, "manifest": []},
        {"schema_version": SCHEMA, "manifest": [[]]},
        {"schema_version": SCHEMA, "manifest": {"entries": [["a", "b", None]]}},
        {"schema_version": SCHEMA, "manifest": {"entries": [{"policy_id": "a"}]}},
        {"schema_version": SCHEMA, "manifest": {"entries": [{"policy_id": "a", "policy_version_id": 1}]}},
        {"manifest": {"entries": []}},
    ],
)
def test_manifests_of_the_wrong_type_are_refused(http, zone, make, body):
    url = f"/zones/{zone}/policy-sets/{make.policy_set().id}/versions"
    refused(http.post(url, json=body), 400, "invalid_body")


def test_manifests_that_break_a_rule_are_refused(client, zone, make, refuses):
    policy_set, version, other = make.policy_set(), make.version(), make.version()
    entry = {"policy_id": version.policy_id, "policy_version_id": version.id}
    for entries, status, code in [
        ([{**entry, "sha": "0" * 64}], 400, "wrong_sha"),
        ([{**entry, "sha": "0"}], 400, "invalid_body"),
        ([{**entry, "policy_id": other.policy_id}], 400, "foreign_version"),
        ([entry, entry], 400, "duplicate_policy"),
        ([{**entry, "policy_version_id": "none"}], 404, "not_found"),
        ([entry] * 1001, 400, "too_large"),
    ]:
        with refuses(status, code):
            client.zones.policy_sets.versions.create(
                policy_set.id, zone_id=zone, schema_version=SCHEMA, manifest={"entries": entries}
            )
    right = {**entry, "sha": version.sha}
    made = client.zones.policy_sets.versions.create(
        policy_set.id, zone_id=zone, schema_version=SCHEMA, manifest={"entries": [right]}
    )
    assert made.version == 1


@pytest.mark.parametrize("body", [{}, {"active": False}, {"active": None}, {"active": "true"}])
def test_only_true_activates(http, zone, make, body):
    version = make.set_version(make.policy_set())
    url = f"/zones/{zone}/policy-sets/{version.policy_set_id}/versions/{version.id}"
    refused(http.patch(url, json=body), 400, "invalid_body")
