"""The only file that knows Zalo's addresses: one request each, judged by its form alone.

Wire facts: zalo-oa-api.md sections 0.2 (header, envelope), 1 (OAuth), 2, 3 and 4.2.
"""

import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import httpx

from adapters.zalo_oa.settings import credentials_of, settings_of
from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Account
from shared.http import Clients, Lines, classify, retry_after

API_URL = "https://openapi.zalo.me"
OAUTH_URL = "https://oauth.zaloapp.com"

_FAILURES = (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError)
_NETWORK_WAIT = timedelta(seconds=60)  # R28: 429 that names no time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A well-formed answer: `error` 0 is success, anything else a refusal for the table.

    `usage` is the share of the minute's calls already made, 0 to 1, where the headers tell.
    """

    error: int
    message: str
    data: object
    usage: float | None = None
    retry_after: timedelta | None = None

    @property
    def fields(self) -> Mapping[str, object]:
        """`data` as an object; empty where Zalo gave something else."""
        return as_mapping(self.data)


# ── Reading loosely: Zalo's numbers may be strings, and fields may be missing ────────────────────


def as_mapping(value: object) -> Mapping[str, object]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[object]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def as_text(value: object) -> str:
    """A string as it is, a number as its digits, anything else as no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def as_int(value: object) -> int | None:
    """A whole number given as number or string; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) <= 20:
        try:
            return int(value)
        except ValueError:
            return None
    return None


class ZaloClient:
    """Calls to one Open API and one OAuth host; keeps idle connections and nothing else.

    Every method makes one request and answers what a well-formed body said. Raises
    ChannelNotSentError or ChannelUncertainError for whatever else may happen on the way.
    """

    def __init__(self, *, api_url: str = API_URL, oauth_url: str = OAUTH_URL) -> None:
        self._api = f"{api_url.rstrip('/')}/v2.0"
        self._oauth = f"{oauth_url.rstrip('/')}/v4/oa"
        self._clients = Clients()
        self._lines = Lines()
        self._urls: dict[str, httpx.URL] = {}

    async def aclose(self) -> None:
        """Closes the idle connections of the running loop."""
        await self._clients.aclose()
        await self._lines.aclose()

    # ── Articles: JSON bodies to change, flat parameters to read ─────────────────────────────────

    async def create(self, account: Account, article: Mapping[str, object]) -> Answer:
        """Starts making an article; success carries a `token`. Never safe to repeat."""
        return await self._post(account, "/article/create", article)

    async def update(self, account: Account, article: Mapping[str, object]) -> Answer:
        """Starts replacing the whole article `id`; success carries a `token`. Safe to repeat."""
        return await self._post(account, "/article/update", article)

    async def verify(self, account: Account, token: str) -> Answer:
        """Asks what became of a `token`: the `id`, -214, or why it failed. Changes nothing."""
        return await self._post(account, "/article/verify", {"token": token})

    async def remove(self, account: Account, remote_id: str) -> Answer:
        """Takes an article away for good. Safe to repeat."""
        return await self._post(account, "/article/remove", {"id": remote_id})

    async def detail(self, account: Account, remote_id: str) -> Answer:
        """One article with its body."""
        return await self._get(account, "/article/getdetail", {"id": remote_id})

    async def part(self, account: Account, kind: str, *, offset: int, limit: int) -> Answer:
        """A part of the list of articles of a kind (`normal` or `video`), at most 10 of them."""
        flat = {"offset": str(offset), "limit": str(limit), "type": kind}
        return await self._get(account, "/article/getslice", flat)

    async def profile(self, account: Account) -> Answer:
        """The OA itself: id, name, verification, package."""
        return await self._get(account, "/oa/getoa", {})

    # ── Article videos ───────────────────────────────────────────────────────────────────────────

    async def upload_video(
        self, account: Account, *, url: str, sha256: str, size_bytes: int, name: str, mime: str
    ) -> Answer:
        """Hands one of our videos over, from its public address straight to Zalo.

        Success carries a `token`. Safe to repeat: an upload alone is visible to nobody. The form is
        finished only when size and SHA-256 were right, so a wrong file never arrives whole.
        """
        boundary = f"loa{sha256[:32]}"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {mime}\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = self._headers(account) | {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + size_bytes + len(tail)),
        }
        async with self._clients.one() as reader, self._clients.one() as sender:
            source = await _open_source(reader, url)
            try:
                body = _form(head, source, tail, sha256=sha256, size_bytes=size_bytes)
                response = await sender.post(
                    f"{self._api}/article/upload_video/preparevideo", headers=headers, content=body
                )
            except _FAILURES as error:
                raise classify(error) from error
            finally:
                await source.aclose()
        return _judge(response, headers["access_token"])

    async def video_state(self, account: Account, token: str) -> Answer:
        """What became of an uploaded video. Sources disagree where the token goes: in both."""
        headers = {"token": token}
        return await self._get(account, "/article/upload_video/verify", {"token": token}, headers)

    # ── OAuth ────────────────────────────────────────────────────────────────────────────────────

    def permission_url(self, query: Mapping[str, str]) -> str:
        """Where an OA admin's browser goes to consent."""
        return f"{self._oauth}/permission?{urlencode(query)}"

    async def trade(self, app_secret: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """Trades a code or refresh token; the answer's fields, whether pair or refusal.

        A refresh token is spent by this: never repeat it without thought.
        """
        headers = {"secret_key": app_secret}
        async with self._clients.one() as client:
            try:
                response = await client.post(
                    f"{self._oauth}/access_token", headers=headers, data=dict(form)
                )
            except _FAILURES as error:
                raise classify(error) from error
        return _body(response)

    # ── One request ──────────────────────────────────────────────────────────────────────────────

    def _headers(self, account: Account) -> dict[str, str]:
        token = credentials_of(account).access_token.get_secret_value()
        if not token:
            raise ChannelRejectedError("token_missing", remedy=Remedy.CONSENT)
        headers = {"access_token": token}
        if settings_of(account).appsecret_proof:
            secret = credentials_of(account).app_secret.get_secret_value()
            proof = hmac.new(secret.encode(), token.encode(), hashlib.sha256)
            headers["appsecret_proof"] = proof.hexdigest()
        return headers

    async def _post(self, account: Account, path: str, body: Mapping[str, object]) -> Answer:
        headers = self._headers(account)
        headers["Content-Type"] = "application/json"
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            url = self._url(path)
            response = await self._lines.exchange("POST", url, headers=headers, content=content)
        except _FAILURES as error:
            raise classify(error) from error
        return _judge(response, headers["access_token"])

    async def _get(
        self,
        account: Account,
        path: str,
        query: Mapping[str, str],
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        headers = self._headers(account) | dict(more or {})
        try:
            url = self._url(path).copy_with(query=urlencode(query).encode() or None)
            response = await self._lines.exchange("GET", url, headers=headers)
        except _FAILURES as error:
            raise classify(error) from error
        return _judge(response, headers["access_token"])

    def _url(self, path: str) -> httpx.URL:
        """The address of one of the few calls, read once: reading it costs more than a signature.

        Raises httpx.InvalidURL for a host that is none.
        """
        known = self._urls.get(path)
        if known is None:
            known = self._urls[path] = httpx.URL(self._api + path)
        return known


async def _open_source(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """The stream of one of our own files; whatever goes wrong here, Zalo has not been called."""
    try:
        request = client.build_request("GET", url, headers={"Accept-Encoding": "identity"})
        source = await client.send(request, stream=True)
    except _FAILURES as error:
        message = type(error).__name__
        raise ChannelNotSentError("media_unreachable", remote_message=message) from error
    if source.status_code != 200:
        await source.aclose()
        raise ChannelNotSentError("media_unreachable", remote_code=f"http {source.status_code}")
    return source


async def _form(
    head: bytes, source: httpx.Response, tail: bytes, *, sha256: str, size_bytes: int
) -> AsyncIterator[bytes]:
    yield head
    digest, size = hashlib.sha256(), 0
    async for chunk in source.aiter_raw():
        digest.update(chunk)
        size += len(chunk)
        if size > size_bytes:
            break
        yield chunk
    if size != size_bytes or digest.hexdigest() != sha256:
        raise ChannelUncertainError("media_changed")
    yield tail


def _judge(response: httpx.Response, token: str) -> Answer:
    """The answer in a response; a status or body that proves nothing is uncertain."""
    body = _body(response)
    error = as_int(body.get("error"))
    if error is None or (error == 0 and response.status_code != 200):
        raise _unreadable(response)
    message = as_text(body.get("message")) or as_text(body.get("error_name"))
    return Answer(
        error=error,
        message=message.replace(token, "•••"),
        data=body.get("data"),
        usage=_usage(response.headers),
        retry_after=retry_after(response.headers.get("Retry-After")),
    )


def _body(response: httpx.Response) -> Mapping[str, object]:
    """The JSON object of a response that is neither redirect nor server failure."""
    status = response.status_code
    if status >= 500:
        raise ChannelUncertainError(
            "channel_down",
            remote_code=f"http {status}",
            retry_after=retry_after(response.headers.get("Retry-After")),
        )
    if not (200 <= status < 300 or status >= 400) or "Content-Type" not in response.headers:
        raise _unreadable(response)
    try:
        body: object = json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise _unreadable(response) from error
    if not isinstance(body, dict):
        raise _unreadable(response)
    return body


def _unreadable(response: httpx.Response) -> ChannelError:
    status = response.status_code
    if status == 429:
        wait = retry_after(response.headers.get("Retry-After")) or _NETWORK_WAIT
        return ChannelUncertainError("rate_limited", remote_code="http 429", retry_after=wait)
    return ChannelUncertainError("unreadable_answer", remote_code=f"http {status}")


def _usage(headers: httpx.Headers) -> float | None:
    """From `X-RateLimit-Limit` and `X-RateLimit-Remain` (Zalo's spelling) (section 10.2)."""
    most = as_int(headers.get("X-RateLimit-Limit"))
    left = as_int(headers.get("X-RateLimit-Remain"))
    if most is None or left is None or most <= 0:
        return None
    return min(1.0, max(0.0, 1 - left / most))
