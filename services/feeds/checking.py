"""“Có đúng của cơ quan không?”: a page and a call that judge what somebody was sent; the keys.

A code or a link may stand in the address, to be shared. A text is posted and nowhere kept.
"""

import asyncio
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from services.delivery.hub import Hub
from services.feeds import register, words
from services.feeds.allowance import Allowance
from services.feeds.answers import SAFE, SOON
from services.feeds.check_words import TOO_LONG, TOO_OFTEN, Told, told
from services.feeds.finishing import Endpoint, page
from services.feeds.page import Pages
from services.proof import keys
from services.proof.checking import MOST_CHARS, Answer, Finding, KnownItem, check
from services.proof.keys import PublicKey
from services.proof.records import instant
from services.proof.wording import Piece
from services.staff import agency
from shared.clock import steady_seconds

_PATH: Final = "/kiem-tra"
# A form writes each byte of a letter as three, and a letter has up to four.
_BODY_BYTES: Final = MOST_CHARS * 12 + 1_000
_SHARED_CHARS: Final = 500
_EACH_SECOND: Final = 0.5
_AT_ONCE: Final = 30.0
# Comparing computes; more at a time would be felt by whoever reads a page of this process.
_AT_A_TIME: Final = 2
_CONTEXT_CHARS: Final = 140
_EXAMPLE: Final = "BNV-2026-000123"
# What somebody was sent is nobody else's business.
_NOT_KEPT: Final = "no-store"
_PEM: Final = "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----"
# An Ed25519 key as SubjectPublicKeyInfo is these bytes and the key (RFC 8410 section 10.1).
_SPKI: Final = bytes.fromhex("302a300506032b6570032100")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What came in: the text, or why it is not looked at."""

    text: str = ""
    refused: Told | None = None
    status: int = 200
    wait: int = 0


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str


class _Desk:
    """Takes questions in, a few at a time, from each address only so many."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._allowance = Allowance(each_second=_EACH_SECOND, at_once=_AT_ONCE)
        self._turns = asyncio.Semaphore(_AT_A_TIME)

    async def asked(self, request: Request, *, as_json: bool = False) -> _Asked:
        """Reads the question of a request; an empty text for none."""
        if request.method != "POST":
            given = request.query_params.get("q", "").strip()
            if not given:
                return _Asked()
            return self._taken(request, given, _SHARED_CHARS)
        body = await _read(request)
        if body is None:
            return _Asked(refused=TOO_LONG, status=413)
        try:
            given = _Body.model_validate_json(body).text if as_json else _form(body)
        except (ValidationError, ValueError):
            given = ""
        return self._taken(request, given, MOST_CHARS)

    async def answer(self, text: str) -> Finding:
        """What is known about it."""
        async with self._turns:
            return await check(self.hub, text)

    def _taken(self, request: Request, given: str, most: int) -> _Asked:
        if len(given) > most:
            return _Asked(text=given[:MOST_CHARS], refused=TOO_LONG, status=413)
        address = request.client.host if request.client else ""
        wait = self._allowance.wait(address, steady_seconds())
        if wait > 0:
            return _Asked(text=given, refused=TOO_OFTEN, status=429, wait=int(wait) + 1)
        return _Asked(text=given)


def routes(hub: Hub, pages: Pages) -> Mapping[str, Endpoint]:
    """The addresses that are read only, and what answers there."""
    return {
        f"{_PATH}/khoa": _keys_page(hub, pages),
        "/.well-known/loa-keys.json": _keys(hub, pages),
    }


def forms(hub: Hub, pages: Pages) -> Mapping[str, Endpoint]:
    """The addresses that take a question, by GET or by POST: public, they change nothing."""
    desk = _Desk(hub)
    return {_PATH: _page(desk, pages), f"{_PATH}.json": _call(desk)}


def _page(desk: _Desk, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        asked = await desk.asked(request)
        finding = await desk.answer(asked.text) if asked.text and not asked.refused else None
        async with desk.hub.open_work() as session:
            house = await agency.settings(session)
        shown = asked.refused or (told(finding) if finding else None)
        drawn = pages.draw(
            "check.html",
            house,
            here="kiem-tra",
            canonical=f"{desk.hub.public_url}{_PATH}",
            machine=f"{desk.hub.public_url}{_PATH}.json",
            told=shown,
            found=finding,
            pieces=_shortened(finding),
            names=words.CHANNELS,
            asked=asked.text,
            example=_EXAMPLE,
            most=f"{MOST_CHARS:,}".replace(",", "."),
        )
        response = page(drawn, asked.status)
        if shown is not None:
            response.headers["Cache-Control"] = _NOT_KEPT
            # An address that asked a question must not tell the next site what it was.
            response.headers["Referrer-Policy"] = "no-referrer"
        if asked.wait:
            response.headers["Retry-After"] = str(asked.wait)
        return response

    return serve


def _call(desk: _Desk) -> Endpoint:
    async def serve(request: Request) -> Response:
        asked = await desk.asked(request, as_json=True)
        headers = {**SAFE, "Cache-Control": _NOT_KEPT}
        if asked.wait:
            headers["Retry-After"] = str(asked.wait)
        if asked.refused is not None:
            shown = {"answer": "refused", "words": _words(asked.refused)}
            return JSONResponse(shown, asked.status, headers=headers)
        finding = await desk.answer(asked.text)
        return JSONResponse(_plain(finding), headers=headers)

    return serve


def _plain(finding: Finding) -> dict[str, object]:
    comparison = finding.comparison
    return {
        "answer": finding.answer.value,
        "item": _item(finding.item) if finding.item else None,
        "channel": register.told(finding.channel) if finding.channel else None,
        "where": finding.where,
        "imitates": finding.imitates,
        "pieces": [
            {"kind": one.kind, "text": one.text}
            for one in (comparison.pieces if comparison else ())
        ],
        "words": _words(told(finding)),
    }


def _item(item: KnownItem) -> dict[str, str | None]:
    instants = {
        "published_at": item.published_at,
        "corrected_at": item.corrected_at,
        "withdrawn_at": item.withdrawn_at,
    }
    return {
        "code": item.code,
        "url": item.url,
        "title": item.title,
        "unit": item.unit,
        "correction_note": item.correction_note,
        "reason": item.reason,
        **{name: instant(at) if at else None for name, at in instants.items()},
    }


def _words(shown: Told) -> dict[str, str]:
    return {"vi": f"{shown.heading}. {shown.detail}", "en": shown.english}


def _shortened(finding: Finding | None) -> list[Piece]:
    """The pieces of an altered text, with what is the same only around what is not."""
    if finding is None or finding.answer is not Answer.ALTERED or finding.comparison is None:
        return []
    pieces = finding.comparison.pieces
    shown = []
    for no, one in enumerate(pieces):
        text = one.text
        if one.kind == "same" and len(text) > 2 * _CONTEXT_CHARS:
            head = "" if no == 0 else text[:_CONTEXT_CHARS].rsplit(" ", 1)[0]
            tail = "" if no == len(pieces) - 1 else text[-_CONTEXT_CHARS:].split(" ", 1)[-1]
            text = f"{head} … {tail}".strip()
        shown.append(Piece(kind=one.kind, text=text))
    return shown


async def _read(request: Request) -> bytes | None:
    """The body of a request; None for one that is longer than any question may be."""
    told_length = request.headers.get("content-length", "")
    if told_length.isdecimal() and int(told_length) > _BODY_BYTES:
        return None
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > _BODY_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def _form(body: bytes) -> str:
    """The question of a form. Raises ValueError for more fields than the form has."""
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=5))
    return fields.get("q", "").strip()


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────


def _keys_page(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await keys.published(session)
        return page(
            pages.draw(
                "keys.html",
                house,
                here="kiem-tra",
                canonical=f"{hub.public_url}{_PATH}/khoa",
                machine=f"{hub.public_url}/.well-known/loa-keys.json",
                public_url=hub.public_url,
                keys=[
                    {"id": one.id, "since": one.since, "until": one.until, "pem": _pem(one)}
                    for one in found
                ],
            )
        )

    return serve


def _keys(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            house = await agency.settings(session)
            found = await keys.published(session)
        shown = {"agency": pages.name(house), "keys": [_jwk(one) for one in found]}
        told_keys = json.dumps(shown, ensure_ascii=False, indent=1)
        headers = {**SAFE, "Cache-Control": SOON}
        return Response(told_keys, media_type="application/json; charset=utf-8", headers=headers)

    return serve


def _jwk(key: PublicKey) -> dict[str, str | None]:
    """A key as RFC 8037 has it, so that any library of web keys reads it, and in plainer forms."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "kid": key.id,
        "x": urlsafe_b64encode(key.raw).rstrip(b"=").decode(),
        "public_hex": key.raw.hex(),
        "pem": _pem(key),
        "valid_from": instant(key.since),
        "valid_until": instant(key.until) if key.until else None,
    }


def _pem(key: PublicKey) -> str:
    return _PEM.format(b64encode(_SPKI + key.raw).decode())
