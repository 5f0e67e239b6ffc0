"""Refusals that a client can act on: encoded bodies, findings as fields, and the status of a small body."""

import gzip
import json

import pytest

from server import SCHEMA, refused
from test_policy_bundle import TYPE, packed

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("gzip", "gzip"), ("x-gzip", "x-gzip"), ("br", "br"), ("deflate, identity", "deflate"), ("zstd", "zstd"), ("none", "none")],
)
def test_an_encoded_body_is_refused_by_the_name_of_its_encoding(http, zone, encoding, named):
    headers = {**JSON, "Content-Encoding": encoding}
    for body in (gzip.compress(b'{"name": "n"}'), b'{"name": "n"}', b""):
        response = http.post(f"/zones/{zone}/policies", content=body, headers=headers)
        assert f"`{named}`" in refused(response, 415, "unsupported_media_type")
        assert response.headers["accept-encoding"] == "identity"
    response = http.put("/policy/bundle", content=packed({}), headers={"Content-Type": TYPE, "Content-Encoding": "gzip"})
    refused(response, 415, "unsupported_media_type")
    assert http.get(f"/zones/{zone}/policies").json()["items"] == []


@pytest.mark.parametrize("encoding", ["identity", "IDENTITY", "", "identity, identity"])
def test_a_body_that_is_not_encoded_may_say_so(http, zone, encoding):
    headers = {**JSON, "Content-Encoding": encoding}
    assert http.post(f"/zones/{zone}/policies", content=b'{"name": "n"}', headers=headers).status_code == 201


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (gzip.compress(b'{"name": "n"}'), "gzip"),
        ('{"name": "n"}'.encode("utf-8-sig"), "byte order mark"),
        ('{"name": "n"}'.encode("utf-16"), "UTF-16"),
        (b"{}", "missing member `name`"),
        (b'{"name": "n", "name": "n"}', "member given twice: `name`"),
        (b"[]", "array, expected an object"),
    ],
)
def test_a_body_that_is_not_the_json_object_expected(http, zone, body, says):
    response = http.post(f"/zones/{zone}/policies", content=body, headers=JSON)
    assert says in refused(response, 400, "invalid_body")


def create(http, zone, policy, text):
    url = f"/zones/{zone}/policies/{policy.id}/versions"
    return http.post(url, json={"schema_version": SCHEMA, "cedar_raw": text})


def test_findings_are_fields_with_their_places(http, zone, make):
    first = "permit (principal, action, resource);\n"
    text = first + "// é\npermit (principal, action == Action::\"fly\", resource);\n"
    response = create(http, zone, make.policy(), text)
    message = refused(response, 400, "policy_validation")
    finding, *more = response.json()["findings"]
    assert set(finding) - {"count"} == {"message", "statement", "line", "column", "offset", "length"}
    assert "fly" in finding["message"] and "fly" in message
    assert (finding["statement"], finding["line"]) == (1, 3)
    offset, length = finding["offset"], finding["length"]
    assert text.encode()[offset : offset + length].decode().strip(";") in text
    assert text.encode()[:offset].decode().count("\n") == finding["line"] - 1
    assert all(isinstance(other["message"], str) for other in more)


def test_a_syntax_error_has_its_place_as_fields(http, zone, make):
    text = "permit (principal, action, resource);\nforbid (principal, action resource);"
    response = create(http, zone, make.policy(), text)
    refused(response, 400, "syntax")
    finding = response.json()["findings"][0]
    assert (finding["line"], finding["column"]) == (2, text.splitlines()[1].index("resource") + 1)
    assert text[finding["offset"] :].startswith("resource")


def test_findings_in_a_bundle_name_their_file(http):
    archive = packed({}, {"bad": 'permit (principal, action == Action::"fly", resource);'})
    response = http.put("/policy/bundle", content=archive, headers={"Content-Type": TYPE})
    refused(response, 400, "policy_validation")
    assert {finding["file"] for finding in response.json()["findings"]} == {"policies/bad.cedar"}


def test_other_errors_have_no_findings(http, zone):
    for response in (
        http.post(f"/zones/{zone}/policies", json={}),
        http.get(f"/zones/{zone}/policies/none"),
        http.post(f"/zones/{zone}/policies", json={"name": "n" * 300}),
    ):
        assert "findings" not in response.json()


def test_a_small_body_is_never_too_large_for_http(http, zone, make):
    """413 asks a client to split its body: for a body over the server's limit, not for a part over the store's."""
    condition = "true" + " && true" * 3000
    texts = [
        "permit (principal, action, resource) when { " + "(" * 5000 + "true" + ")" * 5000 + " };",
        f"permit (principal, action, resource) when {{ {condition} }};",
        "permit (principal, action, resource);" * 3_000,
        "permit (principal, action, resource);\n" * 1001,
    ]
    policy = make.policy()
    statuses = {create(http, zone, policy, text).status_code for text in texts}
    assert 413 not in statuses and 400 in statuses
    deep = json.dumps({"schema_version": SCHEMA, "cedar_json": None})
    deep = deep.replace("null", '{"a":' * 200 + "1" + "}" * 200)
    url = f"/zones/{zone}/policies/{policy.id}/versions"
    assert http.post(url, content=deep, headers=JSON).status_code == 400
    for name in ("n" * 257, "n" * 500_000):
        refused(http.post(f"/zones/{zone}/policies", json={"name": name}), 400, "too_large")
