"""The values of groups that a client was sent, so that the server need not send them again.

They lie in the client's folder under the digest of their bytes, which says whether a file is whole. They are no state:
whoever loses them is sent them again. Clients of a simulation have equal values, and many of them: the bytes are on
the disk once, in a folder beside the clients', with a hard link in each client's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from fedmtl.errors import ExchangeError, RunError
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.codecs import Codec, Fp32, codec_of
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.messages import Instruction, Version
from fedmtl.exchange.versions import add_difference, digest

_NAME = re.compile(r"[0-9a-f]{32}")


class Received:
    """What one client holds.

    Args:
        folder: the client's own; made at the first write.
        layouts: of the groups that it may be sent.
        codec: what differences are sent by.
    """

    def __init__(self, folder: Path, layouts: Mapping[str, Layout], codec: Codec) -> None:
        self._folder, self._pool = folder / "received", folder.parent / ".received"
        self._layouts, self._codec = layouts, codec

    def held(self) -> tuple[str, ...]:
        """The digests of all values that are held."""
        names = os.listdir(self._folder) if self._folder.is_dir() else []
        return tuple(sorted(name for name in names if _NAME.fullmatch(name)))

    def receive(
        self, instruction: Instruction, encoded: Mapping[str, Encoded], expected: Collection[str]
    ) -> dict[str, Vector]:
        """The values of each group of a message; they are held from now on.

        Args:
            encoded: what was sent.
            expected: the groups that the message must have.

        Raises:
            ExchangeError: the groups are not those that were agreed on, a payload is broken, or the server counts on
                values that are not held.
            RunError: they cannot be written.
        """
        versions = instruction.versions
        for group in sorted({*versions, *encoded, *expected}):
            if group not in expected:
                raise ExchangeError(f"the server sent group '{group}', which is not part of this message")
            if group not in versions:
                raise ExchangeError(f"the server did not send group '{group}'")
        vectors = {
            group: self._value(group, version, encoded.get(group)) for group, version in versions.items()
        }
        for group, vector in vectors.items():
            if group in encoded:
                self.hold(vector, versions[group].digest)
        self._forget({version.digest for version in versions.values()} | set(instruction.keep))
        return vectors

    def hold(self, vector: Vector, name: str) -> None:
        """Write values under their digest, unless they are there.

        Raises:
            RunError: they cannot be written.
        """
        own, pooled = self._folder / name, self._pool / name
        if own.exists():
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._pool.mkdir(exist_ok=True)
            try:
                own.hardlink_to(pooled)
            except OSError:  # nobody has them yet, or the disk knows no hard links
                self._write(vector, own, pooled)
        except OSError as error:
            raise RunError(f"{own} cannot be written: {error.strerror}") from error

    def _write(self, vector: Vector, own: Path, pooled: Path) -> None:
        # Not synced: what a power cut tears is not what its name says, and is sent again.
        partial = self._pool / f"{self._folder.parent.name}.partial"
        np.ascontiguousarray(vector, "<f4").tofile(partial)
        try:
            own.hardlink_to(partial)
        except OSError:
            partial.replace(own)
        else:
            partial.replace(pooled)

    def _forget(self, kept: Collection[str]) -> None:
        for name in set(self.held()) - set(kept):
            self._drop(name)

    def _drop(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            if (self._pool / name).stat().st_nlink == 1:
                (self._pool / name).unlink()

    def _value(self, group: str, version: Version, encoded: Encoded | None) -> Vector:
        if encoded is None:
            return self._read(group, version.digest)
        layout = self._layouts[group]
        try:
            if version.base is None:
                vector = Fp32().decode(encoded, layout)
            else:
                codec = codec_of(group, layout, self._codec)
                vector = add_difference(encoded, self._read(group, version.base), codec, layout)
        except ExchangeError as error:
            raise ExchangeError(f"the server sent group '{group}': it {error}") from error
        if digest(vector) != version.digest:
            raise ExchangeError(
                f"the server sent group '{group}': it does not have the values that were agreed on"
            )
        return vector

    def _read(self, group: str, name: str) -> Vector:
        try:
            vector = np.fromfile(self._folder / name, "<f4").astype(np.float32, copy=False)
        except FileNotFoundError as error:
            raise ExchangeError(f"the server did not send group '{group}', which is not held here") from error
        if vector.size != self._layouts[group].size or digest(vector) != name:
            for folder in (self._folder, self._pool):
                (folder / name).unlink(missing_ok=True)
            raise ExchangeError(f"the server did not send group '{group}', which is damaged here")
        return vector
