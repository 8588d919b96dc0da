"""A run, from its first round or from its newest checkpoint, to the end."""

from __future__ import annotations

import time
from contextlib import suppress

from flwr.app import ArrayRecord, ConfigRecord
from flwr.serverapp import Grid

from fedmtl.aggregation import Method
from fedmtl.attacks.collusion import Coalition
from fedmtl.checkpoints import ServerState, load_checkpoint, restore_state, save_checkpoint
from fedmtl.config import Plan, Scenario
from fedmtl.data.partition import expand_copies
from fedmtl.deployment.run_state import is_deployed
from fedmtl.errors import BudgetSpentError, RunError, TooFewClientsError
from fedmtl.models.groups import parse_group
from fedmtl.privacy.fitness import check_plan
from fedmtl.privacy.ledger import Ledger
from fedmtl.reporting.events import MetricsLog
from fedmtl.run_directory import RunDirectory
from server.blueprint import Blueprint
from server.client_privacy import ClientPrivacy
from server.delivery import deliver
from server.journal import Journal
from server.leaving import LeavingGroups
from server.roster import Roster
from server.secure_strategy import SecureStrategy
from server.signatures import NOBODY_SIGNS, Signatures
from server.strategy import GroupStrategy

_NOTHING = ArrayRecord(), ConfigRecord()
"""What Flower's strategy interface wants passed around; see `GroupStrategy`."""


def run_rounds(
    grid: Grid,
    directory: RunDirectory,
    log: MetricsLog,
    engine: str,
    signatures: Signatures = NOBODY_SIGNS,
) -> None:
    """Execute the rounds that are left of the run in `directory`; the log tells how that ended, whatever it was.

    Args:
        signatures: what shows whose an answer is.

    Raises:
        ConfigError: the run cannot be carried out as its config says.
        RunError: a checkpoint or the privacy ledger is damaged, too few clients join, a round has no good reply at
            all, or the disk is full; the newest checkpoint stays, and the same call goes on from it.
    """
    journal = Journal(log, max(directory.checkpoints.rounds(), default=0))
    # All of it in here: a deployment submits a run again and again that ends without a word in its log.
    try:
        strategy = _prepare(directory, journal, signatures)
        log.truncate_after(strategy.state.round or -1)
        _begin(grid, directory, strategy, engine)
        _go_on(grid, directory, strategy)
    except BudgetSpentError as error:
        journal.finish("stopped", error)
        raise
    except Exception as error:
        with suppress(RunError):  # the disk is full: the first error says so
            journal.finish("failed", error)
        raise
    except BaseException:  # a signal, or Flower's word that the run was stopped
        journal.finish("stopped")
        raise
    journal.finish("finished")


def _prepare(directory: RunDirectory, journal: Journal, signatures: Signatures) -> GroupStrategy:
    """The strategy of the run, at the state of its newest checkpoint."""
    scenario = directory.scenario
    plan = Plan.of(scenario)
    method = check_plan(plan)
    state, blueprint = _restore(directory, plan, method)
    run = directory.identity["run"]
    leaving = LeavingGroups(method, plan.privacy.least_holders, state.leaving)
    roster = Roster(plan, method, run, journal.failure, blueprint, leaving, signatures, state.keys)
    privacy = ClientPrivacy(plan, method, state, Ledger(directory.privacy_ledger, state.releases), journal)
    coalition = Coalition.of(scenario.clients, scenario.privacy.secure_sums)
    kind = SecureStrategy if scenario.privacy.secure_sums else GroupStrategy
    return kind(scenario.federation, scenario.seed, method, state, roster, journal, privacy, coalition)


def _restore(directory: RunDirectory, plan: Plan, method: Method) -> tuple[ServerState, Blueprint]:
    """What the newest checkpoint holds; a fresh state where there is none.

    The groups tell the kinds of input as well: a client may have come back with another, and others may still come.
    """
    if not directory.checkpoints.rounds():
        return ServerState(), Blueprint()
    header, tensors = load_checkpoint(directory.checkpoints)
    groups = {name.partition(":")[0] for name in tensors}
    channels = {client.channels for client in header.clients.values()}
    channels |= {known for group in groups if (known := parse_group(group).channels) is not None}
    blueprint = Blueprint.build(plan, method, header.tasks, channels)
    return restore_state(header, tensors, blueprint.layouts), blueprint


def _begin(grid: Grid, directory: RunDirectory, strategy: GroupStrategy, engine: str) -> None:
    """Wait for the clients, and say who there is and what leaves them."""
    roster = strategy.roster
    _wait_for_clients(grid, directory.scenario, roster)
    strategy.state.leaving = roster.settle()
    described = [member.description for member in roster.members.values()]
    signed = roster.signatures.are_checked
    strategy.journal.announce(directory, engine, described, roster.leaving.home, signed)


def _go_on(grid: Grid, directory: RunDirectory, strategy: GroupStrategy) -> None:
    """Every round that is left, and its checkpoint where one is due."""
    scenario, state = directory.scenario, strategy.state
    # Clients open no round twice over different clients, so none may have to be done again.
    every = 1 if scenario.privacy.secure_sums else scenario.checkpoint.every
    try:
        for number in range(state.round + 1, scenario.rounds + 1):
            strategy.journal.begin_round(number)
            _wait_for_clients(grid, scenario, strategy.roster)
            _round(grid, number, directory, strategy)
            if _due(number, every, scenario.rounds):
                _checkpoint(directory, scenario, strategy)
    except BudgetSpentError:
        if state.round and state.round not in directory.checkpoints.rounds():
            _checkpoint(directory, scenario, strategy)
        raise


def _wait_for_clients(grid: Grid, scenario: Scenario, roster: Roster) -> None:
    clients = scenario.federation.min_clients or len(expand_copies(scenario.clients))
    roster.wait_for(grid, clients, scenario.federation.round_timeout)


def _round(grid: Grid, number: int, directory: RunDirectory, strategy: GroupStrategy) -> None:
    scenario = directory.scenario
    timeout = scenario.federation.round_timeout
    strategy.adopt_newcomers()
    strategy.plan_noise(number)
    messages = strategy.configure_train(number, *_NOTHING, grid)
    strategy.aggregate_train(number, deliver(grid, messages, timeout))
    if messages and strategy.journal.trained_clients == 0:
        # In a deployment the keeper submits the run again, and nobody has to type anything.
        then = "" if is_deployed(directory.path) else ", then resume"
        raise TooFewClientsError(
            f"no client finished round {number}; see the failures in metrics.jsonl{then}"
        )
    if _due(number, scenario.federation.evaluate_every, scenario.rounds):
        messages = strategy.configure_evaluate(number, *_NOTHING, grid)
        strategy.aggregate_evaluate(number, deliver(grid, messages, timeout))
    strategy.journal.end_round()


def _due(number: int, every: int, last: int) -> bool:
    return number == last or (every > 0 and number % every == 0)


def _checkpoint(directory: RunDirectory, scenario: Scenario, strategy: GroupStrategy) -> None:
    began = time.monotonic()
    blueprint = strategy.roster.blueprint
    size = save_checkpoint(
        directory.checkpoints,
        strategy.state,
        blueprint.layouts,
        blueprint.tasks,
        scenario.checkpoint.keep,
    )
    strategy.outbox.save()
    strategy.journal.checkpoint(time.monotonic() - began, size)
