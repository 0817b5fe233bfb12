from collections.abc import Iterator

import pytest

from services.api import problems, words
from services.delivery import refusal_words
from shared.errors import LoaError


def every_error(kind: type[LoaError] = LoaError) -> Iterator[type[LoaError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


def test_every_branch_of_our_errors_has_a_status() -> None:
    branches = set(LoaError.__subclasses__())
    own = {kind for kind in branches if kind.__module__.startswith(("shared.", "services.api"))}
    assert own <= set(problems.STATUS)
    assert set(problems.STATUS) <= set(every_error())


@pytest.mark.parametrize("code", sorted(words.door_codes()))
def test_words_of_this_door_speak_both_languages_and_are_its_own(code: str) -> None:
    vietnamese, english = words.detail(code, "vi", {}), words.detail(code, "en", {})
    assert vietnamese != english
    assert code not in refusal_words.TABLE


@pytest.mark.parametrize("code", sorted(problems.STATUS_OF_CODE))
def test_codes_with_a_status_of_their_own_have_words(code: str) -> None:
    assert code in refusal_words.TABLE


@pytest.mark.parametrize(
    ("asked", "own", "language"),
    [
        (None, "vi", "vi"),
        (None, "en", "en"),
        ("en-GB,en;q=0.9", "vi", "en"),
        ("fr, vi;q=0.5, en;q=0.4", "en", "vi"),
        ("fr", "en", "en"),
        ("en;q=0", "vi", "vi"),
        ("en;q=x, ;;, ,", "vi", "vi"),
    ],
)
def test_the_readers_language(asked: str | None, own: str, language: str) -> None:
    assert words.language_of(asked, own) == language


def test_a_fault_in_two_languages_is_told_in_one() -> None:
    both = "Cần nêu lý do · A reason is needed"
    assert words.side(both, "vi") == "Cần nêu lý do"
    assert words.side(both, "en") == "A reason is needed"
    assert words.side("Chỉ tiếng Việt", "en") == "Chỉ tiếng Việt"
