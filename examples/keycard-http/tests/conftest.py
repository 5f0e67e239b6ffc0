"""One server for all tests, a zone for each test, and common fixtures."""

import contextlib
import itertools

import keycardai_api
import pytest

from server import SCHEMA, Server, refused

ZONES = [f"zone-{number}" for number in range(600)]
TEXT = "permit (principal, action, resource);"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("store") / "all.redb", ZONES)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def survives(server):
    """No request ends the process or makes it print an error."""
    yield
    assert server.process.poll() is None, server.stderr
    assert server.stderr == []


@pytest.fixture(scope="session")
def zones():
    return iter(ZONES)


@pytest.fixture
def zone(zones):
    return next(zones)


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def root(server):
    """Acts for the platform."""
    with server.client("root") as client:
        yield client


@pytest.fixture
def http(server):
    with server.http() as client:
        yield client


@pytest.fixture
def refuses():
    """A call of the client is refused with a status and a code."""

    @contextlib.contextmanager
    def refuses(status: int, code: str):
        with pytest.raises(keycardai_api.APIStatusError) as raised:
            yield raised
        refused(raised.value.response, status, code)

    return refuses


@pytest.fixture
def make(client, zone):
    return Make(client, zone)


class Make:
    """Creates resources in a test's zone."""

    def __init__(self, client, zone):
        self.client, self.zone = client, zone
        self.names = (f"name {number}" for number in itertools.count())

    def policy(self, **fields):
        return self.client.zones.policies.create(self.zone, **{"name": next(self.names), **fields})

    def version(self, policy=None, text=TEXT):
        policy = policy or self.policy()
        return self.client.zones.policies.versions.create(
            policy.id, zone_id=self.zone, schema_version=SCHEMA, cedar_raw=text
        )

    def policy_set(self, **fields):
        return self.client.zones.policy_sets.create(self.zone, **{"name": next(self.names), **fields})

    def set_version(self, policy_set, *versions):
        entries = [{"policy_id": version.policy_id, "policy_version_id": version.id} for version in versions]
        return self.client.zones.policy_sets.versions.create(
            policy_set.id, zone_id=self.zone, schema_version=SCHEMA, manifest={"entries": entries}
        )

    def activate(self, version):
        return self.client.zones.policy_sets.versions.update(
            version.id, zone_id=self.zone, policy_set_id=version.policy_set_id, active=True
        )
