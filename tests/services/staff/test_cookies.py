import pytest

from services.staff.cookies import cookie_name, csrf_of, is_https


@pytest.mark.parametrize(
    ("public_url", "name"),
    [
        ("https://hoasen.example", "__Host-loa"),
        ("HTTPS://hoasen.example/loa", "__Host-loa"),
        ("http://127.0.0.1:8000", "loa"),
        ("http://https.example", "loa"),
    ],
)
def test_the_cookie_is_bound_to_the_host_wherever_there_is_https(
    public_url: str, name: str
) -> None:
    assert cookie_name(public_url) == name
    assert is_https(public_url) == (name != "loa")


def test_the_code_is_the_same_for_a_cookie_and_another_for_any_other() -> None:
    assert csrf_of("one") == csrf_of("one")
    assert len({csrf_of("one"), csrf_of("two"), csrf_of(""), csrf_of("\ud800")}) == 4
    assert len(csrf_of("one")) == 43
