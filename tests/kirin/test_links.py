import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from kirin.errors import InvalidRequest, Rule
from kirin.links import LONGEST_LINK, check_image_url, is_ip_address, is_public_name
from tests.kirin.kirin_factories import thoroughly


def problem_of(link: str) -> object:
    with pytest.raises(InvalidRequest) as caught:
        check_image_url(link)
    assert caught.value.rule is Rule.IMAGE_URL
    return caught.value.facts["problem"]


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com/fox.png",
        "https://example.com",
        "https://cdn.example.co.uk/a/b.jpg?size=large&v=2#top",
        "https://example.com:8443/fox.png",
        "https://example.com./fox.png",
        "https://my_bucket.s3.example.com/fox.png",
        "https://bücher.example/fuchs.png",
        "https://xn--bcher-kva.example/fuchs.png",
        "https://example.com/" + "x" * (LONGEST_LINK - 20),
        "https://example.com/a@b",
        "https://1.example.com/",
        "https://example.com/?u=http://127.0.0.1/",
    ],
)
def test_a_link_to_a_public_host_is_accepted_as_it_is(link: str) -> None:
    assert check_image_url(link) == link


def test_spaces_around_a_link_are_left_out() -> None:
    assert check_image_url("  https://example.com/fox.png\n") == "https://example.com/fox.png"


def test_a_phones_capital_letter_is_set_right() -> None:
    assert check_image_url("Https://Example.com/Fox.png") == "https://Example.com/Fox.png"


@pytest.mark.parametrize("scheme", ["http", "ftp", "file", "data", "javascript", "httpss"])
def test_only_https_is_accepted(scheme: str) -> None:
    assert problem_of(f"{scheme}://example.com/fox.png") == "not_https"


@pytest.mark.parametrize(
    "link",
    [
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://:password@example.com/",
        "https://@example.com/",
        "https://example.com@127.0.0.1/",
    ],
)
def test_credentials_are_refused(link: str) -> None:
    assert problem_of(link) == "credentials"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "8.8.8.8",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0x0.0x0.0x1",
        "0X7F.1",
        "0177.0.0.1",
        "00000177.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[2001:db8::1]",
        "[::]",
        "127.0.0.1:8443",
        "[::1]:8443",
        "\uff11\uff12\uff17.0.0.1",
        "①②⑦.0.0.1",
        "127\u30020\u30020\u30021",
        "127.0.0\u30021",
        "127.0.0\uff0e1",
        "127.0.0\uff611",
    ],
)
def test_an_ip_address_is_refused_however_it_is_spelt(host: str) -> None:
    assert problem_of(f"https://{host}/fox.png") == "ip_address"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "LOCALHOST",
        "foo.localhost",
        "printer.local",
        "printer.LOCAL.",
        "db.internal",
        "router.lan",
        "nas.home",
        "fox.test",
        "fox.invalid",
        "intranet",
        ".example.com",
        "example..com",
        "example.com..",
        "...",
        "127.0.0.%31",
        "exa<mple.com",
        "exa*mple.com",
        "x" * 64 + ".example.com",
        ".".join(["x" * 60] * 5) + ".com",
    ],
)
def test_a_host_that_not_everybody_can_resolve_is_refused(host: str) -> None:
    assert problem_of(f"https://{host}/fox.png") == "not_public"


@pytest.mark.parametrize(
    "link",
    [
        "",
        " ",
        "fox.png",
        "https:",
        "https://",
        "https:///fox.png",
        "https:example.com/fox.png",
        "//example.com/fox.png",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://example.com:-1/",
        "https://[::1/",
        "https://[example.com]/",
        "https://example.com/a fox.png",
        "https://example.com/a\tfox.png",
        "https://example.com/a\nfox.png",
        "https://exam\nple.com/",
        "https://example.com/\x00",
        "https://example.com/\u200b",
        "https://example.com/\xa0fox.png",
        "https://example.com\\@127.0.0.1/",
        "https:\\\\example.com\\fox.png",
        "https://example.com/..\\fox.png",
        "https://example.com\uff0f127.0.0.1/",
    ],
)
def test_a_text_that_programs_may_read_differently_is_refused(link: str) -> None:
    assert problem_of(link) in {"malformed", "not_https", "credentials"}


def test_a_very_long_link_is_refused() -> None:
    assert problem_of("https://example.com/" + "x" * LONGEST_LINK) == "too_long"


@thoroughly
@given(st.text(st.sampled_from("htps:/.@\\[]%#?019xXa- \u3002\uff11①é")).map("https://{}".format))
def test_no_reader_of_an_accepted_link_finds_an_address_in_it(link: str) -> None:
    try:
        accepted = check_image_url(link)
    except InvalidRequest:
        return
    host = URL(accepted).host or ""
    assert not is_ip_address(host)
    assert URL(accepted).user is None


@pytest.mark.parametrize(
    "host", ["", "a", "127.0.0.1", "127.0.0.1.", "::1", "127.0.0\u30021", "é.fr"]
)
def test_a_public_name_is_a_name_in_ascii(host: str) -> None:
    assert not is_public_name(host)
    assert is_public_name("cdn.Example.com.")
