"""Predictions as files."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from fedmtl.errors import RunError
from fedmtl.inference import TrainedModel


def write_prediction(model: TrainedModel, image: Path, out: Path) -> list[Path]:
    """Predict one image and write the results; returns the files.

    A dense task gives `<task>/<name>.png`, as a data-set folder holds it, and `<task>/<name>.view.png` to look
    at; image-level tasks go together into `<name>.json`, in words: see `Task.summary`.

    Raises:
        DataError: the image cannot be read, or does not fit the model.
        RunError: a file cannot be written.
    """
    predictions = model.predict_in_full(image)
    written, summaries = [], {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, task in model.tasks.items():
            if not task.dense:
                summaries[name] = predictions[name].summary
                continue
            raw, view = out / name / f"{image.stem}.png", out / name / f"{image.stem}.view.png"
            raw.parent.mkdir(exist_ok=True)
            Image.fromarray(task.encode(predictions[name].label)).save(raw)
            Image.fromarray(task.picture(predictions[name].label)).save(view)
            written += [raw, view]
        if summaries:
            path = out / f"{image.stem}.json"
            path.write_text(json.dumps(summaries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise RunError(f"{out} cannot be written: {error.strerror}") from error
    return written
