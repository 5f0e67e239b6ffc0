"""A full disk: writes are refused, reads continue, and everything works again when there is space."""

import resource
import signal

import keycardai_api
import pytest

from conftest import Make
from server import Server


@pytest.fixture
def survives():
    """This test has its own server."""


def test_a_full_disk_ends_nothing(tmp_path):
    # The process gets an error in place of a fatal signal when its file would exceed a limit.
    server = Server(
        tmp_path / "full.redb", ["zone"], preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    )
    process = server.process.pid
    with server.client() as client:
        make = Make(client, "zone")
        version = make.version()
        resource.prlimit(process, resource.RLIMIT_FSIZE, (server.store.stat().st_size, resource.RLIM_INFINITY))
        refusals = []
        acknowledged = [version.id]
        for number in range(400):
            text = f'permit (principal == User::"{number} {"x" * 50_000}", action, resource);'
            try:
                acknowledged.append(make.version(text=text).id)
            except keycardai_api.InternalServerError as error:
                refusals.append((error.status_code, error.body["code"]))
                break
        assert [status for status, _ in refusals] == [503], refusals
        read = client.zones.policies.versions.retrieve(version.id, zone_id="zone", policy_id=version.policy_id)
        assert read == version
        resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        make.version(text=text)
        for _ in range(2):
            policies = client.zones.policies.list("zone", filter_id=[], limit=100, expand=["total_count"])
            assert policies.pagination.total_count >= len(acknowledged) + 1
            server.stop()
            server.start()
            client.base_url = server.url
    server.stop()
