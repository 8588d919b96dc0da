import pytest

from fedmtl.data.rendering.material import Material, Texture, hsv, shade


def test_hsv_is_linear_light_of_a_gamma_of_two():
    assert hsv(0.0, 1.0, 1.0) == (1.0, 0.0, 0.0)
    assert hsv(1 / 3, 1.0, 0.5) == pytest.approx((0.0, 0.25, 0.0))
    assert hsv(1.25, 0.4, 0.7) == pytest.approx(hsv(0.25, 0.4, 0.7))


def test_shade_stays_in_range():
    assert shade((0.2, 0.5, 0.8), 0.5) == pytest.approx((0.1, 0.25, 0.4))
    assert shade((0.2, 0.5, 0.8), 2.0) == pytest.approx((0.4, 1.0, 1.0))


def test_row_has_every_field_in_order():
    material = Material((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), Texture.tiles, 2.0, 0.7, 0.8, 0.9)
    assert material.row == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 3, 2.0, 0.7, 0.8, 0.9)
