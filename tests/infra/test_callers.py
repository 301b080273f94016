"""Where a request comes from: nobody chooses their own address by writing a header."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.infra.callers import UNKNOWN, caller_address, networks

OURS = networks("10.0.0.0/8 fd00::/8")


def scope(client: str | None, *forwarded: str) -> Any:
    headers = [(b"host", b"test"), *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded)]
    return {"client": (client, 4711) if client is not None else None, "headers": headers}


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.7",), "203.0.113.7"),
        # Whoever comes past our proxies may write what they like.
        ("203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        # What stands left of the first stranger, the stranger wrote.
        ("10.0.0.1", ("198.51.100.1, 203.0.113.7",), "203.0.113.7"),
        ("10.0.0.1", ("10.9.9.9, 203.0.113.7",), "203.0.113.7"),
        ("10.0.0.1", ("198.51.100.1", "203.0.113.7"), "203.0.113.7"),
        # Two proxies of ours, one after the other.
        ("10.0.0.1", ("203.0.113.7, 10.0.0.2",), "203.0.113.7"),
        ("10.0.0.1", ("198.51.100.1, 203.0.113.7 , 10.0.0.3, 10.0.0.2",), "203.0.113.7"),
        ("fd00::1", ("203.0.113.7", "fd00::2"), "203.0.113.7"),
        # Nobody but ourselves.
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", ("", " , "), "10.0.0.1"),
        # Some proxies name the port as well.
        ("10.0.0.1", ("203.0.113.7:567",), "203.0.113.7"),
        ("10.0.0.1", ("203.0.113.7:567, 10.0.0.2:80",), "203.0.113.7"),
        ("10.0.0.1", ("[2001:db8:1:2::7]:80",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("[2001:db8:1:2::7]",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("203.0.113.7, [fd00::1]:80",), "203.0.113.7"),
        # One subscriber has a whole /64, and one address may be written in many ways.
        ("2001:db8:1:2::7", (), "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2:ffff:ffff:ffff:ffff", (), "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", (), "2001:db8:1:3::/64"),
        # A socket that speaks both kinds shows IPv4 callers so; one of ours is ours in both.
        ("::ffff:203.0.113.7", (), "203.0.113.7"),
        ("::ffff:10.0.0.1", ("203.0.113.7",), "203.0.113.7"),
        ("10.0.0.1", ("203.0.113.7, ::ffff:10.0.0.2",), "203.0.113.7"),
        ("10.0.0.1", ("::ffff:203.0.113.7",), "203.0.113.7"),
        # What is no address counts together, and hides nobody further left.
        ("10.0.0.1", ("203.0.113.7, unknown",), UNKNOWN),
        ("10.0.0.1", ("_hidden",), UNKNOWN),
        ("10.0.0.1", ("203.0.113.7:",), UNKNOWN),
        ("10.0.0.1", ("999.0.113.7:80",), UNKNOWN),
        ("10.0.0.1", ("[]:80",), UNKNOWN),
        ("10.0.0.1", ("é\x00",), UNKNOWN),
        ("a socket", ("203.0.113.7",), UNKNOWN),
        ("", ("203.0.113.7",), UNKNOWN),
        (None, ("203.0.113.7",), UNKNOWN),
    ],
)
def test_the_nearest_stranger_is_the_caller(client: str | None, forwarded: tuple[str, ...], address: str) -> None:
    assert caller_address(scope(client, *forwarded), OURS) == address


def test_without_proxies_of_ours_no_header_counts() -> None:
    assert caller_address(scope("127.0.0.1", "203.0.113.7"), networks("")) == "127.0.0.1"


@given(st.lists(st.text(st.characters(max_codepoint=255))), st.ip_addresses())
def test_what_a_caller_writes_before_our_proxy_changes_nothing(written: list[str], caller: Any) -> None:
    direct = caller_address(scope(str(caller)), networks(""))
    ours = networks("198.51.100.1/32")
    if str(caller) != "198.51.100.1":
        assert caller_address(scope("198.51.100.1", *written, str(caller)), ours) == direct


@given(st.text(), st.text(st.characters(max_codepoint=255)))
def test_no_text_is_an_error(client: str, forwarded: str) -> None:
    for trusted in (OURS, networks("0.0.0.0/0 ::/0")):
        assert caller_address(scope(client, forwarded), trusted)
        assert caller_address(scope("10.0.0.1", forwarded), trusted)


@pytest.mark.parametrize("listed", ["10.0.0.1/8", "10.0.0.0/33", "ours", "10.0.0.0/8,fd00::/8"])
def test_a_setting_that_names_no_network_is_refused(listed: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        networks(listed)
