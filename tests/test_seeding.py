import subprocess
import sys

import numpy as np
import pytest
import torch

from fedmtl.seeding import key, numpy_rng, torch_generator, torch_seed

WORDS = [(), ("a",), ("a", "b"), ("ab",), ("a", 1), ("a1",), ("b", "a"), ("a", ""), (1, "a"), (11,)]


def test_keys_depend_on_the_seed_and_every_word():
    keys = [key(seed, *words) for seed in (0, 1, -1) for words in WORDS]
    assert len(set(keys)) == len(keys)
    assert all(0 <= number < 2**63 for number in keys)


def test_keys_are_the_same_in_every_process():
    code = "from fedmtl.seeding import key; print(key(3, 'train', 2, 'süd'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert {int(done.stdout)} == {key(3, "train", 2, "süd")} == {4994173893037658388}


@pytest.mark.parametrize(
    "draw",
    [
        lambda *words: numpy_rng(3, *words).random(4).tolist(),
        lambda *words: torch.rand(4, generator=torch_generator(3, *words)).tolist(),
    ],
    ids=["numpy", "torch"],
)
def test_streams_are_keyed(draw):
    assert draw("a", 1) == draw("a", 1)
    assert len({tuple(draw(*words)) for words in WORDS}) == len(WORDS)


def test_streams_do_not_touch_the_global_generators():
    np_before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    numpy_rng(0).random()
    torch.rand(2, generator=torch_generator(0))
    with torch_seed(0, "x"):
        torch.rand(2)
    assert (np.random.get_state()[1] == np_before).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_a_seeded_block_is_keyed_and_restores_even_after_an_error():
    def draw(*words):
        with torch_seed(5, *words):
            return torch.rand(3).tolist()

    assert draw("a") == draw("a")
    assert draw("a") != draw("b")
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="tensor"), torch_seed(5):
        torch.stack([torch.rand(1), torch.rand(2)])
    assert torch.equal(torch.get_rng_state(), before)
