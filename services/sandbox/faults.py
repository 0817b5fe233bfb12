"""Scripted faults: which calls they meet, how often, and what each kind does."""

import random
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

BOTH = ("zalo_oa", "facebook_page")

# Words that stand for several operations of the channels; the hub's own four among them.
GROUPS: dict[str, frozenset[str]] = {
    "publish": frozenset(("create", "feed", "video")),
    "write": frozenset(
        [
            "create",
            "update",
            "remove",
            "message",
            "broadcast",
            "feed",
            "photo",
            "video",
            "edit",
            "delete",
        ]
    ),
    "update": frozenset(("update", "edit")),
    "withdraw": frozenset(("remove", "delete")),
    "look": frozenset(("list", "read", "detail")),
    "read": frozenset(("read", "detail")),
}
# What only brings a file, and shows it to nobody.
_UPLOADS = frozenset((("zalo_oa", "video"), ("facebook_page", "photo")))
OPERATIONS: dict[str, tuple[str, ...]] = {
    "zalo_oa": (
        "create", "verify", "update", "remove", "list", "detail", "profile", "refresh", "exchange",
        "upload", "video", "video_state", "broadcast", "message", "chats",
    ),
    "facebook_page": (
        "feed", "photo", "video", "edit", "delete", "read", "list", "accounts", "inspect",
        "subscribe", "message",
    ),
}  # fmt: skip


class Commit(StrEnum):
    """Whether the call takes effect in spite of its fault."""

    ALWAYS = "always"
    NEVER = "never"
    ASKED = "if asked"
    """Only with `"commit": true`."""
    UNLESS = "unless refused"
    """Unless `"commit": false`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault. `writes_only`: without a named operation it meets changing calls only."""

    name: str
    commits: Commit
    title: str
    vi: str
    en: str
    channels: tuple[str, ...] = BOTH
    writes_only: bool = False


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="commit_then_hang",
            commits=Commit.ALWAYS,
            writes_only=True,
            title="Xong rồi im lặng",
            vi="Việc đã xong nhưng không trả lời: giữ kết nối (mặc định 60 giây) rồi đóng.",
            en="Takes effect, then says nothing for up to `seconds` (60), then closes.",
        ),
        Kind(
            name="hang_without_commit",
            commits=Commit.NEVER,
            title="Im lặng",
            vi="Không làm gì và không trả lời: giữ kết nối (60 giây nếu không ghi khác) rồi đóng.",
            en="Takes no effect, says nothing for up to `seconds` (60), then closes.",
        ),
        Kind(
            name="commit_then_reset",
            commits=Commit.ALWAYS,
            writes_only=True,
            title="Xong rồi đứt mạng",
            vi="Việc đã xong, rồi kết nối bị cắt ngang (TCP RST).",
            en="Takes effect, then the connection is reset (TCP RST).",
        ),
        Kind(
            name="reset",
            commits=Commit.NEVER,
            title="Đứt mạng",
            vi="Không làm gì, kết nối bị cắt ngang (TCP RST).",
            en="Takes no effect, the connection is reset (TCP RST).",
        ),
        Kind(
            name="http_500",
            commits=Commit.ASKED,
            title="Lỗi máy chủ",
            vi="Trả HTTP 500, với Facebook là mã 2. Chọn “Có hiệu lực” thì việc vẫn xong.",
            en="HTTP 500 (Facebook: code 2); with `commit: true` it takes effect all the same.",
        ),
        Kind(
            name="html",
            commits=Commit.ASKED,
            title="Trang lỗi HTML",
            vi="Trả trang HTML với HTTP 502. Chọn “Có hiệu lực” thì việc vẫn xong.",
            en="An HTML page with HTTP 502; with `commit: true` it takes effect all the same.",
        ),
        Kind(
            name="throttle",
            commits=Commit.NEVER,
            title="Gọi quá nhiều",
            vi="Từ chối vì quá nhiều lượt gọi, có thể kèm giờ hẹn gọi lại.",
            en="Refuses as too many calls; `retry_after` puts a waiting time into the headers.",
        ),
        Kind(
            name="token_dead",
            commits=Commit.NEVER,
            title="Mã truy cập chết",
            vi="Từ chối vì mã hết hiệu lực; mã Zalo chết thật cho tới khi làm mới hay cấp lại.",
            en="The token is dead. Zalo: for real, until it is renewed or consent is given anew.",
        ),
        Kind(
            name="slow",
            commits=Commit.ALWAYS,
            title="Trả lời chậm",
            vi="Việc xong và câu trả lời đúng, nhưng tới muộn (2 giây nếu không ghi khác).",
            en="Takes effect and answers rightly, but `seconds` (2) late.",
        ),
        Kind(
            name="late_in_lists",
            commits=Commit.ALWAYS,
            writes_only=True,
            title="Chậm vào danh sách",
            vi="Bài đăng được, nhưng 30 giây sau (nếu không ghi khác) danh sách mới có.",
            en="The post is made, and lists tell of it only `seconds` (30) later.",
        ),
        Kind(
            name="empty_body",
            commits=Commit.UNLESS,
            title="Câu trả lời rỗng",
            vi="HTTP 200 mà không có nội dung. Việc vẫn xong, trừ khi chọn “Không”.",
            en="HTTP 200 with an empty body; with `commit: false` it takes no effect.",
        ),
        Kind(
            name="redirect",
            commits=Commit.ASKED,
            title="Chuyển hướng",
            vi="Trả HTTP 302 sang địa chỉ khác. Chọn “Có hiệu lực” thì việc vẫn xong.",
            en="HTTP 302 to another address; with `commit: true` it takes effect all the same.",
        ),
        Kind(
            name="no_content_type",
            commits=Commit.UNLESS,
            title="Thiếu Content-Type",
            vi="Câu trả lời đúng nhưng thiếu loại nội dung. Việc vẫn xong, trừ khi chọn “Không”.",
            en="The right answer without Content-Type; with `commit: false` takes no effect.",
        ),
        Kind(
            name="commit_then_refuse",
            commits=Commit.ALWAYS,
            writes_only=True,
            title="Xong mà bị từ chối",
            vi="Việc đã xong nhưng câu trả lời lại là từ chối: trùng bài, hoặc quá nhiều lượt gọi.",
            en="Takes effect, and yet answers with a refusal (duplicate, or too many calls).",
        ),
    )
}
KindName = Literal[
    "commit_then_hang", "hang_without_commit", "commit_then_reset", "reset", "http_500", "html",
    "throttle", "token_dead", "slow", "late_in_lists", "empty_body", "redirect", "no_content_type",
    "commit_then_refuse",
]  # fmt: skip
_ALSO_CALLED = {"5xx": "http_500", "http_5xx": "http_500", "500": "http_500"}


class FaultForm(BaseModel):
    """A fault as it is asked for. Without `count` and `rate` it meets one call.

    A kind may be written as people say it: `commit then hang`, `HTML`, `5xx`.
    `rate`: the share of matching calls, drawn from `seed`; with `count` until so many were met.
    `code` and `subcode` replace the channel's usual number in a refusal.
    """

    # JSON knows neither NaN nor Infinity: such a number could be taken in, but never told again.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    channel: Literal["zalo_oa", "facebook_page"] | None = None
    account: str | None = None
    operation: str | None = None
    kind: KindName
    count: int | None = Field(default=None, ge=1)
    rate: float | None = Field(default=None, gt=0, le=1)
    seed: int = 0
    seconds: float | None = Field(default=None, ge=0)
    code: int | None = None
    subcode: int | None = None
    retry_after: float | None = Field(default=None, ge=0)
    commit: bool | None = None

    @field_validator("kind", mode="before")
    @classmethod
    def _as_people_say(cls, kind: object) -> object:
        if not isinstance(kind, str):
            return kind
        told = re.sub(r"[\s_-]+", "_", kind.strip().lower())
        return _ALSO_CALLED.get(told, told)

    @field_validator("operation")
    @classmethod
    def _is_known(cls, operation: str | None) -> str | None:
        known = {"", "any", *GROUPS, *(name for names in OPERATIONS.values() for name in names)}
        if operation is not None and operation not in known:
            raise ValueError(f"one of {', '.join(sorted(known - {''}))} is expected")
        return operation


class Fault:
    """A fault that waits for its calls; `left` None means until it is taken away."""

    def __init__(self, number: int, form: FaultForm) -> None:
        self.id = number
        self.form = form
        self.kind = KINDS[form.kind]
        self.left = 1 if form.count is None and form.rate is None else form.count
        self.applied = 0
        self._dice = random.Random(form.seed)  # noqa: S311  # chance that can be repeated
        named = form.operation or "any"
        everywhere = named == "any" and not self.kind.writes_only
        group = "write" if named == "any" else named
        self._operations = None if everywhere else GROUPS.get(group, frozenset({group}))
        # `write` is every changing call; the other groups mean what readers could see of it.
        self._spares_uploads = not everywhere and group in GROUPS and named != "write"

    def meets(self, channel: str, account: str, operation: str) -> bool:
        """Whether it happens to this call; a drawn lot counts, a number left does not fall yet."""
        form = self.form
        return (
            (form.channel is None or form.channel == channel)
            and (not form.account or form.account == account)
            and (self._operations is None or operation in self._operations)
            and not (self._spares_uploads and (channel, operation) in _UPLOADS)
            and (form.rate is None or self._dice.random() < form.rate)
        )

    @property
    def commits(self) -> bool:
        """Whether the call takes effect all the same."""
        match self.kind.commits:
            case Commit.ALWAYS:
                return True
            case Commit.NEVER:
                return False
            case Commit.ASKED:
                return self.form.commit is True
            case Commit.UNLESS:
                return self.form.commit is not False

    def told(self) -> dict[str, object]:
        """The fault as JSON."""
        return {
            "id": self.id,
            **self.form.model_dump(exclude_none=True),
            "left": self.left,
            "applied": self.applied,
        }


class Faults:
    """All faults that still wait, oldest first; at most one meets a call."""

    def __init__(self) -> None:
        self._waiting: dict[int, Fault] = {}
        self._made = 0
        self.applied = 0

    def add(self, form: FaultForm) -> Fault:
        """A new fault, behind those that wait already."""
        self._made += 1
        fault = Fault(self._made, form)
        self._waiting[fault.id] = fault
        return fault

    def waiting(self) -> list[Fault]:
        """Those that have calls left to meet."""
        return list(self._waiting.values())

    def take_away(self, number: int | None = None) -> None:
        """Takes one fault away, or all."""
        if number is None:
            self._waiting.clear()
        else:
            self._waiting.pop(number, None)

    def for_call(self, channel: str, account: str, operation: str) -> Fault | None:
        """The fault that happens to this call, counted as applied; None mostly."""
        if not self._waiting:
            return None
        for fault in list(self._waiting.values()):
            if fault.meets(channel, account, operation):
                fault.applied += 1
                self.applied += 1
                if fault.left is not None:
                    fault.left -= 1
                    if not fault.left:
                        del self._waiting[fault.id]
                return fault
        return None
