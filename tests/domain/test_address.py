"""Addresses: reading, writing, and being a part of a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.address import Address

NAMES = st.text("abcXYZ019_-", min_size=1, max_size=12)
KEYS = st.text(
    st.characters(codec="utf-8", exclude_characters="[],", exclude_categories=["Cc"]),
    min_size=1,
    max_size=12,
)
ADDRESSES = st.builds(Address, NAMES, st.lists(KEYS, max_size=3).map(tuple))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("street", Address("street")),
        ("street-rain_2", Address("street-rain_2")),
        ("hero[2]", Address("hero", ("2",))),
        ("city[Tokyo,dawn]", Address("city", ("Tokyo", "dawn"))),
        ("city[São Paulo,5 pm]", Address("city", ("São Paulo", "5 pm"))),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text


@given(address=ADDRESSES)
def test_every_address_is_read_back_as_it_was_written(address: Address) -> None:
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two words",
        "a/b",
        "a.b",
        "a[]",
        "a[b",
        "a[b]]",
        "a[[b]]",
        "a[b]c",
        "[b]",
        b"a[b\\x00]".decode("unicode_escape"),
        "a[b\nc]",
        "street\n",
        "é",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("address", "part"),
    [
        (Address("street"), "street"),
        (Address("city", ("Tokyo", "dawn")), "city-Tokyo-dawn"),
        (Address("city", ("São Paulo", "5 pm")), "city-São_Paulo-5_pm"),
        (Address("city", ("../../etc", "a\\b")), "city-_.._etc-a_b"),
        (Address("city", ("..",)), "city-_"),
        (Address("city", (".hidden",)), "city-hidden"),
        (Address("cafe", ("cafe\u0301",)), "cafe-caf\u00e9"),
    ],
)
def test_in_paths_an_address_is_written_safely(address: Address, part: str) -> None:
    assert address.in_paths == part


@given(address=ADDRESSES)
def test_an_address_in_a_path_is_one_part_that_leads_nowhere_else(address: Address) -> None:
    part = address.in_paths
    assert part
    assert not set(part) & set('/\\:*?"<>|\0\n ')
    assert not part.startswith(".")


def test_addresses_are_ordered_by_name_and_then_by_keys() -> None:
    texts = ["b", "a[2]", "a", "a[10]", "a-b"]
    assert [str(each) for each in sorted(map(Address.parse, texts))] == [
        "a",
        "a[10]",
        "a[2]",
        "a-b",
        "b",
    ]
