"""What the public saw, against what was agreed: the ledger decides, not the hub."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from tests.chaos.stage import Stage, Story, told_of


@dataclass(slots=True)
class Verdict:
    """Findings; each names item, account and what was seen."""

    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    outlived: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Whether nothing was violated."""
        return not (self.duplicates or self.lost or self.outlived or self.other)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    state: str
    code: str | None
    observed_at: datetime | None


async def judge(stage: Stage) -> Verdict:
    """Judges every item on every account."""
    verdict = Verdict()
    standing = await _standing(stage)
    for account, remote in stage.remote.items():
        ledger = await stage.sandbox.ledger(remote)
        for story in stage.stories:
            if account in story.accounts:
                where = f"{story.code} @ {ledger['channel']} {remote}"
                _judge(verdict, story, ledger, standing[story.item, account], where)
    return verdict


def _judge(
    verdict: Verdict,
    story: Story,
    ledger: Mapping[str, Sequence[Mapping[str, object]]],
    now: _Standing,
    where: str,
) -> None:
    verdict.states[now.state] += 1
    visible = [post for post in ledger["visible"] if told_of(post, story.code)]
    ever = [post for post in ledger["ever"] if told_of(post, story.code)]
    ids = {str(post["remote_id"]) for post in ever}
    if len(ids) > 1:
        verdict.duplicates.append(f"{where}: {sorted(ids)}")
    match now.state:
        case "live" if not visible:
            verdict.lost.append(f"{where}: live, and not there")
        case "live":
            words = f"{visible[0].get('title')}\n{visible[0].get('text')}"
            if story.title not in words:
                verdict.other.append(f"{where}: shows another text than {story.title!r}")
        case "withdrawn" if visible or _outlived(ever, now.observed_at, str(ledger["channel"])):
            verdict.outlived.append(f"{where}: visible after its withdrawal")
        case "failed" | "undecided" | "expired":
            if now.code is None:
                verdict.lost.append(f"{where}: {now.state} without a word to anyone")
        case "withdrawn":
            pass
        case state:
            verdict.lost.append(f"{where}: still {state} ({now.code})")
    if story.withdrawn and now.state == "live":
        verdict.outlived.append(f"{where}: live although withdrawn")


def _outlived(
    ever: Sequence[Mapping[str, object]], observed_at: datetime | None, channel: str
) -> bool:
    """Whether a reader saw it at an instant when the hub held it to be gone.

    A portal reads in its own time: there only what stands now counts.
    """
    if observed_at is None or channel == "portal_rss":
        return False
    ends = [post["visible_to"] for post in ever]
    return any(end is None or datetime.fromisoformat(str(end)) > observed_at for end in ends)


async def _standing(stage: Stage) -> Mapping[tuple[UUID, UUID], _Standing]:
    async with stage.bench.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT item_id, account_id, CASE WHEN observed_generation < generation"
                " AND state IN ('live','withdrawn') THEN 'behind' ELSE state END AS state,"
                " problem_code, observed_at FROM publication"
            )
        )
        return {
            (row.item_id, row.account_id): _Standing(
                state=row.state, code=row.problem_code, observed_at=row.observed_at
            )
            for row in rows
        }
