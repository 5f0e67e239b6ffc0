"""Hostile requests: each gets an error of the documented form, and the server continues."""

import contextlib
import json
import socket

import httpx
import pytest

from server import SCHEMA, parsed, received, refused

JSON = {"Content-Type": "application/json"}
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/zones",
        "/zones/{z}",
        "/zones/{z}/policies/",
        "/zones//policies",
        "/zones/{z}/policies/a/b",
        "/zones/{z}/policies/a/versions/b/c",
        "/policies",
        "//zones/{z}/policies",
        "/zones/{z}/policies/a%2Fversions",
        "/zones/{z}/policy-sets/a/versions/b/policies/c",
    ],
)
def test_unknown_routes(server, http, zone, path):
    path = path.format(z=zone)
    # An id in a path may be any text, even empty.
    code = "not_found" if "%2F" in path or path == "/zones//policies" else "route_not_found"
    refused(http.get(server.url + path), 404, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "policies"),
        ("DELETE", "policies"),
        ("OPTIONS", "policies"),
        ("TRACE", "policies"),
        ("BREW", "policies"),
        ("POST", "policies/a"),
        ("PATCH", "policies/a/versions/b"),
        ("POST", "policy-schemas"),
        ("DELETE", "policy-schemas/a"),
        ("POST", "policy-sets/a/versions/b/policies"),
    ],
)
def test_unknown_methods(http, zone, method, path):
    response = http.request(method, f"/zones/{zone}/{path}")
    refused(response, 405, "method_not_allowed")
    assert "GET" in response.headers["allow"]


def test_head_is_get_without_a_body(http, zone):
    for path, status in [(f"/zones/{zone}/policies", 200), ("/zones/none/policies", 404), ("/none", 404)]:
        response = http.head(path)
        assert (response.status_code, response.content) == (status, b"")
        assert int(response.headers["content-length"]) == len(http.get(path).content)


@pytest.mark.parametrize(
    "given",
    [None, "", "alice", "Basic YTpi", "Bearer", b"Bearer \xff", "Bearer\talice", "Bearertoken"],
)
def test_without_a_bearer_nothing_is_answered(server, zone, given):
    headers = {} if given is None else {"Authorization": given}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        for response in (client.get(f"/zones/{zone}/policies"), client.post(f"/zones/{zone}/policies", json={})):
            refused(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
    twice = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
    refused(httpx.get(f"{server.url}/zones/{zone}/policies", headers=twice), 401, "unauthorized")
    for spaces in (" ", "   "):
        response = raw(server, f"GET /zones/{zone}/policies HTTP/1.1\r\nAuthorization: Bearer{spaces}")
        refused(response, 401, "unauthorized")


def test_a_token_is_the_actor_as_it_stands(server, zone, refuses):
    for scheme in ("bearer", "BEARER", "Bearer "):
        with httpx.Client(base_url=server.url, headers={"Authorization": f"{scheme} a.b-c~d=="}) as client:
            made = client.post(f"/zones/{zone}/policies", json={"name": "n"})
            assert made.json()["created_by"] == "a.b-c~d=="
    for impossible in ("x" * 257, "a\tb"):
        with server.client(impossible) as client, refuses(401, "unauthorized"):
            client.zones.policies.list(zone)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MEGABYTE,
        b'{"name":' * 100_000,
        b'{"a":' + b"[" * (MEGABYTE - 10),
        b'{"name": "\xff\xfe"}',
        b'{"name": "\x00"}',
        b"\xef\xbb\xbf{}",
        b'{"name": 1e999999}',
        b'{"name"' + b" " * 1000 + b"}",
        b"\x00" * 1000,
        b'{"schema_version": "' + SCHEMA.encode() + b'", "cedar_json": ' + b"[" * 500_000 + b"]" * 500_000 + b"1}",
    ],
)
@pytest.mark.parametrize("path", ["policies", "policy-sets", "policies/{p}/versions", "policy-sets/{s}/versions"])
def test_bodies_that_are_no_object(http, zone, make, path, body):
    path = path.format(p=make.policy().id, s=make.policy_set().id)
    refused(http.post(f"/zones/{zone}/{path}", content=body, headers=JSON), 400, "invalid_body")


@pytest.mark.parametrize("brackets", [100, 127, 128, 200, 5_000, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_json_is_refused_by_the_store(http, zone, make, brackets, opening):
    closing = "]" if opening == "[" else "}"
    deep = opening * brackets + "0" + closing * brackets
    for form in (deep, f'{{"staticPolicies": {deep}, "templates": {{}}, "templateLinks": []}}'):
        body = f'{{"schema_version": "{SCHEMA}", "cedar_json": {form}}}'
        response = http.post(f"/zones/{zone}/policies/{make.policy().id}/versions", content=body, headers=JSON)
        assert response.status_code == 400
        refused(response, response.status_code, response.json()["code"])


@pytest.mark.parametrize(
    "text",
    [
        "permit (principal, action, resource) when { " + "!" * 20_000 + "true };",
        "permit (principal, action, resource) when { " + "-" * 20_000 + "1 == 1 };",
        "permit (principal, action, resource) when { " + "[" * 20_000 + "]" * 20_000 + " == [] };",
        "permit (principal, action, resource) when { principal" + ".a" * 10_000 + " };",
        "permit (principal, action, resource) when { " + " || ".join(["true"] * 8_000) + " };",
        "permit (principal, action, resource) when { " + "if true then " * 4_000 + " };",
        "@a" * 20_000,
        "\u202e" * 1_000,
        "permit (principal, action, resource);\0",
        '"' + "\\" * 60_000,
        "//" + "é" * 60_000,
    ],
)
def test_texts_that_are_meant_to_break_a_parser(http, zone, make, text):
    response = http.post(
        f"/zones/{zone}/policies/{make.policy().id}/versions", json={"schema_version": SCHEMA, "cedar_raw": text}
    )
    assert response.status_code in (201, 400), response.text
    assert len(response.content) < 4 * MEGABYTE


@pytest.mark.parametrize("given", [None, "", "text/plain", "application/jsonp", "json", "application/x-www-form-urlencoded", b"\xff"])
def test_bodies_of_another_type(http, zone, given):
    headers = {} if given is None else {"Content-Type": given}
    response = http.post(f"/zones/{zone}/policies", content=b'{"name": "n"}', headers=headers)
    refused(response, 415, "unsupported_media_type")


def test_bodies_over_the_limit(http, zone):
    json = b'{"name": "n", "more": "' + b"x" * MEGABYTE + b'"}'
    for size in (len(json), 5 * MEGABYTE, 20 * MEGABYTE):
        body = json + b" " * (size - len(json))
        if size < 9 * MEGABYTE:
            refused(http.post(f"/zones/{zone}/policies", content=body, headers=JSON), 413, "payload_too_large")
            chunks = (body[at : at + 65536] for at in range(0, size, 65536))
            refused(http.post(f"/zones/{zone}/policies", content=chunks, headers=JSON), 413, "payload_too_large")
            refused(http.post("/none", content=body, headers=JSON), 404, "route_not_found")
    just = b'{"name": "n", "more": "' + b"x" * (MEGABYTE - 25) + b'"}'
    assert len(just) == MEGABYTE
    for body in (just, iter([just])):
        assert http.post(f"/zones/{zone}/policies", content=body, headers=JSON).status_code == 201


def test_a_client_that_is_still_sending_sees_the_answer(server, zone):
    """The client writes everything before it reads, and is not interrupted."""
    body = b" " * (8 * MEGABYTE)
    for token, framing, status in [
        ("Bearer a", f"Content-Length: {len(body)}", b"413"),
        ("Bearer a", "Transfer-Encoding: chunked", b"413"),
        ("none", f"Content-Length: {len(body)}", b"401"),
    ]:
        head = f"POST /zones/{zone}/policies HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n{framing}\r\n\r\n"
        chunked = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        with server.connect() as connection:
            connection.sendall(head.encode() + (chunked if "chunked" in framing else body))
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 " + status) and b"connection: close" not in answer


def test_a_body_that_is_not_read_ends_the_connection_with_notice(server, zone):
    for framing in ("Content-Length: 99999999999", "Transfer-Encoding: chunked"):
        for token in ("Bearer a", "none"):
            head = f"POST /zones/{zone}/policies HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n{framing}\r\n\r\nzz\r\n"
            with server.connect() as connection:
                connection.sendall(head.encode())
                assert b"\r\nconnection: close\r\n" in connection.recv(65536).lower()


def test_a_refusal_leaves_the_connection_open(server, http, zone):
    """The next request does not use a connection that is closing."""
    body = b'{"name": "' + b"x" * 500_000 + b'"}'
    with server.connect() as connection:
        for _ in range(20):
            head = f"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 404 ") and b"connection: close" not in answer.lower()


ODD_IDS = ["%00", "%2F", "..%2f..", "%25", "%20", "a" * 5_000, "%F0%9F%A6%80", ".", "*", "%3F", "a;b", "%C0%AE%0A", "a%00b"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_are_not_there(server, http, zone, odd):
    paths = [
        f"/zones/{odd}/policies",
        f"/zones/{zone}/policies/{odd}",
        f"/zones/{zone}/policies/{odd}/versions",
        f"/zones/{zone}/policies/x/versions/{odd}",
        f"/zones/{zone}/policy-sets/{odd}/versions/{odd}/policies",
        f"/zones/{zone}/policy-schemas/{odd}",
    ]
    for path in paths:
        response = raw(server, f"GET {path} HTTP/1.1\r\nAuthorization: Bearer a")
        if "%C0" in odd:
            refused(response, 400, "invalid_path")
        else:
            assert len(refused(response, 404, "not_found")) < 500


def raw(server, head: str | bytes, body: bytes = b"", close: bool = False) -> httpx.Response:
    """Sends bytes as they are, and reads the answer until the connection ends."""
    head = head if isinstance(head, bytes) else head.encode("latin-1")
    with server.connect() as connection:
        connection.sendall(head + b"\r\nHost: x\r\nConnection: close\r\n\r\n" + body)
        if close:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        return parsed(received(connection))


def test_bodies_that_break_off(server, zone):
    head = f"POST /zones/{zone}/policies HTTP/1.1\r\nAuthorization: Bearer a\r\nContent-Type: application/json\r\n"
    for framing, body in [
        ("Content-Length: 100", b'{"name": "n"}'),
        ("Content-Length: 99999999999999", b'{"name": "n"}'),
        ("Transfer-Encoding: chunked", b"5\r\n{"),
        ("Transfer-Encoding: chunked", b"zz\r\n{"),
    ]:
        response = raw(server, head + framing, body, close=True)
        if "999" in framing:
            refused(response, 413, "payload_too_large")
        else:
            refused(response, 400, "invalid_body")
    with server.client() as client:
        assert client.zones.policies.list(zone).items == []


@pytest.mark.parametrize(
    "head",
    [
        "NONSENSE",
        "GET / HTTP/9.9",
        "GET /\x00 HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET http://[ HTTP/1.1",
        "GET /zones/a/policies HTTP/1.1\r\nContent-Length: -1",
        "GET /zones/a/policies HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2",
        "GET /zones/a/policies HTTP/1.1\r\nContent-Length: 18446744073709551616",
        "POST /zones/a/policies HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        "GET /" + "a" * 70_000 + " HTTP/1.1",
        "GET / HTTP/1.1\r\nX: " + "a" * 1_000_000,
        "GET / HTTP/1.1\r\n" + "\r\n".join(f"X-{n}: a" for n in range(300)),
        "GET / HTTP/1.1\r\n: a",
        "PRI * HTTP/2.0",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_is_refused_below_the_routes(server, head):
    response = raw(server, head, close=True)
    assert 400 <= response.status_code < 500


def test_a_hundred_clients_that_break_off(server, zone):
    head = f"POST /zones/{zone}/policies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nContent-Length: 999\r\n\r\n{{"
    for _ in range(100):
        connection = server.connect()
        connection.sendall(head.encode())
        connection.close()
    with server.client() as client:
        assert client.zones.policies.list(zone).items == []


def test_long_queries_and_headers(http, zone):
    assert http.get(f"/zones/{zone}/policies?" + "&".join(["a=b"] * 8_000)).status_code == 200
    assert len(refused(http.get(f"/zones/{zone}/policies?sort=" + "x" * 30_000), 400, "invalid_query")) < 500
    many = ",".join(f'"{n}"' for n in range(7_000))
    policy = http.post(f"/zones/{zone}/policies", json={"name": "n"}).json()["id"]
    assert http.get(f"/zones/{zone}/policies/{policy}", headers={"If-None-Match": many}).status_code in (200, 304)
    assert http.patch(f"/zones/{zone}/policies/{policy}", headers={"If-Match": many}, json={}).status_code == 200


@pytest.mark.parametrize("path", ["/zones/{z}/policies", "/none"])
def test_heads_that_are_too_large(http, zone, path):
    path = path.format(z=zone)
    for size in (33_000, 65_000):
        refused(http.get(f"{path}?a=" + "x" * size), 414, "uri_too_long")
    for headers in ({f"X-{n}": "x" for n in range(100)}, {"X": "x" * 66_000}, {"X": "x" * 400_000}):
        refused(http.get(path, headers=headers), 431, "headers_too_large")
        refused(http.post(path, headers=headers, content=b"x" * 500_000), 431, "headers_too_large")


def test_a_part_that_is_too_large_is_not_a_body_that_is(http, zone):
    for query in ("query=" + "q" * 5_000, "&".join(f"query=q{n}" for n in range(101)), "after=" + "0" * 300):
        refused(http.get(f"/zones/{zone}/policies?{query}"), 400, "too_large")
    refused(http.post(f"/zones/{zone}/policies", json={"name": "n" * 300}), 400, "too_large")


def test_a_body_is_for_methods_that_have_one(server, http, zone):
    """The bodies of other methods are discarded."""
    for method, path, status in [("GET", "policies", 200), ("DELETE", "policies/none", 404)]:
        for size in (1, 2 * MEGABYTE):
            response = http.request(method, f"/zones/{zone}/{path}", content=b"[" * size, headers=JSON)
            assert response.status_code == status
            assert "connection" not in response.headers


def test_a_body_is_asked_for_when_all_else_is_well(server, zone):
    body = b'{"name": "n"}'
    head = "POST /zones/{z}/{kind} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Type: application/json"
    head += "\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n"
    for status, kind, token, size in [
        (404, "none", "Bearer a", len(body)),
        (401, "policies", "none", len(body)),
        (400, "policies?a=%ff", "Bearer a", len(body)),
        (413, "policies", "Bearer a", 2 * MEGABYTE),
    ]:
        with server.connect() as connection:
            connection.sendall(head.format(z=zone, kind=kind, token=token, size=size).encode())
            response = parsed(received(connection))
            refused(response, status, response.json()["code"])
            assert response.headers["connection"] == "close"
    with server.connect() as connection:
        connection.sendall(head.format(z=zone, kind="policies", token="Bearer a", size=len(body)).encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_a_client_may_end_its_side_and_send_requests_ahead(server, zone):
    head = f"POST /zones/{zone}/policies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nContent-Type: application/json"
    chunked = "Transfer-Encoding: chunked\r\n\r\nd;x=y\r\n{\"name\": \"n\"}\r\n0\r\nX: trailer\r\n\r\n"
    whole = 'Content-Length: 13\r\n\r\n{"name": "n"}'
    with server.connect() as connection:
        connection.sendall("".join(f"{head}\r\n{body}" for body in (whole, chunked, whole, chunked)).encode())
        connection.shutdown(socket.SHUT_WR)
        assert received(connection).count(b"HTTP/1.1 201 Created\r\n") == 4


def test_a_path_may_be_spelled_in_two_ways(http, zone):
    """Both spellings are the same request, with the same ids."""
    spelled = f"/zones/{zone.replace('z', '%7a')}/policies"
    given = {"X-Client-Request-ID": "spelled"}
    first = http.post(f"/zones/{zone}/policies", json={"name": "n"}, headers=given)
    assert http.post(spelled, json={"name": "n"}, headers=given).json() == first.json()
    other = http.post(spelled, json={"name": "other"}, headers=given)
    assert "`spelled`" in refused(other, 409, "request_conflict")


def test_a_thousand_findings_are_one_error(http, zone, make):
    text = "\n".join('permit (principal, action == Action::"fly", resource);' for _ in range(1000))
    response = http.post(
        f"/zones/{zone}/policies/{make.policy().id}/versions", json={"schema_version": SCHEMA, "cedar_raw": text}
    )
    refused(response, 400, "policy_validation")
    assert json.loads(response.content)["message"].count("fly") >= 1
