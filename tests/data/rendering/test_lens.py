import numpy as np
import pytest

from fedmtl.data.rendering.lens import Lens

CLEAN = Lens(focal=0.8, distortion=0.0, exposure=1.0, vignetting=0.0, noise=0.0)


def develop(lens, radiance):
    return lens.develop(radiance.astype(np.float32), np.random.default_rng(0))


def test_the_tone_curve_in_numbers():
    radiance = np.zeros((1, 3, 3))
    radiance[0, 1], radiance[0, 2] = 1.0, 100.0
    assert develop(CLEAN, radiance)[0, :, 0].tolist() == [0, round(255 * (1 - np.exp(-1)) ** 0.5), 255]


def test_more_exposure_is_brighter():
    radiance = np.full((4, 4, 3), 0.5)
    longer = Lens(0.8, 0.0, 2.0, 0.0, 0.0)
    assert np.all(develop(longer, radiance) > develop(CLEAN, radiance))


def test_vignetting_darkens_corners_only():
    image = develop(Lens(0.8, 0.0, 1.0, 0.5, 0.0), np.ones((9, 9, 3))).astype(int)
    assert image[4, 4, 0] == develop(CLEAN, np.ones((1, 1, 3)))[0, 0, 0]
    assert image[0, 0, 0] == pytest.approx(255 * (1 - np.exp(-0.5)) ** 0.5, abs=1)


def test_noise_has_the_strength_it_says():
    lens = Lens(0.8, 0.0, 1.0, 0.0, 0.05)
    image = develop(lens, np.full((100, 100, 3), 1.0))
    signal = (image / 255.0) ** 2
    expected = 1 - np.exp(-1)
    assert signal.mean() == pytest.approx(expected, abs=0.002)
    assert signal.std() == pytest.approx(0.05 * np.sqrt(expected + 0.01), rel=0.05)
