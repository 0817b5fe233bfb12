"""The checks that judge a channel without calling anybody; `conformance_live.py` really calls.

    from shared.contract.conformance import pure_checks
    from shared.contract.conformance_live import live_checks

    def test_the_channel_keeps_its_promises() -> None:
        assert pure_checks(channel, settings={…}, credentials={…}) == []

    async def test_the_channel_tells_the_truth() -> None:
        assert await live_checks(channel, bench) == []

Both give the promises that were broken, one sentence each, and go on after the first, so that one
run shows all there is to mend. Neither needs a database, a test framework or any service of Loa: a
stranger's package runs them too. What is promised stands in `channel.py`.
"""

import inspect
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from pydantic import BaseModel, SecretStr, ValidationError

from shared.contract.channel import (
    ABILITIES,
    Amender,
    Channel,
    Configurable,
    Consenter,
    Publisher,
    Receiver,
    Renewer,
    Updater,
    Withdrawer,
)
from shared.contract.driving import stored
from shared.contract.messages import (
    Account,
    Call,
    Fingerprint,
    Json,
    Limits,
    Operation,
    Payload,
    Problem,
    RemoteId,
    Revision,
    Step,
)
from shared.contract.samples import odd_revisions, sample_revision, too_long
from shared.text import comparable

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_CODE = re.compile(r"[a-z][a-z0-9_]*")
# A stranger of this name stands in no form.
_UNKNOWN_FIELD = "khong_co_truong_nay"
_NETWORK = {
    "publish": "publish",
    "update": "update",
    "withdraw": "withdraw",
    "look": "listing",
    "check": "check",
    "renew": "renew",
    "consent": "exchange",
}


def pure_checks(
    channel: Channel, *, settings: Mapping[str, object], credentials: Mapping[str, object]
) -> list[str]:
    """The promises that the channel breaks without being asked to call anybody.

    `settings` and `credentials` are what an admin would send to connect an account: complete and
    valid, invented. Never raises for a channel at fault; safe to repeat.
    """
    told = list(_guarded("forms", _forms(channel, settings, credentials)))
    told += _guarded("name and limits", _head(channel))
    told += _guarded("abilities", _abilities(channel))
    told += _guarded("half abilities", _half_abilities(channel))
    try:
        account = _account(channel, settings, credentials)
    except Exception as error:  # noqa: BLE001  # a stranger's adapter may raise anything
        return [*told, f"connecting an account raised {words_of(error)}"]
    told += _guarded("the outlet's id", _outlet(channel, account))
    for odd, revision in odd_revisions().items():
        told += _guarded(f"rendering {odd}", _rendering(channel, account, odd, revision))
    told += _guarded("an ordinary item", _ordinary(channel, account))
    told += _guarded("limits", _tells_what_is_too_much(channel, account))
    told += _guarded("fingerprints", _tells_apart(channel, account))
    told += _guarded("steps", _steps(channel, account))
    told += _guarded("corrections", _amending(channel, account))
    told += _guarded("consent and renewal", _consent(channel, account))
    told += _guarded("webhooks", _webhooks(channel, account))
    return told


# ── Name, limits, forms ──────────────────────────────────────────────────────────────────────────


def _head(channel: Channel) -> Iterator[str]:
    if not _NAME.fullmatch(channel.name):
        yield f"the name {channel.name!r} is not 2 to 40 of a-z, 0-9 and _, beginning with a letter"
    limits = channel.limits
    if not _is(limits, Limits):
        yield "`limits` is no Limits"
        return
    counts = (
        limits.title_chars,
        limits.summary_chars,
        limits.text_chars,
        limits.picture_count,
        limits.video_bytes,
    )
    if any(one is not None and one <= 0 for one in counts):
        yield "a limit is not above zero; None says that there is none"
    for picture in filter(None, (limits.picture, limits.cover)):
        if picture.max_bytes <= 0 or picture.max_side <= 0 or not picture.mimes:
            yield "the form of pictures holds no picture"
        if picture.ratio and min(picture.ratio) <= 0:
            yield "the ratio of pictures holds no picture"


def _forms(
    channel: Channel, settings: Mapping[str, object], credentials: Mapping[str, object]
) -> Iterator[str]:
    for name, form, given in (
        ("settings", channel.settings_form, settings),
        ("credentials", channel.credentials_form, credentials),
    ):
        form.model_validate(given)
        try:
            form.model_validate({**given, _UNKNOWN_FIELD: "x"})
        except ValidationError:
            pass
        else:
            yield f"the {name} take a field that they do not know: set extra='forbid'"
        for field_name, facts in form.model_fields.items():
            if not facts.title:
                yield f"{name}.{field_name} has no title for the person who fills it in"
    yield from _secrets(channel, credentials)


def _secrets(channel: Channel, credentials: Mapping[str, object]) -> Iterator[str]:
    properties = channel.credentials_form.model_json_schema().get("properties", {})
    for name, schema in properties.items():
        shapes = [schema, *schema.get("anyOf", ())]
        words = [one for one in shapes if one.get("type") == "string" and "enum" not in one]
        if any(not one.get("writeOnly") and "date" not in one.get("format", "") for one in words):
            yield f"credentials.{name} is text that could be printed: make it a SecretStr"
    form = channel.credentials_form.model_validate(credentials)
    printed = f"{form!r} {form} {form.model_dump_json()}"
    for secret in secret_values(form):
        if secret in printed:
            yield "a secret is seen when the credentials are printed"


def _outlet(channel: Channel, account: Account) -> Iterator[str]:
    first = channel.remote_id_of(account.settings)
    if not _is(first, str) or not first.strip():
        yield "remote_id_of gives no id"
    if channel.remote_id_of(account.settings) != first:
        yield "remote_id_of gives another id the second time"


# ── Abilities ────────────────────────────────────────────────────────────────────────────────────


def _abilities(channel: Channel) -> Iterator[str]:
    able = {name for name, ability in ABILITIES.items() if isinstance(channel, ability)}
    if channel.pull and able & {"publish", "update", "withdraw"}:
        yield "a pull channel publishes by itself, so it must not be a Publisher as well"
    if not channel.pull and "publish" not in able:
        yield "the channel neither publishes nor pulls: nothing could ever appear on it"
    for upper in ("update", "withdraw"):
        if upper in able and "publish" not in able and not channel.pull:
            yield f"it can {upper} but not publish"
    if isinstance(channel, Amender) and not channel.pull and "update" not in able:
        yield "it knows what an update keeps, but cannot update"
    for name in sorted(able & set(_NETWORK)):
        if not inspect.iscoroutinefunction(getattr(channel, _NETWORK[name])):
            yield f"{_NETWORK[name]} is not `async def`"
    if isinstance(channel, Configurable):
        for name in channel.variables:
            if not re.fullmatch(r"LOA_[A-Z][A-Z0-9_]*", name):
                yield f"the variable {name!r} does not begin with LOA_"


def _half_abilities(channel: Channel) -> Iterator[str]:
    # Half an ability is none: the hub would never use it, and nobody would know why.
    for name, ability in {**ABILITIES, "amend": Amender, "configure": Configurable}.items():
        wanted = sorted(one for one in vars(ability) if not one.startswith("_"))
        lacking = [one for one in wanted if not hasattr(channel, one)]
        if lacking and len(lacking) < len(wanted):
            yield f"it can half {name}: {', '.join(lacking)} is missing"


def _consent(channel: Channel, account: Account) -> Iterator[str]:
    if isinstance(channel, Renewer):
        at = channel.expires_at(account.credentials)
        if at is not None and at.tzinfo is None:
            yield "expires_at is an instant without a time zone"
    if isinstance(channel, Consenter):
        url = channel.consent_url(
            account.settings, redirect_uri="https://loa.example/connect", state="st4te", verifier=_V
        )
        if not url.startswith(("https://", "http://")) or "st4te" not in url:
            yield "consent_url gives no address that carries the state"
        if _V in url or any(secret in url for secret in secret_values(account.credentials)):
            yield "consent_url carries a secret"


_V = "verifier-of-43-characters-or-more-0123456789ab"


def _webhooks(channel: Channel, account: Account) -> Iterator[str]:
    if not isinstance(channel, Receiver):
        return
    for body in (b"", b"{}", b"[]", b"\xff\xfe", b'{"timestamp": "x"}', b"[" * 5_000):
        if channel.verify(account, headers={}, body=body) == "ok":
            yield f"a body without any signature is believed: {body[:20]!r}"
        channel.events(body)
    if channel.handshake(account, {}) is not None:
        yield "an empty set-up call is answered"
    wrong = {"hub.mode": "subscribe", "hub.verify_token": "sai", "hub.challenge": "1"}
    if channel.handshake(account, wrong) is not None:
        yield "a set-up call with a wrong word is answered"


# ── Rendering ────────────────────────────────────────────────────────────────────────────────────


def _rendering(channel: Channel, account: Account, odd: str, revision: Revision) -> Iterator[str]:
    rendition = channel.render(revision, account.settings)
    again = channel.render(revision, account.settings)
    try:
        kept = stored(rendition.payload)
    except (TypeError, ValueError) as error:
        yield f"the payload of {odd} is not plain JSON: {words_of(error)}"
        return
    if _canonical(kept) != _canonical(again.payload) or rendition.problems != again.problems:
        yield f"{odd} renders differently the second time"
    leaves = list(_leaves(kept))
    if not any(revision.url in leaf for leaf in leaves):
        yield f"the payload of {odd} does not carry the item's address"
    if any("\x00" in leaf for leaf in leaves):
        yield f"the payload of {odd} holds a NUL, which no database keeps"
    yield from _problems(odd, rendition.problems)
    # Delivery draws the fingerprint from what the database gives back, never from the revision.
    mark = channel.fingerprint(kept)
    if not _is(mark, Fingerprint):
        yield f"the fingerprint of {odd} is no Fingerprint"
        return
    if mark != channel.fingerprint(rendition.payload) or mark != channel.fingerprint(kept):
        yield f"the fingerprint of {odd} changes"
    if not mark.link.startswith(revision.url):
        yield f"the fingerprint of {odd} does not lead to the item"


def _problems(odd: str, problems: Collection[Problem]) -> Iterator[str]:
    for problem in problems:
        if not _is(problem, Problem):
            yield f"{odd}: {problem!r} is no Problem"
        elif not _CODE.fullmatch(problem.code) or not problem.field or not problem.detail.strip():
            yield f"{odd}: the problem {problem.code!r} lacks a field, a stable code or words"


def _ordinary(channel: Channel, account: Account) -> Iterator[str]:
    rendition = channel.render(sample_revision(), account.settings)
    blocking = [problem.code for problem in rendition.problems if problem.blocking]
    if blocking:
        yield f"nothing ordinary can be published: {', '.join(blocking)}"
    if not comparable(channel.fingerprint(rendition.payload).text):
        yield "the fingerprint of an ordinary item holds no words"


def _tells_what_is_too_much(channel: Channel, account: Account) -> Iterator[str]:
    limits, plain = channel.limits, sample_revision()
    too_much: dict[str, Revision] = {}
    if limits.title_chars:
        too_much["title"] = replace(plain, title="t" * limits.title_chars * 3)
    if limits.summary_chars:
        too_much["summary"] = replace(plain, summary="t" * limits.summary_chars * 3)
    if limits.text_chars:
        too_much["text"] = too_long(limits.text_chars)
    if limits.picture_count:
        too_much["number of pictures"] = _illustrated(plain, limits.picture_count + 5)
    known = {one.code for one in channel.render(plain, account.settings).problems}
    for what, revision in too_much.items():
        told = {one.code for one in channel.render(revision, account.settings).problems}
        if not told - known:
            yield f"a {what} beyond the channel's own limit is not told to the editor"


def _illustrated(revision: Revision, count: int) -> Revision:
    thirty = odd_revisions()["30 pictures"]
    figures = list(thirty.blocks) * (count // len(thirty.blocks) + 1)
    return replace(revision, blocks=tuple(figures[:count]), pictures=thirty.pictures)


def _tells_apart(channel: Channel, account: Account) -> Iterator[str]:
    plain = sample_revision()
    other = replace(plain, title="Tạm dừng nhận hồ sơ", summary="Hệ thống nâng cấp.")
    elsewhere = replace(plain, url=f"{plain.url}9", code=f"{plain.code}9")
    first = _mark(channel, account, plain)
    if comparable(first.text) == comparable(_mark(channel, account, other).text):
        yield "two different texts have one fingerprint"
    if first.link == _mark(channel, account, elsewhere).link:
        yield "two different items have one fingerprint"


def _mark(channel: Channel, account: Account, revision: Revision) -> Fingerprint:
    return channel.fingerprint(stored(channel.render(revision, account.settings).payload))


# ── Steps and corrections ────────────────────────────────────────────────────────────────────────


def _steps(channel: Channel, account: Account) -> Iterator[str]:
    if channel.pull or not isinstance(channel, Publisher):
        return
    payload = stored(channel.render(sample_revision(), account.settings).payload)
    here = Call(operation=Operation.PUBLISH, account=account, payload=payload)
    there = replace(here, remote_id=RemoteId("1_2"))
    calls = [here, there]
    if isinstance(channel, Updater):
        calls.append(replace(there, operation=Operation.UPDATE))
    if isinstance(channel, Withdrawer):
        calls.append(replace(there, operation=Operation.WITHDRAW, payload=None))
        calls.append(replace(here, operation=Operation.WITHDRAW, payload=None))
    for call in calls:
        before = _canonical(call.payload or {})
        step = channel.step(call)
        if not _is(step, Step) or not step.name.strip():
            yield f"the next step of {call.operation} has no name"
        if channel.step(call) != step:
            yield f"the next step of {call.operation} changes while nothing happens"
        if _canonical(call.payload or {}) != before or call.handle:
            yield f"asking for the next step of {call.operation} changes the call"


def _amending(channel: Channel, account: Account) -> Iterator[str]:
    if not isinstance(channel, Amender):
        return
    payloads = {
        odd: stored(channel.render(revision, account.settings).payload)
        for odd, revision in odd_revisions().items()
    }
    plain = payloads["an ordinary item"]
    if any(problem.blocking for problem in channel.update_problems(plain, plain)):
        yield "replacing a text by itself is refused"
    for odd, payload in payloads.items():
        told = channel.update_problems(plain, payload)
        if told != channel.update_problems(plain, payload):
            yield f"what an update to {odd} keeps changes the second time"
        yield from _problems(odd, told)


# ── Small parts ───────────────────────────────────────────────────────────────────────────────────


def _account(
    channel: Channel, settings: Mapping[str, object], credentials: Mapping[str, object]
) -> Account:
    form = channel.settings_form.model_validate(settings)
    return Account(
        id=UUID(int=1),
        name="Kênh thử",
        remote_id=channel.remote_id_of(form),
        settings=form,
        credentials=channel.credentials_form.model_validate(credentials),
    )


def _is(value: object, kind: type) -> bool:
    # Types promise it already; a stranger's package may never have been checked for them.
    return isinstance(value, kind)


def _guarded(what: str, promises: Iterator[str]) -> Iterator[str]:
    try:
        yield from promises
    except Exception as error:  # noqa: BLE001  # a stranger's adapter may raise anything
        yield f"{what}: raised {words_of(error)}"


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield name
            yield from _leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)


def secret_values(credentials: BaseModel) -> list[str]:
    """What must never be printed; words of less than four letters could stand anywhere."""
    values = [value for _, value in credentials if isinstance(value, SecretStr)]
    return [text for one in values if len(text := one.get_secret_value()) >= 4]


def words_of(error: BaseException | None) -> str:
    """What was raised, in a few words."""
    return "nothing" if error is None else f"{type(error).__name__}: {error}"[:300]


def _canonical(payload: Payload) -> str:
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, allow_nan=False)
