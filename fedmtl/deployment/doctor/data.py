"""A site's images and labels, against what site.yaml offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fedmtl.data import SOURCES, Source
from fedmtl.data.check import inspect
from fedmtl.data.on_disk import OnDisk
from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.site import SiteConfig
from fedmtl.errors import ConfigError, DataError, did_you_mean

MOST_IMAGES = 200
"""So many are decoded, with their labels; `fedmtl data check` decodes all."""
_DATA = Subject("data")


def make_source(config: SiteConfig) -> Source:
    """The site's source by its options; nothing of the data is looked at.

    Raises:
        ConfigError: there is no such source, or its options are wrong.
    """
    options = dict(config.data.source)
    return SOURCES.build(options.pop("kind"), options, "data.source")


def open_data(config: SiteConfig) -> tuple[Source, list[str]]:
    """The site's images, and the tasks that it offers. Lists are read, images are not.

    Raises:
        ConfigError: the source's options are wrong, or the data lacks a task that site.yaml names, or has none.
        DataError: the data is not there, or is no data set.
    """
    source = make_source(config)
    tasks = _tasks(source)
    for task in config.tasks:
        if task not in tasks:
            raise ConfigError(
                f"tasks: the data has no task '{task}'; {did_you_mean(task, tasks)}; "
                "change tasks in site.yaml, or [] for all that the data has"
            )
    if not tasks:
        raise ConfigError("tasks: the data has none; it can train nothing")
    return source, config.tasks or tasks


def _tasks(source: Source) -> list[str]:
    """The tasks of a source; where its folder is not there or is another's, the error names the key to change."""
    if not isinstance(source, OnDisk):
        return list(source.tasks)
    try:
        source.root.stat()
    except FileNotFoundError as error:
        raise DataError(
            f"{source.root}: there is no such folder; data.source.path in site.yaml names it and is to be filled in"
        ) from error
    except OSError as error:
        raise DataError(
            f"{source.root}: cannot be opened ({error.strerror}); data.source.path in site.yaml names it"
        ) from error
    try:
        return list(source.tasks)
    except DataError as error:
        if source.fits(source.root):
            raise
        raise DataError(f"{error}; data.source.path in site.yaml names the folder") from error


def refuse_unusable(config: SiteConfig) -> None:
    """What a site's data must have for it to train at all.

    Raises:
        ConfigError, DataError: as in `open_data`; or there are no images for training, or none for validation.
    """
    source, _ = open_data(config)
    if not source.ids("train"):
        raise DataError("data: there are no training images")
    if not (source.ids("val") or config.data.holdout):
        raise DataError("data: there are no validation images; name some, or set data.holdout in site.yaml")


def check_data(config: SiteConfig) -> Iterator[Finding]:
    """Whether the data is there and sound, and has the tasks that the site offers.

    Raises:
        ConfigError, DataError: as in `open_data`.
    """
    source, tasks = open_data(config)
    yield from _check_files(source, tasks) if isinstance(source, OnDisk) else _count(source, tasks)


def _check_files(source: OnDisk, tasks: list[str]) -> Iterator[Finding]:
    report = inspect(source, tasks, most=MOST_IMAGES)
    if report.problems:
        more = f" (and {len(report.problems) - 1} more problems)" if len(report.problems) > 1 else ""
        yield _DATA.fail(
            f"{report.problems[0]}{more}",
            f"'fedmtl data check {source.path}' lists all that is wrong; mend it",
        )
        return
    images = sum(len(source.ids(split)) for split in ("train", "val", "test"))
    labelled: Counter[str] = Counter()
    decoded = sum({count.split: count.images for count in report.counts}.values())
    for count in report.counts:
        labelled[count.task] += count.labelled
    listed = ", ".join(f"{task} {labelled[task]}" for task in tasks)
    if decoded < images:
        yield _DATA.ok(
            f"{images} images; a sample of {decoded} was decoded, all sound; labels in the sample: {listed}"
        )
    else:
        yield _DATA.ok(f"{images} images, all decoded and sound; with labels: {listed}")


def _count(source: Source, tasks: list[str]) -> Iterator[Finding]:
    images = {split: len(source.ids(split)) for split in ("train", "val")}
    if not all(images.values()):
        yield _DATA.fail(f"there are {images['train']} training and {images['val']} validation images")
        return
    yield _DATA.ok(
        f"{images['train']} training and {images['val']} validation images, with {', '.join(tasks)}"
    )
