"""Metrics, losses and traffic as TensorBoard scalars over the rounds."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from fedmtl.reporting.events import Event


class TensorBoardListener:
    """A listener of a `MetricsLog` that writes scalars; use it as a context manager.

    Tags are `<client>/<task>/<metric>` for validation, `<client>/<task>/train_loss` for training (`pooled` in
    the client's place where a metric is pooled over clients), and `round/<quantity>`. Steps are rounds.

    Args:
        logdir: made when the first event comes.
    """

    def __init__(self, logdir: Path) -> None:
        self.logdir = logdir
        self._writer: SummaryWriter | None = None

    def __call__(self, event: Event) -> None:
        """Write what the event has; a resume hides every step after its round."""
        match event["event"]:
            case "resume":
                self.close()
                self._open(purge_step=event["round"] + 1)
            case "metric" if event["value"] is not None:
                prefix = "" if event["split"] == "val" else f"{event['split']}_"
                tag = f"{event['client'] or 'pooled'}/{event['task']}/{prefix}{event['metric']}"
                self._write(tag, event["value"], event)
            case "round":
                for quantity in ("seconds", "clients", "failed", "bytes_up", "bytes_down"):
                    self._write(f"round/{quantity}", event[quantity], event)
                self._open().flush()

    def close(self) -> None:
        """Write what is pending and close the files."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> TensorBoardListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, purge_step: int | None = None) -> SummaryWriter:
        if self._writer is None:
            self._writer = SummaryWriter(str(self.logdir), purge_step=purge_step)
        return self._writer

    def _write(self, tag: str, value: float, event: Event) -> None:
        self._open().add_scalar(tag, value, event["round"])
