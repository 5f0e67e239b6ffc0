"""Many clients at once: version numbers without gaps, one winner of each If-Match, one binding in force."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import keycardai_api

from server import SCHEMA

CLIENTS = 20


def race(server, work):
    """Runs work(client, number) in this many clients at the same time."""
    start = Barrier(CLIENTS)

    def run(number):
        with server.client(f"user-{number}") as client:
            start.wait()
            return work(client, number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


def test_twenty_clients_race_for_versions(server, client, zone, make):
    policy = make.policy()

    def work(client, number):
        versions = client.zones.policies.versions
        text = f'permit (principal == User::"{number}", action, resource);'
        made = [
            versions.create(policy.id, zone_id=zone, schema_version=SCHEMA, cedar_raw=text) for _ in range(5)
        ]
        numbers = [version.version for version in made]
        assert numbers == sorted(numbers)
        assert all(version.created_by == f"user-{number}" and version.cedar_raw == text for version in made)
        return made

    made = [version for versions in race(server, work) for version in versions]
    assert sorted(version.version for version in made) == list(range(1, 5 * CLIENTS + 1))
    listed = client.zones.policies.versions.list(policy.id, zone_id=zone, limit=100).items
    assert [version.version for version in listed] == list(range(5 * CLIENTS, 0, -1))
    times = [version.created_at for version in listed]
    assert times == sorted(set(times), reverse=True)


def test_one_of_twenty_clients_wins_an_if_match(server, client, zone, make):
    for kind, policy in (("policies", make.policy()), ("policy_sets", make.policy_set())):
        tag = getattr(client.zones, kind).with_raw_response.retrieve(policy.id, zone_id=zone).headers["etag"]

        def work(client, number):
            try:
                return getattr(client.zones, kind).update(policy.id, zone_id=zone, name=f"n{number}", if_match=tag)
            except keycardai_api.APIStatusError as error:
                assert error.status_code == 412
                return None

        won = [changed for changed in race(server, work) if changed]
        assert len(won) == 1
        assert getattr(client.zones, kind).retrieve(policy.id, zone_id=zone) == won[0]


def test_twenty_clients_send_one_request(server, client, zone):
    """Like a client that got no response in time; all clients are one actor."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        send = lambda _: client.zones.policies.create(zone, name="once", x_client_request_id="once")
        made = list(pool.map(send, range(CLIENTS)))
    assert all(policy == made[0] for policy in made)
    assert client.zones.policies.list(zone).items == made[:1]


def test_one_version_is_in_force_after_twenty_activations(server, client, zone, make):
    versions = [make.set_version(make.policy_set()) for _ in range(CLIENTS)]

    def work(client, number):
        version = versions[number]
        return client.zones.policy_sets.versions.update(
            version.id, zone_id=zone, policy_set_id=version.policy_set_id, active=True
        )

    assert all(version.active for version in race(server, work))
    active = client.zones.policy_sets.list(zone, filter_active=True, expand=["total_count"])
    assert (len(active.items), active.pagination.total_count) == (1, 1)
