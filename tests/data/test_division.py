from collections import Counter

import pytest

from fedmtl.config import ClientConfig, PartitionKind
from fedmtl.data import division
from fedmtl.errors import ConfigError
from tests.data.clients import CLASS_OF, TRAIN, VAL, clients, divide, sites_of, train_of

IID, DIRICHLET, SITE = PartitionKind.iid, PartitionKind.dirichlet, PartitionKind.site


@pytest.mark.parametrize("kind", list(PartitionKind))
def test_training_images_are_divided_without_overlap_or_remainder(kind):
    assert sorted(train_of(divide(kind, clients("a", "b", "c", "d")))) == TRAIN


def test_iid_shares_are_equal_within_one_and_all_validate_on_everything():
    shares = divide(IID, clients(*"abcdefg"))
    assert sorted(len(share.train) for share in shares.values()) == [8, 8, 8, 9, 9, 9, 9]
    assert all(share.val == tuple(VAL) for share in shares.values())


def test_iid_shares_are_in_the_proportions_that_are_asked_for():
    members = {name: ClientConfig("x", share=share) for name, share in zip("abc", (1, 2, 3), strict=True)}
    shares = divide(IID, members)
    assert [len(share.train) for share in shares.values()] == [10, 20, 30]
    assert sorted(train_of(shares)) == TRAIN
    scaled = {name: ClientConfig("x", share=share) for name, share in zip("abc", (0.5, 1, 1.5), strict=True)}
    assert divide(IID, scaled) == shares
    assert divide(IID, clients(*"abc", share=7.0)) == divide(IID, clients(*"abc"))


@pytest.mark.parametrize("count", [0, 1, 10, 715, 4498])
@pytest.mark.parametrize("shares", [[1.0], [1.0] * 7, [1.0, 2.0, 3.0, 4.0], [0.3, 11.0, 2.5]])
def test_what_is_dealt_out_is_within_one_of_its_part(count, shares):
    owner = division._turns(count, shares)
    assert len(owner) == count
    for turn, share in enumerate(shares):
        assert abs((owner == turn).sum() - count * share / sum(shares)) < 1


@pytest.mark.parametrize(("kind", "alpha"), [(DIRICHLET, 100.0), (SITE, 10.0)])
def test_a_share_counts_in_every_rule(kind, alpha):
    sites = ["north", "south", "west"] if kind is SITE else []
    members = {"few": ClientConfig("x", sites=sites), "many": ClientConfig("x", sites=sites, share=9.0)}
    shares = divide(kind, members, alpha=alpha)
    assert len(shares["many"].train) > 5 * len(shares["few"].train)
    assert sorted(train_of(shares)) == TRAIN


def test_a_small_alpha_skews_classes_more_than_a_large_one():
    def skew(alpha, split):
        total = 0.0
        for seed in range(5):
            for share in divide(DIRICHLET, clients("a", "b"), seed, alpha).values():
                held = Counter(CLASS_OF[sample_id] for sample_id in getattr(share, split))
                total += max(held.values()) / sum(held.values())
        return total

    assert skew(0.5, "train") > skew(100.0, "train")
    assert skew(0.5, "val") > skew(100.0, "val")


def test_dirichlet_divides_training_and_validation_by_the_same_proportions():
    share = divide(DIRICHLET, clients("a", "b"), alpha=1.0, seed=3)["a"]
    for index in range(3):
        kept = [
            sum(CLASS_OF[i] == index for i in held) / sum(CLASS_OF[i] == index for i in everything)
            for held, everything in ((share.train, TRAIN), (share.val, VAL))
        ]
        assert kept[0] == pytest.approx(kept[1], abs=0.15)


def test_dirichlet_takes_the_first_task_where_none_is_named():
    members = clients("a", "b", tasks=["semseg"])
    assert divide(DIRICHLET, members, task="") == divide(DIRICHLET, members)
    assert divide(DIRICHLET, clients("a", "b"), task="") == divide(DIRICHLET, members)


def test_an_alpha_that_leaves_a_client_without_images_is_refused():
    with pytest.raises(
        ConfigError, match=r"data\.partition\.alpha: 0\.001 leaves client '.' no training image"
    ):
        divide(DIRICHLET, clients(*"abcdef"), alpha=0.001)


def test_a_client_holds_its_sites():
    members = {"a": ClientConfig("x", sites=["south"]), "b": ClientConfig("x", sites=["north", "west"])}
    shares = divide(SITE, members)
    assert sites_of(shares["a"].train) == sites_of(shares["a"].val) == {"south"}
    assert sites_of(shares["b"].train) == sites_of(shares["b"].val) == {"north", "west"}


def test_sites_are_dealt_in_turn():
    shares = divide(SITE, clients("a", "b"))
    assert sites_of(shares["a"].train) == {"north", "west"}
    assert sites_of(shares["b"].train) == {"south"}


def test_clients_of_one_site_divide_it_and_share_its_validation_images():
    shares = divide(SITE, clients("a", "b", sites=["west"]))
    assert sorted(train_of(shares)) == [i for i in TRAIN if i.startswith("west")]
    assert [len(share.train) for share in shares.values()] == [10, 10]
    assert shares["a"].val == shares["b"].val == tuple(i for i in VAL if i.startswith("west"))


def test_more_clients_than_sites_share_them_in_turn():
    shares = divide(SITE, clients("a", "b", "c", "d"))
    assert [len(shares[name].train) for name in "abcd"] == [10, 20, 20, 10]


@pytest.mark.parametrize(
    ("kind", "members", "message"),
    [
        (SITE, clients("a", sites=["norht"]), "clients.a.sites: .* no site 'norht'; did you mean 'north'"),
        (SITE, {"a": ClientConfig("y")}, "source 'y' have no sites"),
        (SITE, clients("a", sites=["west"]) | clients("b"), "clients.b.sites: is empty"),
        (DIRICHLET, clients("a", tasks=["depth"]), "no task 'depth'"),
    ],
)
def test_what_cannot_be_divided_is_refused(kind, members, message):
    with pytest.raises(ConfigError, match=message):
        divide(kind, members, task="")
