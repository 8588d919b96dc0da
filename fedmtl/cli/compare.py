"""fedmtl compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fedmtl.cli.tables import wide_console


def compare(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Settings to change, as key=value.")] = None,
    methods: Annotated[
        str, typer.Option(help="Methods, comma-separated, with options as in 'fedprox(mu=0.1)'.")
    ] = "local,fedavg",
    seeds: Annotated[str, typer.Option(help="Seeds, comma-separated.")] = "0",
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once, each in a process of its own.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder; an earlier comparison in it goes on.")] = None,
) -> None:
    """Train a scenario by several methods on the same data and initial weights, and compare them.

    Training alone, 'local', counts at each client's best round on validation data, every other method after the
    last round; a second table has every method with what clients leave with. Test images are compared where the
    scenario measures them (federation.evaluate_test).
    """
    from fedmtl import shipped
    from fedmtl.errors import ConfigError
    from fedmtl.reporting.comparison_report import leaving_to_rich, summary_to_rich, verdict
    from fedmtl.scenario import load_scenario
    from simulations.comparison import compare_methods, split_at_commas

    try:
        numbers = list(dict.fromkeys(int(seed) for seed in seeds.split(",")))
    except ValueError as error:
        raise ConfigError(f"--seeds are whole numbers, comma-separated, not '{seeds}'") from error
    base = load_scenario(shipped.find(scenario), overrides or [])
    folder = out or Path("runs") / f"{base.name}-comparison"
    comparison, report = compare_methods(base, split_at_commas(methods), numbers, folder, jobs)
    console = wide_console()
    console.print(summary_to_rich(comparison))
    if table := leaving_to_rich(comparison):
        console.print(table)
    if sentence := verdict(comparison):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    console.print(f"report: {report}", soft_wrap=True, highlight=False)
