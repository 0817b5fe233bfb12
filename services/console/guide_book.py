"""The guides to connect a channel: data for known channels, made from its forms for any other.

A guide is a file `guides/{channel}.toml`; nothing in the code asks which channel it is.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue

from services.console.catalogue import Language, Words
from services.console.form_fields import FieldWords, FormField, fields_of
from shared.contract.channel import Channel, Consenter, Receiver

StepKind: TypeAlias = Literal["read", "fill", "consent", "check"]

_CALLBACK: Final = "{public}/api/v1/connect/{channel}/callback"
_WEBHOOK: Final = "{public}/hooks/{channel}/{account}"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Head(_Data):
    title: str
    what: str


class _StepWords(_Data):
    title: str
    do: list[str]
    act: str = ""
    later: str = ""


class _Copy(_Data):
    vi: str
    en: str
    address: str


class _StepData(_Data):
    name: str
    kind: StepKind
    optional: bool = False
    where: list[str] = []
    link: str = ""
    settings: list[str] = []
    credentials: list[str] = []
    gives: list[str] = []
    suggest: list[str] = []
    copy_: list[_Copy] = []
    vi: _StepWords
    en: _StepWords

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.rstrip("_")
    )


class _FieldData(_Data):
    title: str = ""
    hint: str = ""
    options: dict[str, str] = {}


class _FieldPair(_Data):
    vi: _FieldData = _FieldData()
    en: _FieldData = _FieldData()


class _GuideData(_Data):
    minutes: int
    vi: _Head
    en: _Head
    step: list[_StepData]
    fields: dict[str, dict[str, _FieldPair]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLine:
    """An address of ours that has to be pasted elsewhere; see `filled` for its gaps."""

    label: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideStep:
    """One step: what to do there (`where`, `do`), what to copy, what to fill in here.

    `gives` names the secrets that a consent brings; `suggest` those for which a random word may be
    offered.
    """

    name: str
    kind: StepKind
    title: str
    do: tuple[str, ...]
    where: tuple[str, ...] = ()
    link: str = ""
    act: str = ""
    later: str = ""
    optional: bool = False
    fields: tuple[FormField, ...] = ()
    gives: tuple[str, ...] = ()
    suggest: frozenset[str] = frozenset()
    copies: tuple[CopyLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """How one kind of channel is connected, in one language."""

    channel: str
    title: str
    what: str
    minutes: int
    steps: tuple[GuideStep, ...]
    words: Mapping[str, Mapping[str, FieldWords]] = field(default_factory=dict)

    def step(self, name: str) -> GuideStep | None:
        """The step of this name."""
        return next((one for one in self.steps if one.name == name), None)


def guide_of(channel: Channel, language: Language) -> Guide:
    """The guide of a channel: the one that was written for it, else one made from its forms."""
    data = _stored(channel.name)
    return _made(channel, language) if data is None else _told(channel, data, language)


def title_of(channel: Channel, language: Language) -> str:
    """How a kind of channel is called."""
    data = _stored(channel.name)
    if data is None:
        return channel.settings_form.model_config.get("title") or channel.name
    return (data.en if language == "en" else data.vi).title


def fields_for(channel: Channel, part: str, language: Language) -> tuple[FormField, ...]:
    """All fields of one of the channel's two forms, in the words of its guide."""
    form = channel.settings_form if part == "settings" else channel.credentials_form
    return fields_of(form, part, language, guide_of(channel, language).words.get(part))


def filled(address: str, gaps: Mapping[str, str]) -> str | None:
    """The address with its `{gaps}` filled; None while one of them is not known."""
    told = address
    for name, value in gaps.items():
        if value:
            told = told.replace("{" + name + "}", value)
    return None if "{" in told else told


def gaps_of(
    public_url: str, channel: str, account: str, settings: Mapping[str, JsonValue]
) -> dict[str, str]:
    """What the gaps of a guide's addresses stand for."""
    return {
        "public": public_url,
        "channel": channel,
        "account": account,
        **{f"settings.{name}": str(value) for name, value in settings.items()},
    }


@lru_cache(maxsize=64)
def _stored(channel: str) -> _GuideData | None:
    # A name of the register, so it holds no path; anything else finds no file.
    file = resources.files("services.console") / "guides" / f"{channel}.toml"
    if not channel.isidentifier() or not file.is_file():
        return None
    return _GuideData.model_validate(tomllib.loads(file.read_text("utf-8")))


def _told(channel: Channel, data: _GuideData, language: Language) -> Guide:
    head = data.en if language == "en" else data.vi
    words = {
        part: {
            name: FieldWords(title=one.title, hint=one.hint, options=dict(one.options))
            for name, pair in told.items()
            for one in (pair.en if language == "en" else pair.vi,)
        }
        for part, told in data.fields.items()
    }
    known = {
        one.key: one
        for part, form in (
            ("settings", channel.settings_form),
            ("credentials", channel.credentials_form),
        )
        for one in fields_of(form, part, language, words.get(part))
    }
    steps = tuple(_step(one, known, language) for one in data.step)
    return Guide(
        channel=channel.name,
        title=head.title,
        what=head.what,
        minutes=data.minutes,
        steps=steps,
        words=words,
    )


def _step(data: _StepData, known: Mapping[str, FormField], language: Language) -> GuideStep:
    told = data.en if language == "en" else data.vi
    keys = [
        *(f"settings.{name}" for name in data.settings),
        *(f"credentials.{name}" for name in data.credentials),
    ]
    return GuideStep(
        name=data.name,
        kind=data.kind,
        title=told.title,
        do=tuple(told.do),
        where=tuple(data.where),
        link=data.link,
        act=told.act,
        later=told.later,
        optional=data.optional,
        fields=tuple(known[key] for key in keys if key in known),
        gives=tuple(f"credentials.{name}" for name in data.gives),
        suggest=frozenset(f"credentials.{name}" for name in data.suggest),
        copies=tuple(
            CopyLine(label=one.en if language == "en" else one.vi, address=one.address)
            for one in data.copy_
        ),
    )


def _made(channel: Channel, language: Language) -> Guide:
    """A guide for a channel that nobody has written one for: its forms in a sensible order."""
    t = Words(language).gettext
    settings = _needed(fields_of(channel.settings_form, "settings", language))
    secrets = _needed(fields_of(channel.credentials_form, "credentials", language))
    steps = [
        GuideStep(
            name="thong-tin",
            kind="fill",
            title=t("Thông tin"),
            do=(t("Chép các thông tin dưới đây từ trang quản lý của kênh."),),
            fields=settings,
        )
    ]
    consents = isinstance(channel, Consenter)
    if secrets:
        steps.append(
            GuideStep(
                name="khoa",
                kind="fill",
                title=t("Khoá"),
                do=(t("Chép khoá từ trang quản lý của kênh. Loa cất kín và không hiện lại."),),
                fields=secrets,
                copies=(CopyLine(label="Callback URL", address=_CALLBACK),) if consents else (),
            )
        )
    if consents:
        steps.append(
            GuideStep(
                name="uy-quyen",
                kind="consent",
                title=t("Uỷ quyền"),
                do=(t("Mở trang của kênh, cho phép, rồi kênh đưa bạn trở lại đây."),),
                act=t("Uỷ quyền"),
            )
        )
    if isinstance(channel, Receiver):
        steps.append(
            GuideStep(
                name="webhook",
                kind="read",
                title=t("Webhook"),
                do=(t("Dán địa chỉ này vào mục webhook của kênh để Loa nhận tin."),),
                optional=True,
                copies=(CopyLine(label="Webhook URL", address=_WEBHOOK),),
            )
        )
    steps.append(
        GuideStep(
            name="thu",
            kind="check",
            title=t("Thử"),
            do=(t("Loa hỏi kênh từng điều. Không có bài nào được đăng trong lúc thử."),),
        )
    )
    title = title_of(channel, language)
    return Guide(channel=channel.name, title=title, what="", minutes=5, steps=tuple(steps))


def _needed(fields: Sequence[FormField]) -> tuple[FormField, ...]:
    return tuple(one for one in fields if not one.advanced)
