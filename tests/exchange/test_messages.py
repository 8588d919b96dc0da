import json
import random

import msgspec
import pytest

from fedmtl.errors import ExchangeError
from fedmtl.exchange.messages import (
    Description,
    EvaluateInstruction,
    EvaluateReport,
    Federation,
    Inquiry,
    Instruction,
    Membership,
    Payload,
    TrainReport,
    Version,
)
from fedmtl.tasks import TaskSpec
from tests.exchange.reports import report

SPECS = (TaskSpec("depth", "depth"), TaskSpec("semseg", "semseg", ("floor", "wall")))
FEDERATION = Federation("run-1", SPECS, "seed: 0\n", ("street|head/depth",))
MESSAGES = [
    Description(
        "küche-1.b", SPECS, 3, 8, 2, 4, {"depth": 8, "semseg": 0}, "0.1.0 «süd»", "street", ("int8/1",), True
    ),
    FEDERATION,
    Membership({"backbone": "0f"}, {"adapter/depth": "a0"}, ("0f" * 16,)),
    Instruction(FEDERATION, 4, 3, 2, {"head/depth": Version("0f" * 16, "a0" * 16)}, ("c3" * 16,)),
    EvaluateInstruction(FEDERATION, 4, 3, 2, {"backbone": Version("0f" * 16)}, (), ("val", "test")),
    report(),
    EvaluateReport("a", 4, 2, 0.25),
    Inquiry(False),
]
REPORT = json.loads(report().to_json())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_survives_as_json(message):
    assert type(message).from_json(message.to_json()) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_field_is_needed_and_no_other_is_taken(message):
    plain = json.loads(message.to_json())
    for field in plain:
        fewer = {key: value for key, value in plain.items() if key != field}
        with pytest.raises(ExchangeError, match=f"no valid {type(message).__name__}: .*{field}"):
            type(message).from_json(json.dumps(fewer))
    with pytest.raises(ExchangeError, match="unknown field `extra`"):
        type(message).from_json(json.dumps({**plain, "extra": 1}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("client", "", "matching regex"),
        ("client", "x" * 101, "matching regex"),
        ("client", "../up", "matching regex"),
        ("client", "line\n", "matching regex"),
        ("client", None, "Expected `str`"),
        ("round", -1, ">= 0"),
        ("round", 1.5, "Expected `int`"),
        ("round", True, "Expected `int`"),
        ("images", 2**53 + 1, "<= 9007199254740992"),
        ("images", 10**400, "<= 9007199254740992"),
        ("images", "8", "Expected `int`"),
        ("labelled", {"depth": -1}, ">= 0"),
        ("labelled", ["depth"], "Expected `object`"),
        ("loss_sums", {"depth": None}, "Expected `float`"),
        ("weights", {"backbone": -0.5}, ">= 0.0"),
        ("weights", {"backbone": "8"}, "Expected `float`"),
        ("seconds", -1e-9, ">= 0.0"),
        ("cost", {"epsilon": -1.0, "delta": 1e-5}, ">= 0.0"),
        ("cost", {"epsilon": 1.0}, "missing required field `delta`"),
    ],
)
def test_a_report_with_a_wrong_value_is_refused(field, value, message):
    with pytest.raises(ExchangeError, match=f"no valid TrainReport: .*{message}"):
        TrainReport.from_json(json.dumps({**REPORT, field: value}))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5000, "0x10", "1_0"])
def test_numbers_that_json_or_a_float_has_not_are_refused(number):
    text = report().to_json().replace("2.5", number)
    with pytest.raises(ExchangeError, match="no valid TrainReport"):
        TrainReport.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "{}" * 2,
        "[" * 100_000,
        '{"client":' * 100_000,
        report().to_json().replace("2.5", "[" * 100_000 + "]" * 100_000),
        "\ud800",
        "\x00",
    ],
    ids=range(10),
)
def test_what_is_no_message_is_refused(text):
    with pytest.raises(ExchangeError, match="holds no valid TrainReport"):
        TrainReport.from_json(text)


@pytest.mark.parametrize("payload", [None, b"{}", 3, [], {}])
def test_what_is_no_text_is_refused(payload):
    with pytest.raises(ExchangeError, match="holds no TrainReport"):
        TrainReport.from_json(payload)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": ()}, "each once"),
        (
            {"tasks": (TaskSpec("depth", "os:system"),), "labelled": {"depth": 1}},
            "registered as an entry point",
        ),
        ({"tasks": (SPECS[0], SPECS[0])}, "each once"),
        ({"labelled": {"depth": 1}}, "counted per task"),
        ({"labelled": {"depth": 9, "semseg": 0}}, "at most the images"),
        ({"images": 0}, ">= 1"),
        ({"channels": 0}, ">= 1"),
        ({"channels": 2**60}, "<= 9007199254740992"),
    ],
)
def test_a_description_must_make_sense(changes, message):
    plain = {**msgspec.to_builtins(MESSAGES[0]), **msgspec.to_builtins(changes)}
    with pytest.raises(ExchangeError, match=f"no valid Description: .*{message}"):
        Description.from_json(json.dumps(plain))


def mutated(text, rng):
    """The text with a few pieces dropped, doubled or replaced."""
    pieces = ["null", "-1", "1e999", "{}", '"', "\\", "\ud800", "\x00", "[[", "é", '"client":"b",', "9" * 400]
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        stop = min(len(text), start + rng.choice([0, 1, 5, 20]))
        text = text[:start] + rng.choice([*pieces, text[start:stop] * 2, ""]) + text[stop:]
    return text


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_whatever_arrives_is_a_message_or_an_exchange_error(message):
    rng, refused = random.Random(0), 0
    for _ in range(500):
        try:
            parsed = type(message).from_json(mutated(message.to_json(), rng))
        except ExchangeError:
            refused += 1
        else:
            assert isinstance(parsed, Payload)
    assert refused > 250
