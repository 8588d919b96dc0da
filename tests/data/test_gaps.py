from fedmtl.data.gaps import Gap, Gaps, Listing, count_gaps

IDS = frozenset({"a/1", "a/2", "a/3"})


def test_where_all_is_there_nothing_lacks():
    found = count_gaps(
        [Listing(IDS, {"depth": IDS, "edge": IDS}), Listing(frozenset(), {"depth": frozenset()})]
    )
    assert found == Gaps(3, {"depth": Gap(), "edge": Gap()}, Gap())


def test_listings_are_counted_together_and_the_first_of_each_gap_is_named():
    listings = [
        Listing(IDS, {"depth": IDS - {"a/3", "a/2"}, "edge": IDS | {"a/7"}}),
        Listing({"b/2"}, {"depth": {"b/1"}, "edge": {"b/1"}}),
    ]
    assert count_gaps(iter(listings)) == Gaps(
        images=4,
        unlabelled={"depth": Gap(3, "a/2"), "edge": Gap(1, "b/2")},
        imageless=Gap(2, "a/7"),  # an image counts once, however many labels it has
    )


def test_without_listings_nothing_is_known():
    assert count_gaps([]) == Gaps()
