import pytest

from fedmtl.reporting.units import duration, number, signed, size, tone, unit


@pytest.mark.parametrize(
    ("kind", "metric", "expected"),
    [
        ("depth", "rmse", "m"),
        ("normals", "rmse", "°"),
        ("regression", "rmse", ""),
        ("human_parts", "mIoU", "%"),
        ("normals", "within_11.25", "%"),
        ("boundary", "odsF_0.0075", "%"),
        ("depth", "rmse_log", ""),
        ("soft_classification", "top5", "%"),
        ("regions", "pair_ARI", "%"),
        ("vanishing_points", "angle", "°"),
        ("room_layout", "centre", "m"),
        ("autoencoding", "psnr", "dB"),
    ],
)
def test_unit(kind, metric, expected):
    assert unit(kind, metric) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_999, "1.0 MB"),
        (12_345_678, "12.3 MB"),
        (4e12, "4.0 TB"),
    ],
)
def test_size(count, expected):
    assert size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0.0 s"), (59.9, "59.9 s"), (59.99, "1 min 0 s"), (75.4, "1 min 15 s"), (7260, "2 h 1 min")],
)
def test_duration(seconds, expected):
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("percent", "expected"), [(4.21, "+4.2 %"), (-4.21, "−4.2 %"), (-0.04, "0.0 %"), (None, "–")]
)
def test_signed(percent, expected):
    assert signed(percent) == expected


@pytest.mark.parametrize(
    ("value", "symbol", "expected"),
    [(41.873, "%", "41.9"), (27.291, "°", "27.29"), (0.4812, "m", "0.481"), (None, "m", "–")],
)
def test_number(value, symbol, expected):
    assert number(value, symbol) == expected


@pytest.mark.parametrize(
    ("delta", "expected"), [(3.0, "better"), (-3.0, "worse"), (0.04, ""), (-0.04, ""), (None, "")]
)
def test_tone(delta, expected):
    assert tone(delta) == expected
