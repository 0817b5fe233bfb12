"""What the demo shows must pass every check that a real item passes."""

import io
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import get_args
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
import yaml
from PIL import Image

from services.content.body import parse, problems
from services.content.forms import DocumentForm, ItemForm, Kind
from services.sandbox.demo import pictures
from services.sandbox.demo.people import PEOPLE, UNITS
from services.sandbox.demo.plan import ITEMS, Outcome
from shared.contract.blocks import figures

_FILES = sorted(item.file for item in ITEMS)
_CATEGORIES = {
    "tin-tuc",
    "van-ban-chinh-sach",
    "ban-tin-cai-cach-hanh-chinh",
    "tin-da-phuong-tien",
}
_PEOPLE = {person.email: person for person in PEOPLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    text: str
    front: Mapping[str, object]
    body: str


@cache
def _page(file: str) -> _Page:
    text = (resources.files("services.sandbox.demo") / "items" / file).read_text("utf-8")
    opening, front, body = text.split("---\n", 2)
    assert opening == ""
    return _Page(text=text, front=yaml.safe_load(front), body=body)


@cache
def _picture(name: str) -> bytes:
    return pictures.draw(name)


def _media(name: str) -> UUID | None:
    return uuid5(NAMESPACE_URL, name) if name in pictures.NAMES else None


def _form(front: Mapping[str, object], body: str) -> ItemForm:
    own = {"kind", "title", "summary", "category", "tags", "document"}
    return ItemForm.model_validate({**{k: front[k] for k in own & front.keys()}, "body": body})


def test_the_plan_names_every_file_once() -> None:
    folder = resources.files("services.sandbox.demo") / "items"
    assert sorted(entry.name for entry in folder.iterdir()) == _FILES
    assert len(set(_FILES)) == len(_FILES) == 12


@pytest.mark.parametrize("file", _FILES)
def test_a_file_is_accepted_as_an_item(file: str) -> None:
    page = _page(file)
    form = _form(page.front, page.body)
    known = {"title", "summary", "kind", "category", "tags"}
    known |= {"cover", "cover_alt", "document", "publish_at", "urgent"}
    assert page.front.keys() <= known
    assert form.category in _CATEGORIES
    assert form.tags


@pytest.mark.parametrize("file", _FILES)
def test_lengths_suit_the_narrowest_channel(file: str) -> None:
    page = _page(file)
    assert 1 <= len(str(page.front["title"])) <= 140
    assert 1 <= len(str(page.front["summary"])) <= 250
    assert 120 <= len(page.body.split()) <= 350


@pytest.mark.parametrize("file", _FILES)
def test_texts_are_composed_unicode_with_unix_line_ends(file: str) -> None:
    text = _page(file).text
    assert unicodedata.is_normalized("NFC", text)
    assert "\r" not in text


@pytest.mark.parametrize("file", _FILES)
def test_a_body_has_no_problem_and_its_pictures_are_described(file: str) -> None:
    body = _page(file).body
    assert problems(body, _media) == ()
    assert all(figure.alt and figure.caption for figure in figures(parse(body, _media)))


@pytest.mark.parametrize("file", _FILES)
def test_a_cover_exists_is_described_and_not_shown_twice(file: str) -> None:
    page = _page(file)
    assert page.front["cover"] in pictures.NAMES
    assert str(page.front["cover_alt"]).strip()
    assert f"({page.front['cover']}" not in page.body


def test_all_kinds_and_all_categories_are_shown() -> None:
    fronts = [_page(file).front for file in _FILES]
    assert {front["kind"] for front in fronts} == set(get_args(Kind))
    assert {front["category"] for front in fronts} == _CATEGORIES


def test_a_document_carries_its_legal_facts() -> None:
    documents = [_page(file).front for file in _FILES if _page(file).front["kind"] == "document"]
    assert documents
    facts = [DocumentForm.model_validate(front["document"]).facts() for front in documents]
    assert all(all(fact.values()) for fact in facts)


def test_every_picture_is_used() -> None:
    whole = "".join(_page(file).text for file in _FILES)
    assert [name for name in pictures.NAMES if name not in whole] == []


@pytest.mark.parametrize("name", pictures.NAMES)
def test_a_picture_is_a_jpeg_that_every_channel_takes(name: str) -> None:
    data = _picture(name)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (1600, 900))
    assert len(data) <= 1_000_000


def test_a_picture_is_the_same_each_time() -> None:
    assert pictures.draw("van-ban.jpg") == _picture("van-ban.jpg")


def test_every_outcome_is_shown_and_at_least_four_items_are_live() -> None:
    outcomes = [item.outcome for item in ITEMS]
    assert set(outcomes) == set(Outcome)
    assert outcomes.count(Outcome.PUBLISHED) >= 4


def test_authors_and_approvers_are_two_people_with_the_right_roles() -> None:
    for item in ITEMS:
        assert "editor" in _PEOPLE[item.author_email].roles
        if item.approver_email:
            assert item.approver_email != item.author_email
            assert "approver" in _PEOPLE[item.approver_email].roles


def test_who_approves_is_known_unless_it_does_not_come_to_that() -> None:
    without = {item.outcome for item in ITEMS if item.approver_email is None}
    assert without == {Outcome.DRAFT, Outcome.REVIEW}


def test_a_correction_replaces_words_that_stand_in_the_body() -> None:
    corrected = [item for item in ITEMS if item.outcome is Outcome.CORRECTED]
    assert corrected
    for item in corrected:
        assert item.replace
        assert _page(item.file).body.count(item.replace[0]) == 1
        assert item.replace[0] != item.replace[1]


def test_a_return_a_withdrawal_and_a_correction_say_why() -> None:
    told = {Outcome.RETURNED, Outcome.WITHDRAWN, Outcome.CORRECTED}
    assert all(item.note for item in ITEMS if item.outcome in told)


def test_refusals_stand_where_something_fails_and_nowhere_else() -> None:
    for item in ITEMS:
        assert set(item.refused_by) <= set(item.channels)
        assert bool(item.refused_by) == (item.outcome in {Outcome.PARTIAL, Outcome.FAILED})
        assert (item.refused_by == item.channels) == (item.outcome is Outcome.FAILED)
        assert bool(item.publish_in) == (item.outcome is Outcome.SCHEDULED)


def test_people_of_every_role_can_sign_in() -> None:
    roles = {role for person in PEOPLE for role in person.roles}
    assert roles == {"editor", "approver", "responder", "admin", "leader", "auditor"}
    assert len(_PEOPLE) == len(PEOPLE)
    assert all(len(person.password) >= 12 for person in PEOPLE)
    assert all(person.email.endswith("@hoasen.example") for person in PEOPLE)


def test_units_form_a_tree_and_everybody_belongs_to_one() -> None:
    codes: list[str] = []
    for unit in UNITS:
        assert unit.parent is None or unit.parent in codes
        codes.append(unit.code)
    assert {person.unit for person in PEOPLE} <= set(codes)
