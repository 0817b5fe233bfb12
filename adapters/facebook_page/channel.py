"""The Facebook Page as a channel: which step comes next, and the one call that makes it.

A post is one `/feed` call, or pictures uploaded unseen one by one and then that call, or a video
and then waiting until it is ready. Only `/feed` and the video are not to be repeated.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, TypeAlias

from pydantic import BaseModel

from adapters.facebook_page import addresses, inbound, render
from adapters.facebook_page.checking import probes
from adapters.facebook_page.client import GraphClient, MissingError, is_post, left_of
from adapters.facebook_page.readback import (
    Place,
    entries,
    instant,
    next_after,
    place,
    post_id_of,
    seen,
    video_state,
)
from adapters.facebook_page.settings import (
    FacebookCredentials,
    FacebookSettings,
    credentials_of,
    settings_of,
)
from shared.clock import steady_seconds, utc_now
from shared.contract.errors import ChannelRejectedError, ChannelUncertainError, Remedy
from shared.contract.messages import (
    Account,
    Call,
    Continue,
    Done,
    Fingerprint,
    InboundEvent,
    Json,
    Limits,
    Operation,
    Outcome,
    Page,
    Payload,
    Probe,
    Problem,
    Receipt,
    RemoteId,
    Rendition,
    Revision,
    Seen,
    SignatureVerdict,
    Step,
)

GRAPH_URL = "https://graph.facebook.com"

# Facebook drops unused uploads after about 24 hours (facebook-pages-api.md 3.2); ours are made
# anew well before that, or the post would be refused for pictures that are no more.
PHOTO_LIFE = timedelta(hours=20)
VIDEO_PAUSE = timedelta(seconds=10)
DOUBT_PAUSE = timedelta(seconds=30)
LIST_LIMIT = 50
# How far down the list of newest posts a post is looked for before it counts as gone.
PROOF_PAGES = 5
PROOF_LIMIT = 100

StepName: TypeAlias = Literal[
    "upload_photo", "post", "post_video", "edit", "edit_video", "look_at_video",
    "delete", "delete_photo", "prove_gone", "nothing",
]  # fmt: skip
_ONCE = frozenset[StepName](("post", "post_video"))


class FacebookPage:
    """One object for every Page; it keeps connections and nothing else."""

    name = "facebook_page"
    pull = False
    refuses_bad_signature = True
    limits: Limits = render.LIMITS
    settings_form: type[BaseModel] = FacebookSettings
    credentials_form: type[BaseModel] = FacebookCredentials
    variables: Mapping[str, str] = {"LOA_FACEBOOK_GRAPH_URL": GRAPH_URL}

    def __init__(self) -> None:
        self._graph = GraphClient(GRAPH_URL)
        self._real = True

    def configure(self, values: Mapping[str, str]) -> None:
        """Takes the address of Graph; called once, at start, before any call."""
        self._graph.close()
        self._real = values.get("LOA_FACEBOOK_GRAPH_URL", GRAPH_URL) == GRAPH_URL
        self._graph = GraphClient(values.get("LOA_FACEBOOK_GRAPH_URL", GRAPH_URL))

    async def aclose(self) -> None:
        """Lets go of every connection; a later call needs `configure` first."""
        await self._graph.aclose()

    def remote_id_of(self, settings: BaseModel) -> str:
        """The Page's id."""
        return FacebookSettings.model_validate(settings).page_id

    def account_url(self, settings: BaseModel) -> str | None:
        """The Page on Facebook; None while Graph is another machine's."""
        page_id = FacebookSettings.model_validate(settings).page_id
        return addresses.page_url(page_id) if self._real else None

    def post_in(self, url: str, settings: BaseModel) -> RemoteId | None:
        """The post of the Page that a link names."""
        return addresses.post_in(url, FacebookSettings.model_validate(settings).page_id)

    # What the Page will show.

    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        """Plain text, pictures or a video, and the item's link. Pure."""
        return render.render(revision)

    def fingerprint(self, payload: Payload) -> Fingerprint:
        """The link, the text and the number of pictures."""
        return render.fingerprint(payload)

    def update_problems(self, old: Payload, new: Payload) -> tuple[Problem, ...]:
        """What a correction of `old` into `new` leaves unchanged on the Page. Pure."""
        return render.update_problems(old, new)

    # Publishing, correcting, withdrawing.

    def step(self, call: Call) -> Step:
        """What the next call would do. Looks at nothing but the call (and the age of uploads)."""
        name = _next_step(call)
        return Step(name=name, repeatable=name not in _ONCE)

    async def publish(self, call: Call) -> Outcome:
        """Makes the next step of a post."""
        match _next_step(call):
            case "upload_photo":
                return await self._upload_photo(call)
            case "post":
                return await self._post(call)
            case "post_video":
                return await self._post_video(call)
            case "look_at_video":
                return await self._look_at_video(call)
            case _:
                return await self._edit(call)

    async def update(self, call: Call) -> Outcome:
        """Replaces the words; pictures, video and link stay (see `update_problems`)."""
        return await self.publish(call)

    async def withdraw(self, call: Call) -> Outcome:
        """Deletes the post; "already gone" is Done only when reading shows nothing of it."""
        match _next_step(call):
            case "prove_gone":
                return await self._prove_gone(call)
            case "delete":
                return await self._delete(call)
            case "delete_photo":
                return await self._delete_photo(call)
            case _:
                # No id and no upload: nothing of this publication can be on the Page.
                return Done(receipt=Receipt(remote_id=RemoteId("")))

    # Reading back.

    async def listing(self, account: Account, *, since: datetime, cursor: str | None) -> Page:
        """One page of the Page's posts, then of its videos, made at or after `since`.

        The list is ranked, so an old entry is not the end: it is read until it ends, or until two
        pages in a row hold nothing as young as `since` (R21). Videos follow because one that is
        still being processed stands in no list of posts, and must not count as absent.
        """
        here = place(cursor)
        settings = settings_of(account)
        answer = await self._graph.list_edge(account, here.edge, after=here.after, limit=LIST_LIMIT)
        found = entries(answer.body)
        young = [entry for entry in found if _not_before(entry, since)]
        stale = 0 if young else here.stale + 1
        after = next_after(answer.body, now_at=here.after)
        if after is not None and stale < 2:
            following: str | None = Place(edge=here.edge, stale=stale, after=after).cursor
        elif here.edge == "published_posts":
            following = Place(edge="videos").cursor
        else:
            following = None
        shown = [seen(e, page_id=settings.page_id, app_id=settings.app_id) for e in young]
        if here.edge == "videos":
            # A video that has its post was listed as that post already.
            shown = [one for one in shown if not is_post(one.remote_id)]
        return Page(seen=tuple(shown), cursor=following)

    async def newest(self, account: Account) -> Page:
        """The newest posts; an empty list is believed only when the Page itself can be read."""
        settings = settings_of(account)
        answer = await self._graph.list_edge(account, "published_posts", after="", limit=25)
        found = entries(answer.body)
        if not found:
            await self._right_page(account)
            if next_after(answer.body, now_at="") is not None:
                raise ChannelUncertainError("unreadable_answer", remote_message="an empty page")
        return Page(
            seen=tuple(seen(e, page_id=settings.page_id, app_id=settings.app_id) for e in found)
        )

    async def read(self, account: Account, remote_id: RemoteId) -> Seen | None:
        """The post as it stands. None: Graph denies it, the Page is readable, no list has it.

        Graph says 100/33 for gone, foreign and unreadable alike (section 4), so the denial alone
        proves nothing. In doubt ChannelUncertainError `post_unreadable`.
        """
        settings = settings_of(account)
        try:
            answer = await self._graph.look(account, remote_id)
        except MissingError:
            if await self._listed(account, remote_id):
                raise
            return None
        # The hub asked for this id: a video keeps it here even when it has a post by now.
        body = {name: value for name, value in answer.body.items() if name != "post_id"}
        return seen(body, page_id=settings.page_id, app_id=settings.app_id)

    async def check(self, account: Account) -> tuple[Probe, ...]:
        """Page, list of posts, token, permissions, version: what holds and what does not."""
        return await probes(self._graph, account)

    # What Facebook calls us with.

    def verify(
        self, account: Account, *, headers: Mapping[str, str], body: bytes
    ) -> SignatureVerdict:
        """Checks `X-Hub-Signature-256` over the raw body."""
        secret = credentials_of(account).app_secret.get_secret_value()
        return inbound.verify(secret, headers, body)

    def handshake(self, account: Account, query: Mapping[str, str]) -> str | None:
        """The challenge that answers Facebook's set-up GET, or None."""
        return inbound.handshake(credentials_of(account).verify_token.get_secret_value(), query)

    def events(self, body: bytes) -> tuple[InboundEvent, ...]:
        """The events of a verified body."""
        return inbound.events(body)

    # The steps.

    async def _upload_photo(self, call: Call) -> Outcome:
        post, since = _post_of(call), steady_seconds()
        photos = _photos(call.handle, now=utc_now())
        picture = next(one for one in post.pictures if one.sha256 not in photos)
        async with self._graph.media(
            picture.url,
            name=f"{picture.sha256[:16]}.jpg",
            mime="image/jpeg",
            sha256=picture.sha256,
            most_bytes=4_000_000,
            seconds=call.deadline.total_seconds(),
        ) as file:
            answer = await self._graph.photo(
                call.account, file, alt=picture.alt, seconds=left_of(call.deadline, since)
            )
        made: dict[str, Json] = {"id": answer.name("id"), "at": utc_now().isoformat()}
        kept: dict[str, Json] = {**photos, picture.sha256: made}
        return Continue(handle={"photos": kept}, phase="photos", usage=answer.usage)

    async def _post(self, call: Call) -> Outcome:
        post = _post_of(call)
        photos = _photos(call.handle, now=None)
        answer = await self._graph.feed(
            call.account,
            message=post.message,
            link=post.link,
            photo_ids=tuple(_photo_id(photos[one.sha256]) for one in post.pictures),
            seconds=call.deadline.total_seconds(),
        )
        remote_id = answer.name("id")
        # A post's address is known also where read-after-write is not answered (section 3.1).
        url = answer.text("permalink_url") or f"https://www.facebook.com/{remote_id}"
        return Done(
            receipt=Receipt(remote_id=RemoteId(remote_id), remote_url=url, usage=answer.usage)
        )

    async def _post_video(self, call: Call) -> Outcome:
        post, since = _post_of(call), steady_seconds()
        if post.video is None:
            raise ValueError("no video in this payload")
        async with self._graph.media(
            post.video.url,
            name="video.mp4",
            mime=post.video.mime,
            sha256=post.video.sha256,
            most_bytes=post.video.size_bytes,
            seconds=call.deadline.total_seconds(),
        ) as file:
            answer = await self._graph.video(
                call.account,
                file,
                title=post.video.title,
                description=post.message,
                seconds=left_of(call.deadline, since),
            )
        video_id = answer.name("id")
        return Continue(
            handle={"video": video_id, "words": _digest(post.message)},
            phase="video",
            after=VIDEO_PAUSE,
            remote_id=RemoteId(video_id),
            usage=answer.usage,
        )

    async def _look_at_video(self, call: Call) -> Outcome:
        video_id = _video_id(call)
        try:
            answer = await self._graph.look(
                call.account, video_id, seconds=call.deadline.total_seconds()
            )
        except MissingError:
            # Reads lag behind writes by a minute and more (R21).
            return _waiting(call, VIDEO_PAUSE)
        state = video_state(answer.body)
        if state == "error":
            raise ChannelRejectedError(
                "media_refused", remedy=Remedy.EDIT, remote_message="video_status error"
            )
        if state not in (None, "ready"):
            return _waiting(call, VIDEO_PAUSE, usage=answer.usage)
        story = answer.text("post_id")
        page_id = settings_of(call.account).page_id
        return Done(
            receipt=Receipt(
                remote_id=RemoteId(post_id_of(story, page_id=page_id) if story else video_id),
                remote_url=answer.text("permalink_url"),
                usage=answer.usage,
            )
        )

    async def _edit(self, call: Call) -> Outcome:
        video_id = _video_id(call)
        object_id = video_id or call.remote_id
        if object_id is None:
            raise ValueError("no id to update")
        message = _post_of(call).message
        seconds = call.deadline.total_seconds()
        try:
            answer = await self._graph.edit(
                call.account, object_id, message=message, seconds=seconds
            )
        except MissingError as error:
            if await self._listed(call.account, object_id):
                raise
            raise ChannelRejectedError(
                "post_missing",
                remedy=Remedy.EDIT,
                remote_code=error.remote_code,
                remote_message=error.remote_message,
            ) from error
        _must_have_worked(answer.body)
        if video_id:
            return Continue(
                handle={"video": video_id, "words": _digest(message)},
                phase="video",
                remote_id=RemoteId(video_id),
                usage=answer.usage,
            )
        return Done(
            receipt=Receipt(
                remote_id=RemoteId(object_id),
                remote_url=answer.text("permalink_url"),
                usage=answer.usage,
            )
        )

    async def _delete(self, call: Call) -> Outcome:
        object_id = call.remote_id or _video_id(call)
        try:
            answer = await self._graph.delete(
                call.account, object_id, seconds=call.deadline.total_seconds()
            )
        except MissingError:
            return Continue(handle=call.handle, phase="gone?", remote_id=call.remote_id)
        _must_have_worked(answer.body)
        return Done(receipt=Receipt(remote_id=RemoteId(object_id), usage=answer.usage))

    async def _prove_gone(self, call: Call) -> Outcome:
        object_id = RemoteId(call.remote_id or _video_id(call))
        try:
            still_there = await self.read(call.account, object_id) is not None
        except MissingError:
            return _waiting(call, DOUBT_PAUSE)
        if still_there:
            return _waiting(call, DOUBT_PAUSE, phase="again")
        return Done(receipt=Receipt(remote_id=object_id))

    async def _delete_photo(self, call: Call) -> Outcome:
        # An upload that no post uses: nobody saw it, so a denial needs no further proof.
        photos = _photos(call.handle, now=None)
        hash_, photo = next(iter(photos.items()))
        photo_id = _photo_id(photo)
        try:
            answer = await self._graph.delete(
                call.account, photo_id, seconds=call.deadline.total_seconds()
            )
        except MissingError:
            pass
        else:
            _must_have_worked(answer.body)
        rest = {name: value for name, value in photos.items() if name != hash_}
        if rest:
            return Continue(handle={"photos": rest}, phase="photos")
        return Done(receipt=Receipt(remote_id=RemoteId(photo_id)))

    async def _listed(self, account: Account, object_id: str) -> bool:
        """Whether the newest posts (or videos) still hold an id that Graph denies.

        Raises ChannelError unless the Page itself can be read: a blind token denies everything.
        """
        await self._right_page(account)
        after = ""
        edge = "published_posts" if is_post(object_id) else "videos"
        for _ in range(PROOF_PAGES):
            answer = await self._graph.list_edge(account, edge, after=after, limit=PROOF_LIMIT)
            if any(entry.get("id") == object_id for entry in entries(answer.body)):
                return True
            following = next_after(answer.body, now_at=after)
            if following is None:
                break
            after = following
        return False

    async def _right_page(self, account: Account) -> None:
        answer = await self._graph.page(account)
        if answer.name("id") != settings_of(account).page_id:
            raise ChannelUncertainError("unreadable_answer", remote_message="another page")


def _next_step(call: Call) -> StepName:
    if call.operation is Operation.WITHDRAW:
        return _next_withdrawal(call)
    post = _post_of(call)
    if _video_id(call):
        # The words may have been corrected since the video went up.
        same = call.handle.get("words") == _digest(post.message)
        return "look_at_video" if same else "edit_video"
    if call.operation is Operation.UPDATE or call.remote_id is not None:
        return "edit"
    if post.video is not None:
        return "post_video"
    photos = _photos(call.handle, now=utc_now()) if post.pictures else {}
    return "post" if all(one.sha256 in photos for one in post.pictures) else "upload_photo"


def _next_withdrawal(call: Call) -> StepName:
    if call.remote_id is not None or _video_id(call):
        return "prove_gone" if call.phase == "gone?" else "delete"
    return "delete_photo" if _photos(call.handle, now=None) else "nothing"


def _post_of(call: Call) -> render.Post:
    if call.payload is None:
        raise ValueError("nothing to show")
    return render.read_payload(call.payload)


def _photos(handle: Payload, *, now: datetime | None) -> dict[str, Json]:
    """What was uploaded: hash of the picture → {id, at}; with `now` only what still lives."""
    photos = handle.get("photos")
    if not isinstance(photos, Mapping):
        return {}
    return {
        name: photo
        for name, photo in photos.items()
        if isinstance(photo, Mapping)
        and (now is None or now - datetime.fromisoformat(str(photo.get("at"))) < PHOTO_LIFE)
    }


def _photo_id(photo: Json) -> str:
    return str(photo.get("id")) if isinstance(photo, Mapping) else ""


def _video_id(call: Call) -> str:
    video_id = call.handle.get("video")
    return video_id if isinstance(video_id, str) else ""


def _waiting(
    call: Call, after: timedelta, *, phase: str | None = None, usage: float | None = None
) -> Continue:
    return Continue(
        handle=call.handle,
        phase=phase or call.phase or "",
        after=after,
        remote_id=call.remote_id,
        waiting=True,
        usage=usage,
    )


def _must_have_worked(body: Mapping[str, object]) -> None:
    # `{"success": true}`, or the object itself where fields were asked for (sections 3.1 and 4).
    if body.get("success") is not True and not isinstance(body.get("id"), str):
        raise ChannelUncertainError("unreadable_answer", remote_message="no success")


def _not_before(entry: Mapping[str, object], since: datetime) -> bool:
    at = instant(entry.get("created_time"))
    return at is None or at >= since


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


channel = FacebookPage()
