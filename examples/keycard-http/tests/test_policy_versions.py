"""Policy versions: create from text and from JSON, retrieve, list, archive."""

import hashlib
import json

import pytest

from server import OLD_SCHEMA, SCHEMA, refused

TWELVE = "\n".join(f'@n("{n}") permit (principal == User::"{n}", action, resource);' for n in range(12))


def test_text_is_kept_verbatim_and_its_statements_in_order(client, zone, make):
    version = make.version(text=TWELVE)
    assert version.cedar_raw == TWELVE
    assert version.sha == hashlib.sha256(TWELVE.encode()).hexdigest()
    assert list(version.cedar_json["staticPolicies"]) == [f"policy{n}" for n in range(12)]
    for n, statement in enumerate(version.cedar_json["staticPolicies"].values()):
        assert statement["annotations"] == {"n": str(n)}
    assert (version.version, version.policy_id, version.zone_id) == (1, version.policy_id, zone)
    assert (version.owner_type, version.created_by, version.schema_version) == ("customer", "alice", SCHEMA)
    read = client.zones.policies.versions.retrieve(
        version.id, zone_id=zone, policy_id=version.policy_id, expand=["user"]
    )
    assert read == version


def test_json_goes_in_and_comes_out_in_the_same_order(client, zone, make):
    statements = make.version(text=TWELVE).cedar_json["staticPolicies"]
    names = [f"s{n}" for n in (7, 3, 11, 0, 10, 5, 1, 9, 2, 8, 4, 6)]
    given = {
        "staticPolicies": {name: statements[f"policy{name[1:]}"] for name in names},
        "templates": {},
        "templateLinks": [],
    }
    version = client.zones.policies.versions.create(
        make.policy().id, zone_id=zone, schema_version=SCHEMA, cedar_json=given
    )
    kept = [statement["annotations"]["id"] for statement in version.cedar_json["staticPolicies"].values()]
    assert kept == names
    lines = [version.cedar_raw.index(f'User::"{name[1:]}"') for name in names]
    assert lines == sorted(lines)


def test_the_stored_json_is_printed_byte_for_byte(http, zone, make):
    version = make.version(text=TWELVE)
    url = f"/zones/{zone}/policies/{version.policy_id}/versions/{version.id}"
    first = http.get(url, params={"format": "json"})
    start = first.text.index('"cedar_json":') + len('"cedar_json":')
    _, end = json.JSONDecoder().raw_decode(first.text, start)
    raw = first.text[start:end]
    assert raw in http.get(f"/zones/{zone}/policies/{version.policy_id}/versions").text
    assert raw.index('"policy2"') < raw.index('"policy10"')


def test_a_format_narrows_what_is_returned(client, zone, make):
    version = make.version()
    where = {"zone_id": zone, "policy_id": version.policy_id}
    versions = client.zones.policies.versions
    text = versions.retrieve(version.id, **where, format="cedar")
    assert (text.cedar_raw, text.cedar_json) == (version.cedar_raw, None)
    form = versions.retrieve(version.id, **where, format="json")
    assert (form.cedar_raw, form.cedar_json) == (None, version.cedar_json)
    assert versions.list(version.policy_id, zone_id=zone, format="cedar").items == [text]
    assert versions.list(version.policy_id, zone_id=zone, format="json").items == [form]


def test_numbers_count_up_and_the_same_content_is_a_new_version(client, zone, make):
    policy = make.policy()
    made = [make.version(policy) for _ in range(3)]
    assert [version.version for version in made] == [1, 2, 3]
    assert len({version.sha for version in made}) == 1
    page = client.zones.policies.versions.list(policy.id, zone_id=zone)
    assert page.items == made[::-1]
    assert (page.pagination.after_cursor, page.pagination.before_cursor) == (None, None)
    assert client.zones.policies.versions.list(policy.id, zone_id=zone, order="asc").items == made


def test_an_archived_version_stays_readable_and_cannot_be_pinned(client, zone, make, refuses):
    version = make.version()
    where = {"zone_id": zone, "policy_id": version.policy_id}
    archived = client.zones.policies.versions.archive(version.id, **where)
    assert archived.archived_by == "alice" and archived.archived_at is not None
    assert client.zones.policies.versions.archive(version.id, **where) == archived
    assert client.zones.policies.versions.retrieve(version.id, **where) == archived
    with refuses(409, "archived"):
        make.set_version(make.policy_set(), version)


def test_a_version_is_found_under_its_own_policy_only(client, zone, make, refuses):
    version, other = make.version(), make.policy()
    for call in (client.zones.policies.versions.retrieve, client.zones.policies.versions.archive):
        with refuses(404, "not_found"):
            call(version.id, zone_id=zone, policy_id=other.id)
        with refuses(404, "not_found"):
            call("no-such-version", zone_id=zone, policy_id=version.policy_id)
    kept = client.zones.policies.versions.retrieve(version.id, zone_id=zone, policy_id=version.policy_id)
    assert kept.archived_at is None


def test_exactly_one_form_is_taken(client, zone, make, refuses):
    policy, versions = make.policy(), client.zones.policies.versions
    with refuses(400, "exactly_one"):
        versions.create(policy.id, zone_id=zone, schema_version=SCHEMA)
    with refuses(400, "exactly_one"):
        versions.create(policy.id, zone_id=zone, schema_version=SCHEMA, cedar_raw="", cedar_json={})
    text = "permit (principal, action, resource);"
    one = versions.create(policy.id, zone_id=zone, schema_version=SCHEMA, cedar_raw=text, cedar_json=None)
    assert one.version == 1


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("permit (principal, action);", 400, "syntax"),
        ("// nothing", 400, "empty_policy"),
        ("permit (principal == ?principal, action, resource);", 400, "template"),
        ('permit (principal, action == Action::"fly", resource);', 400, "policy_validation"),
        ("permit (principal, action, resource) when { " + "(" * 5000 + "true" + ")" * 5000 + " };", 400, "too_deep"),
        ("permit (principal, action, resource);" * 10_000, 400, "too_large"),
        ("permit (principal, action, resource);\n" * 1001, 400, "too_large"),
    ],
)
def test_texts_that_cannot_be_stored_are_refused(make, refuses, text, status, code):
    policy = make.policy()
    with refuses(status, code):
        make.version(policy, text)
    assert make.version(policy).version == 1


def test_the_order_of_a_thousand_statements_is_kept(make):
    text = "\n".join(f'@n("{n}")permit(principal,action,resource);' for n in range(1000))
    statements = make.version(text=text).cedar_json["staticPolicies"].values()
    assert [statement["annotations"]["n"] for statement in statements] == [str(n) for n in range(1000)]


def test_keys_given_twice_in_the_client_s_json_are_seen(http, zone, make):
    policy = make.policy()
    statement = json.dumps(make.version().cedar_json["staticPolicies"]["policy0"])
    given = f'{{"staticPolicies": {{"a": {statement}, "a": {statement}}}, "templates": {{}}, "templateLinks": []}}'
    body = f'{{"schema_version": "{SCHEMA}", "cedar_json": {given}}}'
    response = http.post(
        f"/zones/{zone}/policies/{policy.id}/versions", content=body, headers={"Content-Type": "application/json"}
    )
    assert "a" in refused(response, 400, "json")


def test_schemas_decide_what_is_accepted(client, zone, make, refuses):
    policy, versions = make.policy(), client.zones.policies.versions
    text = "permit (principal, action, resource);"
    for schema, status, code in [(OLD_SCHEMA, 409, "archived"), ("1999-01-01", 404, "not_found")]:
        with refuses(status, code):
            versions.create(policy.id, zone_id=zone, schema_version=schema, cedar_raw=text)
