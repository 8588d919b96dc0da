"""Whether the server knows a site's node key, found out without touching the node.

Flower has no question for that. But it looks an activation's key up before it looks at the heartbeat interval that
comes with it: with an interval that is never allowed, a known key and an unknown one are refused for different reasons,
and nothing is activated. A SuperNode that runs with the key notices nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import msgspec
from flwr.common.constant import TIMESTAMP_HEADER
from flwr.proto.fleet_pb2 import ActivateNodeRequest
from flwr.supercore.constant import FLEET_HTTP_PUBLIC_KEY_HEADER, FLEET_HTTP_SIGNATURE_HEADER
from flwr.supercore.date import now
from flwr.supercore.error import ApiErrorCode
from flwr.supercore.primitives.asymmetric import public_key_to_bytes, sign_message
from flwr.supercore.protobuf.constants import PROTOBUF_MEDIA_TYPE

from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.doctor.line import Line
from fedmtl.deployment.keys import KeyFolder
from fedmtl.errors import RunError

NEVER_ALLOWED = 0.0
"""A heartbeat interval, in seconds; Flower's least is 10."""
_REGISTERED = Subject("registered")
_ASK = "ask the server's operator to run its doctor"


class _Refusal(msgspec.Struct):
    code: int


def check_registered(line: Line, keys: KeyFolder) -> Iterator[Finding]:
    """Whether the server at the other end of an open line would let the node of `keys` in."""
    key = keys.load_node()
    public, timestamp = public_key_to_bytes(key.public_key()), now().isoformat()
    headers = {
        "content-type": PROTOBUF_MEDIA_TYPE,
        "accept": PROTOBUF_MEDIA_TYPE,
        FLEET_HTTP_PUBLIC_KEY_HEADER: b64encode(public).decode(),
        FLEET_HTTP_SIGNATURE_HEADER: b64encode(sign_message(key, timestamp.encode())).decode(),
        TIMESTAMP_HEADER: timestamp,
    }
    request = ActivateNodeRequest(public_key=public, heartbeat_interval=NEVER_ALLOWED)
    try:
        answer = line.post("/v1/fleet/activate-node", request.SerializeToString(), headers)
    except RunError as error:
        yield _REGISTERED.fail(str(error), _ASK)
        return
    code = _code(answer.body)
    if code == ApiErrorCode.FLEET_INVALID_HEARTBEAT_INTERVAL:
        yield _REGISTERED.ok("the server knows this site's node key")
    elif code == ApiErrorCode.FLEET_NODE_ACTIVATION_FAILED:
        yield _REGISTERED.fail(
            "the server does not know this site's node key",
            f"hand {keys.public} over to the server's operator, who names it in federation.yaml and runs "
            "'fedmtl deploy init' again; a key that was revoked never comes back: make new ones",
        )
    elif answer.status == 401:
        yield _REGISTERED.fail(
            "the server refuses what the node key signed",
            "set the clock right first; then ask the server's operator",
        )
    elif answer.status in (502, 503, 504):
        yield _REGISTERED.fail(
            "the server's gateway is up, but SuperLink behind it is not",
            "ask the server's operator to run its doctor",
        )
    else:
        yield _REGISTERED.fail(
            f"the server answers with HTTP {answer.status}, which Flower never does here",
            "check the address and the reverse proxy in front of the server",
        )


def _code(body: bytes) -> int | None:
    try:
        return msgspec.json.decode(body, type=_Refusal).code
    except msgspec.MsgspecError:
        return None
