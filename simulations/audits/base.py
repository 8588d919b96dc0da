"""The contract of an audit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from fedmtl.config import Scenario
from fedmtl.reporting.audits import Findings
from fedmtl.run_directory import RunDirectory


class Audit(ABC):
    """An attack on what a federation gives away; its options are its dataclass fields."""

    @abstractmethod
    def examine(self, scenario: Scenario, run: RunDirectory | None, folder: Path) -> Findings:
        """Attack, and say what was found.

        Args:
            scenario: with the overrides that were given.
            run: the finished run to attack; None where the audit is of a scenario.
            folder: where it may leave what it needs on the way.

        Raises:
            ConfigError: the scenario has not what the audit needs.
            RunError: there is no run, or it has not what the audit needs.
        """
