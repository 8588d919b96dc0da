import re

import pytest

from fedmtl.reporting.history import History
from fedmtl.reporting.plots import loss_curves, validation_curves, work_bars
from tests.reporting import synthetic


@pytest.fixture(scope="module")
def validation(history):
    return validation_curves(history)


@pytest.fixture(scope="module")
def losses(history):
    return loss_curves(history)


def _clients_in(svg: str) -> set[str]:
    return {name for name in synthetic.CLIENTS if f">{name}<" in svg}


def test_one_validation_plot_a_task_with_its_clients(validation):
    assert [plot.title.split(":")[0] for plot in validation] == sorted(synthetic.TASKS)
    for plot in validation:
        task = plot.title.split(":")[0]
        assert _clients_in(plot.svg) == {name for name, tasks in synthetic.CLIENTS.items() if task in tasks}


def test_axis_names_metric_unit_and_direction(validation):
    assert "rmse m ↓" in validation[0].svg


def test_a_client_has_one_colour_in_every_plot(validation, losses):
    colours = {}
    for plot in validation + losses:
        names = re.findall(r">((?:people|room|street)-\d)<", plot.svg)
        strokes = re.findall(r"stroke: (#[0-9a-f]{6}); stroke-width: 1\.6", plot.svg)
        for name, stroke in zip(names, strokes[-len(names) :], strict=True):
            colours.setdefault(name, set()).add(stroke)
    assert set(colours) == set(synthetic.CLIENTS)
    assert all(len(seen) == 1 for seen in colours.values())
    assert len({next(iter(seen)) for seen in colours.values()}) == len(synthetic.CLIENTS)


def test_one_loss_plot_a_task(losses):
    assert [plot.title for plot in losses] == [f"{task}: training loss" for task in sorted(synthetic.TASKS)]


def test_bars_for_bytes_and_seconds(history):
    traffic, seconds = work_bars(history)
    assert _clients_in(traffic.svg) == _clients_in(seconds.svg) == set(synthetic.CLIENTS)
    assert " MB<" in traffic.svg
    assert " s<" in seconds.svg


def test_empty_history_has_no_plots():
    empty = History()
    assert validation_curves(empty) == loss_curves(empty) == work_bars(empty) == []


def test_plots_are_small(validation):
    assert max(len(plot.svg) for plot in validation) < 30_000
