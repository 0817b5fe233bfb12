"""`loa record verify` and `loa record rotate`: the signed records of what was published."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.opening import at_hub, at_terminal
from services.cli.telling import AsJson, Data, say, tell, tell_json
from services.delivery.hub import Hub
from services.proof import keys, records
from services.proof.keys import PublicKey
from services.proof.records import Verdict

_File: Final = typer.Argument(
    exists=True,
    dir_okay=False,
    help="Tệp record.json của một tin · The record.json of an item.",
)
_FAULTS: Final[Mapping[str, str]] = {
    "not_canonical": "tệp đã bị sửa hoặc trình bày lại; hãy tải lại record.json"
    " · the file was changed or reformatted; fetch record.json again",
    "not_a_record": "đây không phải hồ sơ của Loa · this is no record of Loa",
    "key_unknown": "không có khoá này trong tệp khoá · the keys given do not hold its key",
    "key_period": "ký ngoài thời gian khoá có hiệu lực · signed outside the key's time",
    "signature": "chữ ký không khớp: nội dung đã bị sửa · the signature does not match",
    "order": "các hồ sơ không nối tiếp nhau · the records do not follow each other",
    "empty": "tệp không có hồ sơ nào · the file holds no record",
}
_EVENTS: Final[Mapping[str, str]] = {
    "published": "công bố · published",
    "corrected": "đính chính · corrected",
    "withdrawn": "thu hồi · withdrawn",
}


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    group = typer.Typer(help="Hồ sơ đã ký · Signed records", no_args_is_help=True)

    @group.callback()
    def _group() -> None:
        pass

    group.command("verify")(verify)
    group.command("rotate")(rotate)
    app.add_typer(group, name="record")


def verify(
    file: Annotated[Path, _File],
    keys_file: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            exists=True,
            dir_okay=False,
            help="Tệp loa-keys.json đã lưu; bỏ trống thì dùng khoá của máy này"
            " · A saved loa-keys.json; else the keys of this hub.",
        ),
    ] = None,
    text_file: Annotated[
        Path | None,
        typer.Option(
            "--text",
            exists=True,
            dir_okay=False,
            help="So cả đoạn chữ này với bản mới nhất · Compare these words with the newest one.",
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Kiểm hồ sơ đã ký, không cần mạng; mã 1 nếu có gì sai · Verify signed records offline."""
    known = _saved(keys_file) if keys_file else at_hub(data, _of_hub)
    text = text_file.read_text(encoding="utf-8", errors="replace") if text_file else None
    verdict = records.verify(file.read_bytes(), known, text=text)
    if as_json:
        tell_json(
            {
                "ok": verdict.ok,
                "fault": verdict.fault,
                "at": verdict.at,
                "text": verdict.text,
                "records": [one.model_dump() for one in verdict.records],
            }
        )
    else:
        _tell(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


def rotate(data: Data = None, as_json: AsJson = False) -> None:
    """Thay khoá ký; khoá cũ vẫn được công bố để kiểm hồ sơ cũ · Replace the signing key."""

    async def work(hub: Hub) -> str:
        async with hub.open_work() as session:
            return await keys.rotate(session, at_terminal(), hub.sealer)

    made = at_hub(data, work)
    tell(
        {"key": made},
        as_json=as_json,
        line=f"Từ nay ký bằng khoá {made}; khoá trước vẫn kiểm được hồ sơ cũ"
        " · Signing with this key from now on",
    )


async def _of_hub(hub: Hub) -> Mapping[str, PublicKey]:
    async with hub.open_work() as session:
        return {one.id: one for one in await keys.published(session)}


def _saved(file: Path) -> Mapping[str, PublicKey]:
    try:
        return records.keys_of(file.read_bytes())
    except ValueError:
        told = "không phải tệp khoá của Loa, hoặc đã bị sửa · not a file of Loa's keys, or changed"
        raise typer.BadParameter(told, param_hint="--keys") from None


def _tell(verdict: Verdict) -> None:
    if verdict.fault is not None:
        where = f"Hồ sơ {verdict.at}: " if verdict.at else ""
        say(f"✕ {where}{_FAULTS[verdict.fault]}")
        return
    for one in verdict.records:
        say(f"✓ {one.at} {one.code} bản {one.revision}: {_EVENTS[one.event]} · {one.title}")
    last = verdict.records[-1]
    if verdict.text is True:
        say("✓ Đoạn chữ khớp với bản mới nhất · The words are those of the newest record")
    elif verdict.text is False:
        say("✕ Đoạn chữ khác bản mới nhất · The words are not those of the newest record")
    say(f"Tin còn hiệu lực hay không, xem {last.url} · For what holds now, look there")
