"""Policy schemas: retrieve, list, set the default; and their statuses from the command line."""

import pytest

from server import DEPRECATED_SCHEMA, HERE, OLD_SCHEMA, SCHEMA, refused

SOURCE = (HERE / "sample.cedarschema").read_text()


def test_schemas_have_the_statuses_that_were_asked_for(client, zone):
    schemas = client.zones.policy_schemas
    active, old = schemas.retrieve(SCHEMA, zone_id=zone), schemas.retrieve(OLD_SCHEMA, zone_id=zone)
    deprecated = schemas.retrieve(DEPRECATED_SCHEMA, zone_id=zone)
    assert [schema.status for schema in (active, deprecated, old)] == ["active", "deprecated", "archived"]
    assert [schema.is_default for schema in (active, deprecated, old)] == [True, False, False]
    assert active.deprecated_at is None and active.archived_at is None
    assert deprecated.deprecated_at is not None and deprecated.archived_at is None
    assert old.deprecated_at is not None and old.archived_at is not None
    assert schemas.list(zone).items == [old, deprecated, active]
    assert schemas.list(zone, order="asc", sort="created_at").items == [active, deprecated, old]


def test_a_form_is_json_unless_text_is_asked_for(client, zone):
    schemas = client.zones.policy_schemas
    default = schemas.retrieve(SCHEMA, zone_id=zone)
    assert default.cedar_schema is None
    assert set(default.cedar_schema_json[""]["actions"]) == {"view", "edit"}
    assert schemas.retrieve(SCHEMA, zone_id=zone, format="json") == default
    text = schemas.retrieve(SCHEMA, zone_id=zone, format="cedar")
    assert (text.cedar_schema, text.cedar_schema_json) == (SOURCE, None)
    assert schemas.list(zone, format="cedar").items[-1] == text
    assert "entity User" in schemas.retrieve(DEPRECATED_SCHEMA, zone_id=zone, format="cedar").cedar_schema


def test_each_zone_has_one_default(client, zone, zones):
    schemas, other = client.zones.policy_schemas, next(zones)
    chosen = schemas.set_default(DEPRECATED_SCHEMA, zone_id=zone)
    assert (chosen.version, chosen.is_default) == (DEPRECATED_SCHEMA, True)
    defaults = lambda zone: [schema.version for schema in schemas.list(zone).items if schema.is_default]
    assert (defaults(zone), defaults(other)) == ([DEPRECATED_SCHEMA], [SCHEMA])
    assert schemas.set_default(DEPRECATED_SCHEMA, zone_id=zone, body={"anything": 1}).is_default
    assert schemas.set_default(SCHEMA, zone_id=zone, body={}).is_default
    assert defaults(zone) == [SCHEMA]


def test_a_default_is_a_schema_that_is_not_archived(client, zone, refuses):
    for version, status, code in [(OLD_SCHEMA, 409, "archived"), ("none", 404, "not_found")]:
        with refuses(status, code):
            client.zones.policy_schemas.set_default(version, zone_id=zone)
    with refuses(404, "not_found"):
        client.zones.policy_schemas.retrieve("none", zone_id=zone)
    with refuses(404, "not_found"):
        client.zones.policy_schemas.retrieve(SCHEMA, zone_id="nowhere")


@pytest.mark.parametrize("body", ["[]", "null", "{", "1"])
def test_a_body_that_is_not_used_is_still_json(http, zone, body):
    json = {"Content-Type": "application/json"}
    refused(http.patch(f"/zones/{zone}/policy-schemas/{SCHEMA}", content=body, headers=json), 400, "invalid_body")
