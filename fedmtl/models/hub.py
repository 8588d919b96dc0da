"""Whether timm's weights, which lie on a server, can be had: told at once, where the hub's client tries for minutes."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import torch

from fedmtl.errors import ModelError

PATIENCE = 20.0
"""Seconds for a first answer, name look-up and all; how long the download then takes is not looked at."""


def require_within_reach(name: str, pretrained: Any) -> None:
    """See to it that timm, when it asks for weights, has somebody to ask.

    Where they are kept from an earlier time, nobody is asked here.

    Args:
        name: timm's name of the model.
        pretrained: what timm knows of its weights, a `timm.models.PretrainedCfg`.

    Raises:
        ModelError: the weights are not on this machine, and the server that has them does not answer.
    """
    from huggingface_hub import constants

    address = constants.ENDPOINT if pretrained.hf_hub_id else pretrained.url
    if not address or _is_kept(pretrained):
        return
    if silence := _silence(address):
        what = f"{constants.ENDPOINT}/{pretrained.hf_hub_id}" if pretrained.hf_hub_id else address
        raise ModelError(
            f"model.backbone.weights: timm's weights for {name} are not on this machine, and "
            f"{urlsplit(address).netloc} cannot be reached ({silence}); download them on another one from {what} "
            "and give the file: model.backbone.weights=FILE"
        )


def _is_kept(pretrained: Any) -> bool:
    """Whether the weights lie where timm looks before it asks."""
    from huggingface_hub import try_to_load_from_cache

    if not pretrained.hf_hub_id:
        return (
            Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(pretrained.url).path).name
        ).is_file()
    repository, _, revision = pretrained.hf_hub_id.partition("@")
    named = pretrained.hf_hub_filename
    return any(
        isinstance(try_to_load_from_cache(repository, file, revision=revision or None), str)
        for file in ([named] if named else ["model.safetensors", "pytorch_model.bin"])
    )


def _silence(address: str) -> str:
    """Why there is no answer from `address`; empty where there is one, whatever it says.

    Asked by the hub's own client, which knows of proxies and certificates, and in a thread, because looking up a name
    has no limit of its own.
    """
    from huggingface_hub import get_session

    failures = []

    def ask() -> None:
        try:
            get_session().head(address, timeout=PATIENCE)
        except Exception as error:  # which depends on the version of the client
            failures.append(str(error) or type(error).__name__)

    thread = Thread(target=ask, name="hub", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        return f"no answer in {PATIENCE:g} seconds"
    return failures[0].splitlines()[0] if failures else ""
