"""The `loa` command: finds the part that was asked for, and turns what goes wrong into one line."""

import sys
from importlib import import_module
from typing import Final

import typer

from services.cli import logs
from services.cli.telling import complain, complain_in
from shared.errors import LoaError

# Command → the file that holds it. Only that one is loaded: `loa up` and its help stay quick.
_PARTS: Final[dict[str, str]] = {
    "up": "services.cli.up",
    "web": "services.cli.parts",
    "worker": "services.cli.parts",
    "sandbox": "services.cli.parts",
    "migrate": "services.cli.parts",
    "unit": "services.cli.team",
    "user": "services.cli.team",
    "token": "services.cli.team",
    "account": "services.cli.outlets",
    "item": "services.cli.writing",
    "source": "services.cli.sources",
    "record": "services.cli.record",
    "status": "services.cli.status",
    "doctor": "services.cli.watching",
    "audit": "services.cli.watching",
    "freeze": "services.cli.watching",
    "unfreeze": "services.cli.watching",
    "backup": "services.cli.keeping",
    "restore": "services.cli.keeping",
}
_DEBUG: Final = "--debug"
_HELP: Final = (
    "Loa: viết một lần, hai người đồng ý, mọi kênh chính thức cùng hiển thị. "
    "One item, two people, every official channel.\n\n"
    "Thêm --debug để xem chi tiết khi lỗi · Add --debug to see a failure in full."
)


def run() -> None:
    """Runs the command line of this process and ends it: 0 done, 1 refused or wrong, 2 usage."""
    # What a command prints is its answer alone; long-running parts set up their logs anew.
    logs.configure(None, quiet=True)
    logs.take_uncaught()
    arguments = [one for one in sys.argv[1:] if one != _DEBUG]
    sys.exit(execute(arguments, debug=_DEBUG in sys.argv[1:]))


def execute(arguments: list[str], *, debug: bool = False) -> int:
    """Runs one command and gives its exit code; errors are told in one line on standard error."""
    try:
        command = typer.main.get_command(assembled(arguments))
        code = command.main(arguments, prog_name="loa", standalone_mode=False)
    except typer.TyperException as error:
        # Without a command the help itself is the message, and stands there already.
        if error.format_message().strip():
            complain_in(f"{error.format_message()} · loa --help")
        return error.exit_code
    except typer.Abort:
        return 130
    except LoaError as error:
        if debug:
            raise
        complain(error)
        return 1
    except Exception as error:
        if debug:
            raise
        complain_in(
            f"lỗi ngoài dự tính: {logs.named(error)}; thêm --debug để xem chi tiết"
            " · unexpected error; add --debug to see it in full"
        )
        return 1
    return code if isinstance(code, int) else 0


def assembled(arguments: list[str]) -> typer.Typer:
    """The command line with the part that is asked for; with all parts when none is named."""
    app = typer.Typer(
        help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )

    @app.callback()
    def loa() -> None:
        pass

    named = _PARTS.get(next((one for one in arguments if not one.startswith("-")), ""))
    for name in dict.fromkeys([named] if named else _PARTS.values()):
        part = import_module(name)
        part.join(app)
    return app


if __name__ == "__main__":
    run()
