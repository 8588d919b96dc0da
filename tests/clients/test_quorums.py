from itertools import combinations

import pytest

from clients.quorums import Quorum, Quorums
from fedmtl.errors import RefusalError, RunError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "quorums"


def quorum(names):
    return Quorum(tuple(sorted(names)), max(3, len(names) // 2 + 1))


@pytest.mark.parametrize("one", ["abc", "abcd", "abcdef"])
@pytest.mark.parametrize("other", ["abc", "abcd", "abcde", "bcdefg", "abcdefgh", "efgh"])
def test_two_meet_where_any_who_open_the_one_know_some_who_open_the_other(one, other):
    first, second = quorum(one), quorum(other)
    meet = all(
        set(x) & set(y)
        for x in combinations(first.clients, min(first.threshold, len(one)))
        for y in combinations(second.clients, min(second.threshold, len(other)))
    )
    assert first.meets(second) is second.meets(first)
    # It may be stricter than that: a quorum of few can have no client of the other attempt's.
    assert meet or not first.meets(second)


def test_the_same_clients_always_meet():
    assert all(quorum("abcdefghij"[:n]).meets(quorum("abcdefghij"[:n])) for n in range(3, 11))


def test_an_attempt_that_others_could_open_is_refused(path):
    Quorums(path).enter(4, ["head"], quorum("abcd"))
    again = Quorums(path)
    again.check(4, ["head"], quorum("abcd"))
    again.check(4, ["head"], quorum("abc"))
    again.check(5, ["head"], quorum("abcdpqrst"))
    again.check(4, ["backbone"], quorum("abcdpqrst"))
    with pytest.raises(RefusalError, match="round 4 was begun with other clients"):
        again.check(4, ["backbone", "head"], quorum("abcdpqrst"))


def test_another_bucket_is_no_way_around(path):
    Quorums(path).enter(4, ["head#1"], quorum("abcd"))
    with pytest.raises(RefusalError):
        Quorums(path).check(4, ["head"], quorum("abcdpqrst"))


def test_attempts_are_remembered_as_long_as_a_server_may_go_back(path):
    quorums = Quorums(path)
    for number in (1, 2, 3, 4):
        quorums.enter(number, ["head"], quorum("abcd"))
    with pytest.raises(RefusalError, match="goes back to round 1, after a part was sent in round 4"):
        quorums.check(1, ["head"], quorum("abcd"))
    with pytest.raises(RefusalError):
        quorums.check(2, ["head"], quorum("abcdpqrst"))


def test_a_damaged_file_is_no_clean_slate(path):
    path.write_bytes(b"{")
    with pytest.raises(RunError, match=r"quorums is damaged: .*; start a new run"):
        Quorums(path).check(1, ["head"], quorum("abcd"))
