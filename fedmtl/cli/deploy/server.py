"""fedmtl deploy server, run, resume, stop and status: the server of a federation, and its runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from fedmtl.deployment.server_folder import ServerFolder
    from fedmtl.run_directory import RunDirectory

ServerOption = Annotated[Path, typer.Option("--server", help="The server's folder, as in the kit.")]
FollowOption = Annotated[
    bool,
    typer.Option("--follow/--no-follow", help="Show the run until it is over; Ctrl-C leaves it running."),
]


def server(
    folder: Annotated[Path, typer.Argument(help="The server's folder, as in the kit.")] = Path(),
) -> None:
    """Run the server until SIGTERM: SuperLink, the gateway, probes, and every run that was asked for."""
    from server.host import run_server

    run_server(folder)


def run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name (see 'fedmtl scenarios') or YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Settings to change, as key=value.")] = None,
    server: ServerOption = Path(),
    out: Annotated[str, typer.Option(help="The run's name; default: the scenario's.")] = "",
    follow: FollowOption = True,
) -> None:
    """Have the server train a scenario with the registered sites, each on data of its own."""
    from fedmtl import shipped
    from fedmtl.deployment.asking import ask_for_run
    from fedmtl.deployment.server_folder import ServerFolder
    from fedmtl.scenario import load_scenario

    settings = load_scenario(shipped.find(scenario), overrides or [])
    _show(server, ask_for_run(ServerFolder.open(server), settings, out), follow)


def resume(
    name: Annotated[str, typer.Argument(help="The run's name.")],
    server: ServerOption = Path(),
    follow: FollowOption = True,
) -> None:
    """Have the server go on with a run that was stopped, or has failed, from its newest checkpoint."""
    from fedmtl.deployment.asking import ask_to_resume
    from fedmtl.deployment.server_folder import ServerFolder

    _show(server, ask_to_resume(ServerFolder.open(server), name), follow)


def stop(
    name: Annotated[str, typer.Argument(help="The run's name.")],
    server: ServerOption = Path(),
) -> None:
    """Stop a run; its newest checkpoint stays, and it can be resumed."""
    from fedmtl.deployment.asking import ask_to_stop
    from fedmtl.deployment.server_folder import ServerFolder

    typer.echo(f"run {name} is {ask_to_stop(ServerFolder.open(server), name).state}")


def status(
    name: Annotated[str | None, typer.Argument(help="A run's name; default: all of them.")] = None,
    server: ServerOption = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how the server, its sites and its runs do; exits with 1 if the server is down or a run has failed."""
    import json

    from rich.console import Console

    from fedmtl.deployment.overview import look_at, to_text
    from fedmtl.deployment.server_folder import ServerFolder

    overview = look_at(ServerFolder.open(server), name)
    if as_json:
        typer.echo(json.dumps(overview.to_json(), indent=1))
    else:
        console = Console()
        for line in to_text(overview):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if overview.bad:
        raise typer.Exit(1)


def _show(server: Path, directory: RunDirectory, follow: bool) -> None:
    from rich.console import Console

    from fedmtl.deployment.run_state import read_run_state
    from fedmtl.deployment.server_folder import ServerFolder
    from fedmtl.deployment.server_status import lock_of
    from fedmtl.errors import RunError
    from fedmtl.locking import is_held

    errors, name, folder = Console(stderr=True), directory.path.name, ServerFolder(server)
    if not is_held(lock_of(folder)):
        _say(
            errors,
            f"the server is not running; it begins {name} once 'fedmtl deploy server {server}' is started",
        )
    if not follow:
        _say(Console(), f"run: {directory.path}")
        return
    try:
        _follow(errors, folder, directory)
    except KeyboardInterrupt:
        _say(errors, f"{name} goes on; 'fedmtl deploy status {name} --server {server}' shows how it does")
        raise typer.Exit(130) from None
    state = read_run_state(directory.path)
    if state.state != "finished":
        raise RunError(f"run {name} is {state.state}{f': {state.error}' if state.error else ''}")
    _conclude(directory)


def _follow(errors: Console, folder: ServerFolder, directory: RunDirectory) -> None:
    from fedmtl.deployment.asking import follow_run
    from fedmtl.deployment.run_state import read_run_state
    from fedmtl.deployment.server_status import read_status
    from fedmtl.deployment.standing import Standing, standing_of
    from fedmtl.reporting.progress import Progress
    from fedmtl.reporting.tensorboard import TensorBoardListener

    name, server = directory.path.name, folder.path
    standing = standing_of(folder, directory, read_run_state(directory.path), read_status(folder))
    _say(
        errors,
        f"run {directory.path}: {standing}; Ctrl-C only leaves it: 'fedmtl deploy status {name} --server {server}' "
        f"shows it again, 'fedmtl deploy stop {name} --server {server}' ends it",
    )
    with Progress(errors) as progress, TensorBoardListener(directory.tensorboard) as tensorboard:
        for told in follow_run(folder, directory):
            if isinstance(told, Standing):
                if told != standing:
                    standing = told
                    _say(errors, f"{name}: {told}")
            elif told["event"] != "finish" or told["status"] == "finished":
                # How a submission ended otherwise is in the state: the run may well go on.
                # Two runs of one scenario are told apart by their folders.
                progress({**told, "name": name} if told["event"] == "start" else told)
                tensorboard(told)


def _conclude(directory: RunDirectory) -> None:
    from rich.console import Console

    from simulations.finish import final_table, write_full_report

    console = Console()
    console.print(final_table(directory))
    _say(console, f"report: {write_full_report(directory)}")


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
