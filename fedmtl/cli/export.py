"""fedmtl export."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class GraphFormat(Enum):
    """The graph to write beside the weights."""

    torch = "torch"
    onnx = "onnx"
    none = "none"


def export(
    folder: Annotated[Path, typer.Argument(help="The run's folder.")],
    client: Annotated[str | None, typer.Option(help="Whose model.")] = None,
    tasks: Annotated[str | None, typer.Option(help="Tasks, comma-separated; default: the client's.")] = None,
    graph: Annotated[
        GraphFormat, typer.Option(help="torch.export, ONNX, or weights alone.")
    ] = GraphFormat.torch,
    out: Annotated[Path | None, typer.Option(help="The folder to write; default: exports/<client>.")] = None,
) -> None:
    """Write a client's model as safetensors, with its preprocessing and a graph for other runtimes."""
    from rich.console import Console

    from fedmtl.export import Format
    from fedmtl.export import export as write
    from fedmtl.loading import load

    model = load(folder, client, tasks.split(",") if tasks else None)
    for path in write(model, out or Path("exports") / model.client, Format(graph.value)):
        Console().print(str(path), soft_wrap=True, highlight=False, markup=False)
