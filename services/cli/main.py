"""The `loa` command: finds the part that was asked for, and turns what goes wrong into one line.

Nothing of weight is loaded with this file, but by its functions: so even whoever presses Ctrl-C
right after the start is spared a traceback.
"""

import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import typer

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
_INTERRUPTED: Final = 130  # as shells have it
_HELP: Final = (
    "Loa: viết một lần, hai người đồng ý, mọi kênh chính thức cùng hiển thị. "
    "One item, two people, every official channel.\n\n"
    "Thêm --debug để xem chi tiết khi lỗi · Add --debug to see a failure in full."
)


def run() -> None:
    """Runs the command line of this process and ends it: 0 done, 1 refused or wrong, 2 usage."""
    try:
        from services.cli import logs

        # What a command prints is its answer alone; long-running parts set up their logs anew.
        _speak()
        logs.configure(None, quiet=True)
        logs.take_uncaught()
        arguments = [one for one in sys.argv[1:] if one != _DEBUG]
        code = execute(arguments, debug=_DEBUG in sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    sys.exit(code)


def execute(arguments: list[str], *, debug: bool = False) -> int:
    """Runs one command and gives its exit code; errors are told in one line on standard error."""
    import typer

    from services.cli import logs, usage, words
    from services.cli.telling import complain, complain_in
    from shared.errors import LoaError

    try:
        command = typer.main.get_command(assembled(arguments))
        usage.in_both_languages(command)
        code = command.main(arguments, prog_name="loa", standalone_mode=False)
    except typer.TyperException as error:
        # Without a command the help itself is the message, and stands there already.
        if told := usage.fault(error):
            complain_in(told)
        return error.exit_code
    except typer.Abort:
        return _INTERRUPTED
    except LoaError as error:
        if debug:
            raise
        complain(error)
        return 1
    except OSError as error:
        if debug:
            raise
        complain_in(words.of_system(error))
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


def assembled(arguments: list[str]) -> "typer.Typer":
    """The command line with the part that is asked for; with all parts when none is named."""
    import typer

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


def _speak() -> None:
    """Vietnamese is written whatever the system's language is; what is closed takes anything."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    run()
