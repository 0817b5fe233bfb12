"""What stands around every page: the state of the channels, and how much waits for the reader."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.content import brand
from services.staff import agency
from services.staff.agency import Logo
from services.staff.caller import Caller

# What cuts an account off is what `channels.accounts.health` says does.
_FRAME = text(
    """
    SELECT count(*) AS accounts,
           count(*) FILTER (WHERE a.cut_off) AS cut_off,
           count(*) FILTER (WHERE a.state = 'paused' AND NOT a.cut_off) AS paused,
           count(*) FILTER (WHERE a.state <> 'paused' AND NOT a.cut_off AND a.token_state = 'ok'
                              AND a.token_expires_at < now() + interval '14 days'
                              AND a.token_renewed_at IS NULL) AS ending,
           count(*) FILTER (WHERE a.state <> 'paused' AND NOT a.cut_off
                              AND greatest(a.rate_until, a.breaker_until) > now()) AS slow,
           min(a.name) FILTER (WHERE a.cut_off) AS cut_off_name,
           min(a.name) FILTER (WHERE a.state = 'paused') AS paused_name,
           min(a.name) FILTER (WHERE greatest(a.rate_until, a.breaker_until) > now()) AS slow_name,
           (SELECT reason FROM switch
             WHERE name = 'freeze' AND (until IS NULL OR until > now())) AS frozen,
           (SELECT reason FROM switch WHERE name = 'fence') AS fenced,
           (SELECT count(*) FROM revision r JOIN item i ON i.id = r.item_id
             WHERE r.state = 'review' AND i.unit_id = ANY(:units)
               AND r.submitted_by <> :staff AND r.last_editor <> :staff) AS to_approve,
           (SELECT count(*) FROM notification
             WHERE staff_id = :staff AND read_at IS NULL) AS unread,
           (SELECT nullif(value #>> '{}', '') FROM agency_setting WHERE name = 'name') AS agency,
           (SELECT value #>> '{}' FROM agency_setting WHERE name = 'logo') AS logo
      FROM (SELECT account.*,
                   CASE WHEN state = 'paused' THEN pause_code IS NOT NULL
                        ELSE token_state = 'consent'
                             OR (check_ok IS FALSE AND NOT EXISTS (
                               SELECT 1 FROM attempt x
                                WHERE x.account_id = account.id
                                  AND x.started_at > account.checked_at AND x.outcome = 'done'))
                        END AS cut_off
              FROM account WHERE unit_id = ANY(:units) AND stage = 'official') AS a
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose pages these are, for whoever has not signed in: as `Frame` has both."""

    agency: str | None
    logo: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The counts that the frame of a page shows.

    `frozen` and `fenced` hold the reason while the hub is held. `to_approve` counts the revisions
    that wait for this very reader, whatever their roles. `agency` and `logo` (a path of ours) are
    what the house has chosen, None for the usual ones.
    """

    accounts: int
    cut_off: int
    paused: int
    ending: int
    slow: int
    cut_off_name: str | None
    paused_name: str | None
    slow_name: str | None
    frozen: str | None
    fenced: str | None
    to_approve: int
    unread: int = 0
    agency: str | None = None
    logo: str | None = None

    @property
    def health(self) -> str:
        """The worst of the channels: `none`, `cut_off`, `paused`, `ending`, `slow` or `good`."""
        if not self.accounts:
            return "none"
        if self.cut_off:
            return "cut_off"
        if self.paused:
            return "paused"
        if self.ending:
            return "ending"
        return "slow" if self.slow else "good"


async def brand_of(session: AsyncSession) -> Brand:
    """The name and the mark that the house has chosen."""
    house = await agency.settings(session)
    return Brand(agency=house.name or None, logo=_path(house.logo))


async def frame_of(session: AsyncSession, caller: Caller) -> Frame:
    """The frame for this reader, of one instant."""
    row = (
        await session.execute(_FRAME, {"units": list(caller.unit_ids), "staff": caller.staff_id})
    ).one()
    told = dict(row._mapping)  # noqa: SLF001  # the public name of a row's columns
    mark = told.pop("logo")
    return Frame(**told, logo=_path(None if mark is None else Logo.model_validate_json(mark)))


def _path(logo: Logo | None) -> str | None:
    return None if logo is None else f"/media/{brand.name(logo)}"
