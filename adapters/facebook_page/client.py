"""The calls that this channel makes, for async code; the only file that knows Graph's paths.

facebook-sdk blocks, so each call runs in a thread. A thread cannot be cancelled: whoever waits here
waits until it has ended (reliability-security.md R13). At its deadline, or when the caller is
cancelled, the connection is cut, which ends the thread; a call still queued by then never left.
"""

import asyncio
import hashlib
import hmac
import math
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx

from adapters.facebook_page.errors import GraphError, judge, usage
from adapters.facebook_page.graph import FilePart, Key, PageGraph
from adapters.facebook_page.settings import credentials_of, settings_of
from shared.clock import steady_seconds
from shared.contract.errors import ChannelNotSentError, ChannelUncertainError
from shared.contract.messages import Account
from shared.http import Clients

READ_SECONDS = 20.0
# More than the lanes of one worker (LOA_WORKER_CONCURRENCY, 50), so that looks find a thread too.
_THREADS = 64
_IN_MEMORY_BYTES = 4_000_000
# Only asked-for fields come back (facebook-pages-api.md section 4).
POST_FIELDS = (
    "id,message,created_time,application,permalink_url,attachments,is_published,is_hidden,shares"
)
VIDEO_FIELDS = "id,description,created_time,permalink_url,published,status,post_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A JSON object from Graph, the share of the allowance used, and who answered."""

    body: Mapping[str, object]
    usage: float | None
    version: str | None

    def name(self, field: str) -> str:
        """The id under `field`; ids are strings (section 1). Without one the outcome is unknown."""
        value = self.body.get(field)
        if not isinstance(value, str) or not value.strip():
            raise ChannelUncertainError("unreadable_answer", remote_message=f"no {field}")
        return value

    def text(self, field: str) -> str | None:
        """The text under `field`, or None."""
        value = self.body.get(field)
        return value if isinstance(value, str) and value else None


class MissingError(ChannelUncertainError):
    """Error 100/33: the object is gone, foreign or unreadable. Who asked must find out which."""

    default_code = "post_unreadable"


Work = Callable[[PageGraph], Mapping[str, object]]


class GraphClient:
    """Graph at one base address. Safe from several tasks; each call has a connection to itself."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._idle: list[PageGraph] = []
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="facebook")
        self._media = Clients()

    # Writing. Each is one changing request.

    async def feed(
        self,
        account: Account,
        *,
        message: str,
        link: str | None,
        photo_ids: tuple[str, ...],
        seconds: float,
    ) -> Answer:
        """Makes a post appear; `id` and mostly `permalink_url` come back. Never to be repeated."""
        fields: dict[str, object] = {"message": message, "fields": "id,permalink_url"}
        if photo_ids:
            fields["attached_media"] = [{"media_fbid": photo_id} for photo_id in photo_ids]
        elif link:
            fields["link"] = link
        page_id = settings_of(account).page_id
        return await self._call(
            account,
            lambda graph: graph.put_object(page_id, "feed", **fields),
            seconds=seconds,
            last_of_many=bool(photo_ids),
        )

    async def photo(
        self, account: Account, upload: FilePart, *, alt: str, seconds: float
    ) -> Answer:
        """Uploads a picture that nobody sees yet; unused ones vanish after about a day (3.2)."""
        fields: dict[str, object] = {"published": False}
        if alt:
            fields["alt_text_custom"] = alt
        page_id = settings_of(account).page_id
        return await self._call(
            account,
            lambda graph: graph.put_photo(upload, f"{page_id}/photos", **fields),
            seconds=seconds,
        )

    async def video(
        self, account: Account, upload: FilePart, *, title: str, description: str, seconds: float
    ) -> Answer:
        """Publishes a video; its `id` is a video's, not a post's. Never to be repeated (3.3)."""
        settings = settings_of(account)
        path = f"{settings.graph_version}/{settings.page_id}/videos"
        fields = {"title": title, "description": description}
        return await self._call(
            account,
            lambda graph: graph.request(path, post_args=fields, files={"source": upload}),
            seconds=seconds,
        )

    async def edit(
        self, account: Account, object_id: str, *, message: str, seconds: float
    ) -> Answer:
        """Replaces the words of a post, or of a video. May be repeated."""
        path = f"{settings_of(account).graph_version}/{object_id}"
        fields = {"message" if is_post(object_id) else "description": message}
        return await self._call(
            account,
            lambda graph: graph.request(path, post_args=fields),
            seconds=seconds,
            of_object=True,
        )

    async def delete(self, account: Account, object_id: str, *, seconds: float) -> Answer:
        """Deletes a post, photo or video. May be repeated; a gone one raises `MissingError`."""
        return await self._call(
            account,
            lambda graph: graph.delete_object(object_id),
            seconds=seconds,
            of_object=True,
        )

    # Reading.

    async def look(
        self, account: Account, object_id: str, *, seconds: float = READ_SECONDS
    ) -> Answer:
        """A post or a video with the fields that a look needs; raises `MissingError`."""
        fields = POST_FIELDS if is_post(object_id) else VIDEO_FIELDS
        return await self._call(
            account,
            lambda graph: graph.get_object(object_id, fields=fields),
            seconds=seconds,
            of_object=True,
        )

    async def list_edge(
        self,
        account: Account,
        edge: str,
        *,
        after: str,
        limit: int,
        seconds: float = READ_SECONDS,
    ) -> Answer:
        """One page of the Page's `published_posts` or `videos`; `after` empty is the first."""
        page_id = settings_of(account).page_id
        fields = VIDEO_FIELDS if edge == "videos" else POST_FIELDS
        args: dict[str, object] = {"fields": fields, "limit": limit}
        if after:
            args["after"] = after
        return await self._call(
            account, lambda graph: graph.get_connections(page_id, edge, **args), seconds=seconds
        )

    async def page(self, account: Account, *, seconds: float = READ_SECONDS) -> Answer:
        """The Page itself: id and name."""
        page_id = settings_of(account).page_id
        return await self._call(
            account, lambda graph: graph.get_object(page_id, fields="id,name"), seconds=seconds
        )

    async def inspect(self, account: Account) -> Answer:
        """What Facebook knows of our Page token: kind, app, end, permissions (section 2.1).

        Asked with the app's own token. This one call carries the token under inspection in its
        address, because that is the only form there is; our errors never show addresses.
        """
        settings, secrets = settings_of(account), credentials_of(account)
        app_token = f"{settings.app_id}|{secrets.app_secret.get_secret_value()}"
        asked = secrets.page_token.get_secret_value()
        path = f"{settings.graph_version}/debug_token"
        return await self._call(
            account,
            lambda graph: graph.request(path, {"input_token": asked}),
            seconds=READ_SECONDS,
            token=app_token,
        )

    @asynccontextmanager
    async def media(
        self, url: str, *, name: str, mime: str, sha256: str, most_bytes: int, seconds: float
    ) -> AsyncIterator[FilePart]:
        """A file of ours, fetched from its public address and compared with its hash.

        Raises ChannelNotSentError: what is wrong here is on our side, and Facebook was not called.
        """
        found = hashlib.sha256()
        size = 0
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
            try:
                async with (
                    asyncio.timeout(seconds),
                    self._media.one() as client,
                    client.stream("GET", url) as answer,
                ):
                    if answer.status_code != 200:
                        raise ChannelNotSentError(
                            "media_unreachable", remote_code=f"HTTP {answer.status_code}"
                        )
                    async for chunk in answer.aiter_bytes():
                        size += len(chunk)
                        if size > most_bytes:
                            raise ChannelNotSentError("media_changed", remote_message="too large")
                        found.update(chunk)
                        file.write(chunk)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise ChannelNotSentError(
                    "media_unreachable", remote_message=type(error).__name__
                ) from error
            if sha256 and found.hexdigest() != sha256:
                # Other bytes than those that were approved must not go out.
                raise ChannelNotSentError("media_changed", remote_message="other bytes")
            yield FilePart(name=name, mime=mime, file=file, size_bytes=size)

    def close(self) -> None:
        """Lets idle connections and threads go; calls under way end by themselves."""
        self._threads.shutdown(wait=False)
        while self._idle:
            self._idle.pop().close()

    async def aclose(self) -> None:
        """As `close`, and lets go of the running loop's connections to our own files."""
        self.close()
        await self._media.aclose()

    # The call itself.

    async def _call(
        self,
        account: Account,
        work: Work,
        *,
        seconds: float,
        last_of_many: bool = False,
        of_object: bool = False,
        token: str | None = None,
    ) -> Answer:
        key = _key(account, token)
        graph = self._idle.pop() if self._idle else PageGraph(self._base)
        graph.serve(key, seconds=seconds)
        try:
            body = await self._in_thread(graph, work, seconds=seconds)
            return Answer(body=body, usage=usage(graph.headers), version=graph.get_version())
        except GraphError as fault:
            error = judge(fault, last_of_many=last_of_many)
            if of_object and fault.missing:
                raise MissingError(
                    remote_code=error.remote_code, remote_message=error.remote_message
                ) from fault
            raise error from fault
        finally:
            self._idle.append(graph)

    async def _in_thread(
        self, graph: PageGraph, work: Work, *, seconds: float
    ) -> Mapping[str, object]:
        job = self._threads.submit(work, graph)
        ended = asyncio.wrap_future(job)
        until = steady_seconds() + seconds
        interrupted: asyncio.CancelledError | None = None
        while not ended.done():
            left = None if until == math.inf else max(until - steady_seconds(), 0)
            try:
                await asyncio.wait((ended,), timeout=left)
            except asyncio.CancelledError as error:
                interrupted = error
            late = steady_seconds() >= until
            if not ended.done() and (late or interrupted is not None):
                if not job.cancel():  # which works only while no thread has begun
                    graph.cut()
                until = math.inf
        if interrupted is not None:
            if not ended.cancelled():
                ended.exception()  # looked at, so that it is not reported as forgotten
            raise interrupted
        if ended.cancelled():
            raise GraphError("no free thread", left=False)
        return ended.result()


def is_post(object_id: str) -> bool:
    """Whether an id is a post's, `{page}_{story}`, and not a video's (section 1, "Ids")."""
    return "_" in object_id


def left_of(deadline: timedelta, since: float) -> float:
    """The seconds that are left of a deadline that began at `since` (steady clock)."""
    return max(deadline.total_seconds() - (steady_seconds() - since), 0.001)


def _key(account: Account, token: str | None) -> Key:
    secrets = credentials_of(account)
    token = token or secrets.page_token.get_secret_value()
    # Lower-case hex HMAC-SHA256 of the token under the app secret (section 2.1).
    secret = secrets.app_secret.get_secret_value().encode()
    proof = hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()
    return Key(token=token, proof=proof, version=settings_of(account).graph_version)
