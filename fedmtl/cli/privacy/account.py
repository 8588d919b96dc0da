"""fedmtl privacy account."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedmtl.cli.tables import wide_console

if TYPE_CHECKING:
    from rich.table import Table

    from simulations.privacy_account import Account, Alternative


def account(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Settings to change, as key=value.")] = None,
    table: Annotated[bool, typer.Option(help="Also with other noise, rounds and sampling.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            help="A finished run to plot what it reached against its ε; may be given several times."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The page with that plot.")] = Path("privacy.html"),
) -> None:
    """Say what a scenario costs in differential privacy of whole clients, before anything runs."""
    from fedmtl import shipped
    from fedmtl.run_directory import RunDirectory
    from fedmtl.scenario import load_scenario
    from simulations.privacy_account import account as make_account
    from simulations.privacy_account import alternatives
    from simulations.privacy_page import write_privacy_page

    price = make_account(load_scenario(shipped.find(scenario), overrides or []))
    others = alternatives(price) if table else []
    page = write_privacy_page(out, [RunDirectory.open(run) for run in runs]) if runs else None
    if as_json:
        row = _row(price) | ({"alternatives": [asdict(other) for other in others]} if table else {})
        typer.echo(json.dumps(row, indent=1))
        return
    console = wide_console()
    for line in _lines(price):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if others:
        console.print(_table(others, price))
    if page:
        console.print(f"page: {page}", soft_wrap=True, highlight=False)


def _row(price: Account) -> dict[str, Any]:
    config = price.scenario.privacy.client
    return {
        "scenario": price.scenario.name,
        "epsilon": price.epsilon,
        "delta": config.delta,
        "noise": config.noise.value,
        "clients": price.draw.clients,
        "sampling": price.draw.sampling.value,
        "rate": price.draw.rate,
        "rounds": price.scenario.rounds,
        "most_groups": price.most_groups,
        "multiplier": price.multiplier,
        "joint_multiplier": price.joint,
    }


def _lines(price: Account) -> list[str]:
    config, draw = price.scenario.privacy.client, price.draw
    fixed = any(release.kind == "fixed" for release in price.releases)
    neighbour = "one client exchanged for another" if fixed else "one client's data there or not"
    drawn = "each by itself" if draw.sampling.value == "poisson" else "a fixed number of them"
    return [
        f"ε = {price.epsilon:.4g} at δ = {config.delta:g}, for {neighbour}, with all of its groups",
        f"{price.scenario.rounds} rounds; {draw.rate:.0%} of {draw.clients} clients in each, {drawn}",
        f"noise {config.noise.value}: {price.multiplier:.4g} times the bound in each sum; a client is in up to "
        f"{price.most_groups} sums a round, which together are as good as one with {price.joint:.4g}",
    ]


def _table(others: list[Alternative], price: Account) -> Table:
    from rich.table import Table

    columns = list(dict.fromkeys((other.sampling, other.rate) for other in others))
    cells = {(o.rounds, o.multiplier, o.sampling, o.rate): f"{o.epsilon:.3g}" for o in others}
    heads = [sampling if sampling == "everybody" else f"{sampling} {rate:.0%}" for sampling, rate in columns]
    table = Table(
        "rounds",
        "noise in a sum",
        *heads,
        box=None,
        title=f"ε at δ = {price.scenario.privacy.client.delta:g}",
    )
    for rounds, multiplier in dict.fromkeys((other.rounds, other.multiplier) for other in others):
        row = [cells.get((rounds, multiplier, *column), "") for column in columns]
        table.add_row(str(rounds), f"{multiplier:.4g}", *row)
    return table
