"""Lists: pages in both directions while others write, filters, deprecated twins, total counts."""

import threading
import time

import pytest

from server import DEPRECATED_SCHEMA, OLD_SCHEMA, SCHEMA, refused


def pages(listing, **how):
    """All pages of a list from its start, following after_cursor."""
    page = listing(**how)
    yield page
    while page.pagination.after_cursor:
        page = listing(**how, after=page.pagination.after_cursor)
        yield page


def ids(*pages):
    return [item.id for page in pages for item in page.items]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_250_items_are_paged_both_ways_while_others_are_written(server, client, zone, order):
    made = [client.zones.policies.create(zone, name=f"n{n}").id for n in range(250)]
    more, stop = [], threading.Event()

    def write():
        with server.client("bob") as bob:
            while not stop.is_set():
                more.append(bob.zones.policies.create(zone, name="more").id)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not more and writer.is_alive():
            time.sleep(0.001)
        listing = lambda **how: client.zones.policies.list(zone, order=order, limit=20, **how)
        forward = []
        for page in pages(listing):
            forward.append(page)
            if order == "asc" and len(ids(*forward)) >= 250:
                break
        if order == "desc":
            # Newer items may appear before the first page, never after it.
            seen = ids(*forward)
            assert seen[-250:] == made[::-1]
            # By created_at, which never repeats in a zone. Ids of one millisecond are in no order.
            times = [item.created_at for page in forward for item in page.items]
            assert times == sorted(set(times), reverse=True)
            expected = seen
        else:
            expected = ids(*forward)
            assert expected[:250] == made
        assert len(expected) == len(set(expected))
        backward = []
        cursor = forward[-1].pagination.before_cursor
        while cursor:
            page = listing(before=cursor)
            backward.insert(0, page)
            cursor = page.pagination.before_cursor
        before_last = ids(*forward[:-1])
        behind = ids(*backward)
        assert behind[-len(before_last) :] == before_last
        assert len(behind) == len(before_last) or order == "desc"
        assert len(behind) == len(set(behind))
    finally:
        stop.set()
        writer.join()
    assert more


def test_a_page_before_is_the_page_that_was_left(client, zone, make):
    made = [make.policy().id for _ in range(7)]
    listing = lambda **how: client.zones.policies.list(zone, order="asc", limit=3, **how)
    first, second, third = pages(listing)
    assert (ids(first), ids(second), ids(third)) == (made[:3], made[3:6], made[6:])
    assert first.pagination.before_cursor is None and third.pagination.after_cursor is None
    assert listing(before=third.pagination.before_cursor).items == second.items
    assert listing(before=second.pagination.before_cursor).items == first.items


def test_policies_are_filtered(client, root, zone):
    policies = client.zones.policies
    one = policies.create(zone, name="Billing read", description="for Accountants").id
    two = policies.create(zone, name="invoices", description="BILLING too").id
    three = root.zones.policies.create(zone, name="guard").id
    listed = lambda **how: ids(policies.list(zone, order="asc", **how))
    assert listed() == [one, two, three]
    assert listed(query=["billing"]) == [one, two]
    assert listed(query_name=["bILLing"]) == [one]
    assert listed(query_name=["billing", "guard"]) == [one, three]
    assert listed(query_description=["billing"]) == [two]
    assert listed(query=["billing"], query_description=["account"]) == [one]
    assert listed(filter_owner_type=["platform"]) == [three]
    assert listed(filter_owner_type=["platform", "customer"]) == [one, two, three]
    assert listed(filter_id=[three, "unknown", one]) == [one, three]
    assert listed(filter_id=[three, one], filter_owner_type=["customer"]) == [one]
    assert listed(filter_id=[three, one], limit=1) == [one]
    odd = policies.create(zone, name="what \ufffd is").id
    assert listed(query=["\ufffd"]) == [odd]
    counted = policies.list(zone, query=["billing"], limit=1, expand=["total_count", "user"])
    assert (len(counted.items), counted.pagination.total_count) == (1, 2)
    assert policies.list(zone).pagination.total_count is None


def test_a_hundred_ids_are_one_page(client, zone, make, refuses):
    made = [make.policy().id for _ in range(60)]
    page = client.zones.policies.list(zone, filter_id=made, order="asc")
    assert ids(page) == made
    assert (page.pagination.after_cursor, page.pagination.before_cursor) == (None, None)
    assert len(client.zones.policies.list(zone, filter_id=[f"x{n}" for n in range(99)] + made[:1]).items) == 1
    with refuses(400, "invalid_query"):
        client.zones.policies.list(zone, filter_id=[f"x{n}" for n in range(101)])
    cursor = client.zones.policies.list(zone, limit=1).pagination.after_cursor
    with refuses(400, "invalid_cursor"):
        client.zones.policies.list(zone, filter_id=made, after=cursor)


def test_policy_sets_are_filtered(client, root, zone, make):
    sets = client.zones.policy_sets
    bound, idle, user = make.policy_set(name="Live"), make.policy_set(name="idle"), make.policy_set(target_type="user")
    guard = root.zones.policy_sets.create(zone, name="guard")
    make.activate(make.set_version(bound))
    listed = lambda **how: ids(sets.list(zone, order="asc", **how))
    assert listed() == [bound.id, idle.id, guard.id]
    assert listed(filter_target_type=["user"]) == [user.id]
    assert listed(filter_target_type=["user", "zone"]) == [bound.id, idle.id, user.id, guard.id]
    assert listed(filter_scope_type=["zone"]) == [bound.id, idle.id, guard.id]
    assert listed(filter_scope_type=["zone"], filter_target_type=["zone"]) == [bound.id, idle.id, guard.id]
    assert listed(filter_active=True) == listed(active=True) == listed(active=True, filter_active=True) == [bound.id]
    assert listed(filter_active=False) == [idle.id, guard.id]
    assert listed(filter_owner_type=["platform"]) == [guard.id]
    assert listed(query=["LIVE", "idle"]) == listed(query_name=["live", "IDLE"]) == [bound.id, idle.id]
    assert sets.list(zone, expand=["total_count"]).pagination.total_count == 3


def test_policy_sets_are_sorted_by_status(client, zone, make, refuses):
    made = [make.policy_set() for _ in range(5)]
    make.activate(make.set_version(made[1]))
    listing = lambda **how: client.zones.policy_sets.list(zone, sort="status", **how)
    assert ids(*pages(listing, limit=2)) == [made[n].id for n in (1, 4, 3, 2, 0)]
    cursor = listing(limit=2).pagination.after_cursor
    for how in ({"order": "asc"}, {"before": cursor}):
        with refuses(400, "invalid_input" if "order" in how else "invalid_cursor"):
            listing(**how)


def test_schemas_are_filtered_by_the_default(client, zone):
    versions = lambda **how: [s.version for s in client.zones.policy_schemas.list(zone, order="asc", **how).items]
    assert versions(filter_default=True) == versions(is_default=True) == [SCHEMA]
    assert versions(filter_default=False) == [DEPRECATED_SCHEMA, OLD_SCHEMA]
    page = client.zones.policy_schemas.list(zone, limit=1, expand=["total_count"])
    assert (page.pagination.total_count, len(page.items)) == (3, 1)


def test_versions_are_counted(client, zone, make):
    policy, policy_set = make.policy(), make.policy_set()
    pinned = [make.version(policy) for _ in range(3)]
    made = [make.set_version(policy_set, pinned[0]) for _ in range(2)]
    count = {"limit": 1, "zone_id": zone, "expand": ["total_count"]}
    assert client.zones.policies.versions.list(policy.id, **count).pagination.total_count == 3
    versions = client.zones.policy_sets.versions
    assert versions.list(policy_set.id, **count).pagination.total_count == 2
    listed = versions.list_policies(made[0].id, policy_set_id=policy_set.id, **count)
    assert listed.pagination.total_count == 1


@pytest.mark.parametrize(
    "query",
    [
        "query=a&query[]=a",
        "query[]=a",
        "query%5B%5D=a",
        "expand=total_count&expand[]=total_count",
        "expand[]=user&expand[]=total_count",
        "unknown=1&unknown=2",
        "limit=100&order=asc&sort=created_at",
    ],
)
def test_twins_that_agree_are_taken(http, zone, query):
    assert http.get(f"/zones/{zone}/policies?{query}").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "query=a&query[]=b",
        "expand=total_count&expand[]=user",
        "expand[]=everything",
        "expand=user,total_count",
        "limit=ten",
        "limit=1&limit=1",
        "limit=-1",
        "limit=%2B5",
        "limit=",
        "limit=99999999999999999999",
        "order=ASC",
        "order=asc&order=asc",
        "sort=name",
        "sort=status",
        "filter[owner_type]=nobody",
        "filter[owner_type]=",
        "filter[owner_type]=platform,customer",
        "query=%ff",
        "query=%ED%A0%80",
        "after=a&after=b",
    ],
)
def test_unknown_values_are_refused(http, zone, query):
    message = refused(http.get(f"/zones/{zone}/policies?{query}"), 400, "invalid_query")
    if "platform,customer" in query:
        assert "`platform`" in message and "`customer`" in message and "repeat" in message


@pytest.mark.parametrize(
    "query",
    [
        "active=true&filter[active]=false",
        "filter[active]=1",
        "filter[active]=true&filter[active]=true",
        "filter[scope_type]=user",
        "filter[target_type]=session",
        "filter[target_type]=zone,user",
        "filter[target_type]=zone&filter[target_type]=user&filter[scope_type]=zone",
        "filter[target_type]=user&filter[scope_type]=zone",
    ],
)
def test_unknown_values_and_twins_that_disagree_are_refused_for_sets(http, zone, query):
    refused(http.get(f"/zones/{zone}/policy-sets?{query}"), 400, "invalid_query")


@pytest.mark.parametrize("path", ["policies/{p}", "policies/{p}/versions/{v}", "policy-sets/{s}"])
def test_total_counts_are_for_lists(http, zone, make, path):
    version, policy_set = make.version(), make.policy_set()
    path = path.format(p=version.policy_id, v=version.id, s=policy_set.id)
    assert http.get(f"/zones/{zone}/{path}?expand=user").status_code == 200
    refused(http.get(f"/zones/{zone}/{path}?expand[]=total_count"), 400, "invalid_query")


@pytest.mark.parametrize("query", ["limit=0", "limit=101"])
def test_limits_are_from_1_to_100(http, zone, query):
    refused(http.get(f"/zones/{zone}/policies?{query}"), 400, "invalid_input")


def test_cursors_are_for_the_list_that_gave_them_out(client, zone, zones, make, refuses):
    policies, other = [make.policy() for _ in range(2)], next(zones)
    client.zones.policies.create(other, name="n")
    cursor = client.zones.policies.list(zone, limit=1).pagination.after_cursor
    lists = [
        lambda **how: client.zones.policies.list(other, **how),
        lambda **how: client.zones.policies.list(zone, order="asc", **how),
        lambda **how: client.zones.policies.list(zone, query=["n"], **how),
        lambda **how: client.zones.policy_sets.list(zone, **how),
        lambda **how: client.zones.policy_schemas.list(zone, **how),
        lambda **how: client.zones.policies.versions.list(policies[0].id, zone_id=zone, **how),
    ]
    for listing in lists:
        with refuses(400, "invalid_cursor"):
            listing(after=cursor)
    for forged in ("0", cursor[:-2], cursor[:-1] + ("0" if cursor[-1] != "0" else "1"), "ü", "\0"):
        with refuses(400, "invalid_cursor"):
            client.zones.policies.list(zone, after=forged)
    with refuses(400, "too_large"):
        client.zones.policies.list(zone, after="0" * 256)
    with refuses(400, "invalid_cursor"):
        client.zones.policies.list(zone, after=cursor, before=cursor)
    assert len(client.zones.policies.list(zone, after=cursor).items) == 1
