"""The doors to scripted faults: JSON for programs, a plain form for people."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from services.sandbox.faults import GROUPS, KINDS, OPERATIONS, FaultForm
from services.sandbox.pages import SAFETY, Pages
from services.sandbox.world import World

_LATEST = 12


class FaultsDoor:
    """Adds, lists and takes away faults."""

    def __init__(self, world: World, pages: Pages) -> None:
        self._world = world
        self._pages = pages

    async def show(self, request: Request) -> Response:
        """What waits: a page for people, JSON for programs."""
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(self._page(), headers=SAFETY)
        return await self.as_json(request)

    async def as_json(self, request: Request) -> Response:
        """What waits, as JSON."""
        waiting = [fault.told() for fault in self._world.faults.waiting()]
        return JSONResponse({"faults": waiting, "applied": self._world.faults.applied})

    async def add(self, request: Request) -> Response:
        """A new fault; JSON answers with its id, a form comes back to the page."""
        body = await request.body()
        # A body that looks like JSON is taken for it: curl calls whatever it sends a form.
        as_form = "form" in request.headers.get("content-type", "") and body[:1] != b"{"
        try:
            if as_form:
                given = {
                    name: value for name, value in (await request.form()).items() if value != ""
                }
                form = FaultForm.model_validate(given)
            else:
                form = FaultForm.model_validate_json(body)
            form = self._by_id(form)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            if as_form:
                told = "; ".join(
                    f"{one['loc'][-1] if one['loc'] else ''}: {one['msg']}" for one in problems
                )
                return HTMLResponse(self._page(told), status_code=422, headers=SAFETY)
            return JSONResponse({"errors": problems}, status_code=422)
        fault = self._world.faults.add(form)
        if as_form:
            return RedirectResponse("/faults", status_code=303)
        return JSONResponse({"id": fault.id, "fault": fault.told()}, status_code=201)

    def _by_id(self, form: FaultForm) -> FaultForm:
        """The same fault, its account by its id where it was called by its name."""
        called = [one.id for one in self._world.accounts() if one.name == form.account]
        return form.model_copy(update={"account": called[0]}) if called else form

    async def clear(self, request: Request) -> Response:
        """Takes one fault (`/{id}` or `?id=`) or all away; safe to repeat."""
        number = str(request.path_params.get("id", request.query_params.get("id", "")))
        self._world.faults.take_away(int(number) if number.isdecimal() else None)
        if request.method == "POST":
            return RedirectResponse("/faults", status_code=303)
        return JSONResponse({"faults": [fault.told() for fault in self._world.faults.waiting()]})

    async def kinds(self, request: Request) -> Response:
        """Every kind, what it does, and to which channels it applies."""
        told = [
            {
                "kind": kind.name,
                "channels": list(kind.channels),
                "commits": kind.commits.value,
                "writes_only": kind.writes_only,
                "title": kind.title,
                "description": kind.vi,
                "description_en": kind.en,
            }
            for kind in KINDS.values()
        ]
        operations = {channel: list(names) for channel, names in OPERATIONS.items()}
        groups = {name: sorted(names) for name, names in GROUPS.items()}
        return JSONResponse({"kinds": told, "operations": operations, "groups": groups})

    def _page(self, problem: str = "") -> str:
        met = [event for event in reversed(self._world.events) if event.fault][:_LATEST]
        return self._pages.draw(
            "faults.html",
            kinds=list(KINDS.values()),
            titles={kind.name: kind.title for kind in KINDS.values()},
            operations=OPERATIONS,
            groups=GROUPS,
            accounts=self._world.accounts()[:200],
            waiting=self._world.faults.waiting(),
            met=met,
            problem=problem,
        )
