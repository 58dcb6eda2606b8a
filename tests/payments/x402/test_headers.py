"""Reading the payment header strictly, and writing ours exactly."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from payments.x402.headers import (
    HEADER_CHARACTERS_MAX,
    NESTING_LEVELS_MAX,
    decode_json,
    decode_payment,
    encode_header,
    encode_json,
    matches,
)
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from tests.payments.x402.cast import (
    OFFER,
    RESOURCE,
    header_of,
    other_seller,
    payment_document,
    with_change,
    without,
)


def test_it_reads_a_payment():
    payment = decode_payment(header_of(payment_document()))
    assert payment.version == 2
    assert payment.accepted == OFFER
    assert payment.resource_url == RESOURCE.url
    assert payment.extensions == {}
    assert payment.payload["authorization"]["value"] == "10000"


def test_padding_is_optional():
    documents = [payment_document() | {"spare": "x" * n} for n in range(3)]
    padded = [header_of(document) for document in documents]
    assert {len(header) - len(header.rstrip("=")) for header in padded} == {0, 1, 2}
    for header in padded:
        assert decode_payment(header.rstrip("=")) == decode_payment(header)


def test_unknown_keys_are_tolerated():
    document = with_change(payment_document(), "accepted.colour", "blue")
    document["payload"]["note"] = document["note"] = {"anything": [1, 2.5, None]}
    assert decode_payment(header_of(document)).accepted == OFFER


def test_resource_and_extensions_may_be_absent_or_null():
    document = without(payment_document(), "resource") | {"extensions": None}
    payment = decode_payment(header_of(document))
    assert payment.resource_url is None
    assert payment.extensions == {}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "A",
        "!!!!",
        "{}",
        "é",
        "\ud800",
        header_of(payment_document()) + "====",
        header_of(payment_document()) + "\n",
        " " + header_of(payment_document()),
        urlsafe_b64encode(json.dumps({"x402Version": 2, "s": "???>>>"}).encode()).decode(),
    ],
)
def test_it_refuses_what_is_not_standard_base64(header):
    with pytest.raises(Malformed) as refusal:
        decode_payment(header)
    assert refusal.value.reason in {Reason.MALFORMED_HEADER, Reason.MALFORMED_JSON}


def test_it_takes_a_header_of_just_the_longest_length():
    document = payment_document()
    spare = HEADER_CHARACTERS_MAX // 4 * 3 - len(json.dumps(document | {"spare": ""}))
    longest = header_of(document | {"spare": "x" * spare})
    assert len(longest) == HEADER_CHARACTERS_MAX
    assert decode_payment(longest).accepted == OFFER
    with pytest.raises(Malformed):
        decode_payment(header_of(document | {"spare": "x" * (spare + 1)}))


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b'{"x402Version":2} trailing',
        b'{"x402Version":2,"x402Version":2}',
        b'{"a":{"b":1,"\\u0062":1}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":' + b"9" * 5000 + b"}",
        b"[" * 10_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    ],
)
def test_it_refuses_json_that_can_be_understood_in_two_ways(text):
    with pytest.raises(Malformed) as refusal:
        decode_payment(b64encode(text).decode())
    assert refusal.value.reason is Reason.MALFORMED_JSON


_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_VALUES = st.recursive(
    _PLAIN, lambda below: st.lists(below) | st.dictionaries(st.text(), below), max_leaves=20
)
_WRITERS = {
    "compact": json.JSONEncoder(ensure_ascii=False, separators=(",", ":")),
    "spaced": json.JSONEncoder(ensure_ascii=False),
    "escaped": json.JSONEncoder(separators=(",", ":")),
}


@given(_VALUES, st.sampled_from(sorted(_WRITERS)))
def test_however_it_is_written_the_same_is_read(value, writer):
    text = _WRITERS[writer].encode(value)
    assert json.dumps(decode_json(text.encode())) == json.dumps(json.loads(text))


@given(st.dictionaries(st.text('ab\\"\u00e9', max_size=3), _PLAIN, min_size=1), st.booleans())
def test_a_key_that_comes_twice_is_never_read(members, same_value):
    key, value = next(iter(members.items()))
    again = json.dumps({key: value if same_value else "other"}, ensure_ascii=False)
    whole = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    twice = f"{whole[:-1]},{again[1:]}"
    for text in (twice, f'{{"outer":{twice}}}', f"[{twice}]"):
        with pytest.raises(Malformed):
            decode_json(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_nesting_has_a_limit(wrap):
    inner: object = "leaf"
    for _ in range(NESTING_LEVELS_MAX - 1):
        inner = wrap(inner)
    assert decode_payment(header_of(payment_document() | {"deep": inner})).accepted == OFFER
    with pytest.raises(Malformed) as refusal:
        decode_payment(header_of(payment_document() | {"deep": wrap(inner)}))
    assert refusal.value.reason is Reason.MALFORMED_JSON


def test_many_brackets_that_are_not_deep_are_fine():
    broad = [[] for _ in range(NESTING_LEVELS_MAX * 2)] + ["[{" * 100]
    assert decode_payment(header_of(payment_document() | {"broad": broad})).accepted == OFFER


@pytest.mark.parametrize("version", [1, 3, 0, -2])
def test_another_version_is_refused_but_may_be_cured(version):
    with pytest.raises(PaymentRefused) as refusal:
        decode_payment(header_of(payment_document() | {"x402Version": version}))
    assert refusal.value.reason is Reason.UNSUPPORTED_VERSION
    assert not isinstance(refusal.value, Malformed)


@pytest.mark.parametrize("document", [[], "payment", 2, None, True])
def test_a_payment_must_be_an_object(document):
    with pytest.raises(Malformed):
        decode_payment(header_of(document))


@pytest.mark.parametrize(
    "path",
    ["x402Version", "payload", "accepted", "resource.url"]
    + [f"accepted.{key}" for key in OFFER.to_wire() if key != "extra"],
)
def test_no_needed_part_may_be_missing(path):
    with pytest.raises(Malformed) as refusal:
        decode_payment(header_of(without(payment_document(), path)))
    assert refusal.value.reason is Reason.MALFORMED_PAYLOAD


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("x402Version", "2"),
        ("x402Version", True),
        ("x402Version", 2.0),
        ("payload", []),
        ("accepted", None),
        ("resource", "https://souk.example"),
        ("resource.url", 7),
        ("extensions", ["bazaar"]),
        ("accepted.scheme", None),
        ("accepted.network", 84532),
        ("accepted.maxTimeoutSeconds", "300"),
        ("accepted.maxTimeoutSeconds", 300.0),
        ("accepted.maxTimeoutSeconds", True),
        ("accepted.maxTimeoutSeconds", -1),
        ("accepted.maxTimeoutSeconds", 2**31),
        ("accepted.extra", None),
        ("accepted.asset", "0x1234"),
        ("accepted.payTo", OFFER.pay_to.removeprefix("0x")),
        ("accepted.payTo", OFFER.pay_to + "\n"),
        ("accepted.payTo", "0X" + OFFER.pay_to[2:]),
    ],
)
def test_no_part_may_be_of_another_type(path, value):
    document = payment_document() | {"extensions": {}}
    with pytest.raises(Malformed) as refusal:
        decode_payment(header_of(with_change(document, path, value)))
    assert refusal.value.reason is Reason.MALFORMED_PAYLOAD


@pytest.mark.parametrize(
    "amount",
    [
        *(10_000, 10_000.0, None, "", "010000", "+1", "-1", " 1", "1 ", "1\n", "1_000", "1e4"),
        *("0x10", "١", str(2**256), "9" * 78, "1" * 79),
    ],
)
def test_an_amount_has_one_spelling(amount):
    with pytest.raises(Malformed):
        decode_payment(header_of(with_change(payment_document(), "accepted.amount", amount)))


@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_every_amount_that_fits_is_read_exactly(amount):
    document = with_change(payment_document(), "accepted.amount", str(amount))
    assert decode_payment(header_of(document)).accepted.amount_atomic == amount


def test_the_offer_is_matched_however_its_addresses_are_written():
    for write in (str.lower, lambda text: "0x" + text[2:].upper()):
        document = with_change(payment_document(), "accepted.payTo", write(OFFER.pay_to))
        document = with_change(document, "accepted.asset", write(OFFER.asset))
        assert matches(OFFER, decode_payment(header_of(document)).accepted)
        assert matches(replace(OFFER, pay_to=write(OFFER.pay_to)), OFFER)


def test_the_buyer_may_add_to_extra():
    accepted = replace(OFFER, extra={**OFFER.extra, "note": "mine"})
    assert matches(OFFER, accepted)
    assert not matches(accepted, OFFER)


def test_extra_that_is_not_text_is_never_ours():
    document = with_change(payment_document(), "accepted.extra.version", 2)
    assert not matches(OFFER, decode_payment(header_of(document)).accepted)


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "upto"},
        {"network": "eip155:8453"},
        {"amount_atomic": 9_999},
        {"asset": other_seller.address},
        {"pay_to": other_seller.address},
        {"max_timeout_seconds": 301},
        {"extra": {"name": "USDC"}},
        {"extra": {"name": "USDC", "version": "1"}},
    ],
)
def test_an_offer_changed_in_any_part_is_not_ours(change):
    assert matches(OFFER, OFFER)
    assert not matches(OFFER, replace(OFFER, **change))


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
json_values = st.recursive(
    leaves | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_the_header_is_base64_of_exactly_the_body(document):
    body = encode_json(document)
    header = encode_header(document)
    assert b64decode(header, validate=True) == body
    assert json.loads(body) == document
    assert header.isascii()


def test_json_is_compact_and_readable():
    assert encode_json({"a": ["é", 1], "b": None}) == '{"a":["é",1],"b":null}'.encode()


def test_no_number_that_is_not_json_is_written():
    with pytest.raises(ValueError, match="JSON"):
        encode_json({"a": float("nan")})


@given(st.text() | st.binary().map(lambda raw: b64encode(raw).decode()))
def test_nothing_arbitrary_is_ever_more_than_refused(header):
    with pytest.raises(PaymentRefused):
        decode_payment(header)


@given(json_values | st.dictionaries(st.sampled_from(["x402Version", "accepted"]), json_values))
def test_no_json_is_ever_more_than_refused(document):
    with pytest.raises(PaymentRefused):
        decode_payment(header_of(document))


@given(st.data())
def test_a_damaged_payment_is_read_or_refused(data):
    whole = bytearray(b64decode(header_of(payment_document())))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    try:
        assert decode_payment(b64encode(bytes(whole)).decode()).version == 2
    except PaymentRefused:
        event("refused")
