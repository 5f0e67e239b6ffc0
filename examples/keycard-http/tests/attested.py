"""Verifies attestations twice: here, with RFC 7515 and Python's `cryptography`, and with the store's own offline verifier."""

import base64
import hashlib
import json
import subprocess

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from server import HERE, SCHEMA, binary

SOURCE = (HERE / "sample.cedarschema").read_bytes()
# The members of the client's `AttestationStatement`.
MEMBERS = {
    "attested_at", "attested_by", "key_id", "manifest_sha", "policy_set_id", "policy_set_version", "status", "type", "v",
    "zone_id",
}


def canonical(value) -> bytes:
    """RFC 8785, for strings, whole numbers and null."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def judged(jws: str, keys: dict, version: dict, log_id: str) -> tuple[dict, dict]:
    """Header and statement of a JWS, after checks of its signature and of its content against a version."""
    signed = json.loads(jws)
    assert set(signed) == {"payload", "protected", "signature"}
    header, statement = (json.loads(decoded(signed[part])) for part in ("protected", "payload"))
    (key,) = (key for key in keys["keys"] if key["kid"] == header["kid"])
    assert (key["kty"], key["crv"], key["use"], header["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    public = Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    public.verify(decoded(signed["signature"]), f"{signed['protected']}.{signed['payload']}".encode())
    assert set(statement) == MEMBERS and decoded(signed["payload"]) == canonical(statement)
    assert set(header) == {"alg", "kid", "log_id", "previous_sha", "schema_sha"}
    assert (header["log_id"], header["schema_sha"]) == (log_id, hashlib.sha256(SOURCE).hexdigest())
    assert statement["manifest_sha"] == hashlib.sha256(canonical(version["manifest"])).hexdigest()
    assert statement["key_id"] == header["kid"]
    assert (statement["type"], statement["v"]) == ("policy_set_attestation", 1)
    for name, member in [("zone_id", "zone_id"), ("policy_set_id", "policy_set_id"), ("policy_set_version", "version")]:
        assert statement[name] == version[member]
    return header, statement


def chain(http, zone: str, policy_set: str) -> list[dict]:
    """All statements of a policy set, oldest first, each verified with its place in the chain."""
    keys, log_id = http.get("/.well-known/jwks.json").json(), http.get(f"/zones/{zone}/log").json()["log_id"]
    after = {}
    for version in versions(http, zone, policy_set):
        for jws in version["attestations"]:
            header, statement = judged(jws, keys, version, log_id)
            after[header["previous_sha"]] = (jws, statement)
    statements, previous = [], None
    while previous in after:
        jws, statement = after.pop(previous)
        statements.append(statement)
        previous = hashlib.sha256(jws.encode()).hexdigest()
    assert not after
    return statements


def versions(http, zone: str, policy_set: str) -> list[dict]:
    page = http.get(f"/zones/{zone}/policy-sets/{policy_set}/versions?order=asc&limit=100").json()
    assert page["pagination"]["after_cursor"] is None
    return page["items"]


def verify(http, tmp_path, zone: str, policy_set: str, /, **other) -> subprocess.CompletedProcess:
    """The output of the offline verifier for the server's responses; `other` replaces some of them."""
    given = {
        "keys": http.get("/.well-known/jwks.json").json(),
        "versions": versions(http, zone, policy_set),
        "log_id": http.get(f"/zones/{zone}/log").json()["log_id"],
        "zone": zone,
        "policy_set": policy_set,
        "schema": SOURCE,
        **other,
    }
    (tmp_path / "jwks.json").write_text(json.dumps(given["keys"]))
    (tmp_path / "versions.json").write_text(json.dumps({"items": given["versions"]}))
    (tmp_path / "schema.cedarschema").write_bytes(given["schema"])
    words = ["--jwks", "jwks.json", "--zone", given["zone"], "--log-id", given["log_id"]]
    words += ["--policy-set", given["policy_set"], "--schema", f"{SCHEMA}=schema.cedarschema", "versions.json"]
    return subprocess.run(
        [binary("keycard-verify"), *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
