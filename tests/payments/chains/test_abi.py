"""Packing by hand, held against the library that does it from type strings."""

from eth_abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from payments.chains.abi import aggregate3, aggregate3_results, selector, text

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: f"0x{raw.hex()}")
CALLS = st.lists(st.tuples(ADDRESSES, st.binary(max_size=200)), max_size=8)
RESULTS = st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), max_size=8)


@given(CALLS)
def test_a_multicall_is_packed_as_the_library_packs_it(calls: list[tuple[str, bytes]]) -> None:
    members = [(to, True, data) for to, data in calls]
    packed = encode(["(address,bool,bytes)[]"], [members])
    assert aggregate3(calls) == selector("aggregate3((address,bool,bytes)[])") + packed


@given(RESULTS)
def test_results_are_unpacked_as_the_library_packed_them(results: list[tuple[bool, bytes]]) -> None:
    packed = encode(["(bool,bytes)[]"], [results])
    assert aggregate3_results(packed, len(results)) == results


@given(st.binary(max_size=300), st.integers(0, 5))
def test_garbage_is_refused_or_read_within_its_bounds(packed: bytes, calls: int) -> None:
    try:
        results = aggregate3_results(packed, calls)
    except ValueError:
        return
    assert len(results) == calls


@given(RESULTS.filter(bool), st.data())
def test_a_result_cut_short_is_refused(
    results: list[tuple[bool, bytes]], data: st.DataObject
) -> None:
    packed = encode(["(bool,bytes)[]"], [results])
    # Less than a word off the end may be padding.
    cut = packed[: data.draw(st.integers(0, len(packed) - 32 - len(results[-1][1]) - 1))]
    try:
        aggregate3_results(cut, len(results))
    except ValueError:
        return
    raise AssertionError("read beyond the end")


@given(st.text(max_size=80))
def test_a_text_is_read_as_the_library_wrote_it(words: str) -> None:
    packed = encode(["string"], [words])
    assert text(packed) == words == decode(["string"], packed)[0]
