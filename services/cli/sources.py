"""`loa source`: adds feeds of other sites, lists them, and reads them at once."""

from collections.abc import Mapping
from typing import Annotated

import typer
from pydantic import ValidationError

from services.cli import finding
from services.cli.opening import at_hub, at_terminal
from services.cli.telling import AsJson, Data, say, table, tell, tell_json
from services.delivery import field_words
from services.delivery.hub import Hub
from services.sources import managing, polling, queries, words
from services.sources.forms import SourceForm
from services.sources.queries import Shown
from services.sources.tables import Source
from shared.clock import utc_now
from shared.errors import InvalidError, NotFoundError


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    group = typer.Typer(help="Nguồn tin · Sources", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(listed)
    group.command("fetch")(fetch)
    app.add_typer(group, name="source")


def add(
    url: Annotated[str, typer.Argument(help="Địa chỉ RSS, Atom hoặc JSON Feed · Its address.")],
    title: Annotated[str, typer.Option(help="Tên để gọi · What people call it.")] = "",
    unit: Annotated[
        str | None, typer.Option(metavar="CODE", help="Mã đơn vị · The unit's code.")
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Cổng của chính cơ quan · The agency's own portal.")
    ] = False,
    writer: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="Người thêm · Who adds it.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Thêm một nguồn tin; worker đọc trong ít phút · Add a source; a worker reads it soon."""
    try:
        form = SourceForm.model_validate(
            {"url": url, "title": title, "unit": unit, "whose": "own" if own else "sister"}
        )
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        told = field_words.fault(fault["type"], "vi")
        raise InvalidError("input_unreadable", reason=f"{fault['loc'][0]}: {told}") from None

    async def work(hub: Hub) -> Source:
        async with hub.open_work() as session:
            caller = await finding.writer(session, at_terminal(), writer)
            return await managing.add(session, caller, form, guard=hub.guard, now=utc_now())

    made = at_hub(data, work)
    tell(
        {"id": made.id, "url": made.url, "title": made.title, "makes": made.makes},
        as_json=as_json,
        line=f"Đã thêm nguồn {made.url} ({made.id}) · Source added; đọc ngay · read it now:"
        f" loa source fetch '{made.url}'",
    )


def listed(data: Data = None, as_json: AsJson = False) -> None:
    """Các nguồn tin và lần đọc cuối · The sources and how they were last read."""

    async def work(hub: Hub) -> tuple[Shown, ...]:
        async with hub.open_work() as session:
            return await queries.everywhere(session)

    found = at_hub(data, work)
    if as_json:
        tell_json([_facts(one) for one in found])
        return
    table(
        "Nguồn tin · Sources",
        (
            "Tên · Title",
            "Đơn vị · Unit",
            "Địa chỉ · Address",
            "Tin mới · New",
            "Tình trạng · State",
        ),
        [
            (
                one.source.title or "–",
                one.unit_code,
                one.source.url,
                str(one.tally.new),
                _state(one.source),
            )
            for one in found
        ],
    )


def fetch(
    name: Annotated[str, typer.Argument(help="Địa chỉ hoặc tên nguồn · Its address or title.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Đọc một nguồn ngay bây giờ · Read a source now."""

    async def work(hub: Hub) -> Shown:
        async with hub.open_work() as session:
            known = await queries.everywhere(session)
        one = next((one for one in known if name in (one.source.url, one.source.title)), None)
        if one is None:
            raise NotFoundError("source_not_found")
        await polling.read_source(
            hub.open_work, hub.guard, one.source.id, public_url=hub.public_url
        )
        async with hub.open_work() as session:
            after = await queries.everywhere(session)
        return next(again for again in after if again.source.id == one.source.id)

    read = at_hub(data, work)
    if as_json:
        tell_json(_facts(read))
    else:
        say(f"{read.source.title or read.source.url}: {_state(read.source)}")
    if words.result(read.source.result, "vi", {}).tone != "green":
        raise typer.Exit(1)


def _state(source: Source) -> str:
    if source.state == "paused":
        return "Tạm dừng · Paused"
    vi = words.result(source.result, "vi", source.result_details)
    en = words.result(source.result, "en", source.result_details)
    return f"{vi.long} · {en.long}"


def _facts(shown: Shown) -> Mapping[str, object]:
    source = shown.source
    return {
        "id": source.id,
        "unit": shown.unit_code,
        "url": source.url,
        "title": source.title,
        "state": source.state,
        "result": source.result,
        "details": source.result_details,
        "read_at": source.read_at,
        "next_at": source.next_at,
        "new": shown.tally.new,
        "entries": shown.tally.all,
    }
