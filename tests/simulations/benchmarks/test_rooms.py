from concurrent.futures import ThreadPoolExecutor

import pytest

from simulations.benchmarks import rooms


def test_rows_say_how_many_images_a_second_and_how_long_the_first_takes(monkeypatch):
    first = {"first_image_compiling_seconds": 5.0, "first_image_cached_seconds": 0.5}
    monkeypatch.setattr(rooms, "_first_image_seconds", lambda: first)
    # Starting processes takes seconds, and that the same images come out of them is tested with the source.
    monkeypatch.setattr(rooms, "ProcessPoolExecutor", lambda workers, context: ThreadPoolExecutor(workers))
    rows = rooms.run(images=2, repeats=1)
    assert [(row["processes"], row["threads"]) for row in rows] == [(1, 1), (1, 2), (2, 1)]
    for row in rows:
        assert (row["height"], row["width"], row["images"]) == (96, 128, 2)
        assert row["images_per_second"] == pytest.approx(2 / row["seconds"])
        assert row.items() >= first.items()
