"""Hands that have a keyboard and nothing else: every stop is looked at, every act is counted."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.async_api import Locator, Page, expect

# Nobody should have to press Tab more often than this to come from one act to the next.
MOST_TABS: Final = 25
# What is wrong with where the focus stands: nothing, or why somebody could not see it there.
_UNSEEN: Final = """() => {
  const at = document.activeElement;
  const told = at.outerHTML.slice(0, 140);
  if (at === document.body || at.tabIndex < 0) return "";
  const ringed = (one) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  };
  const sized = (one) => one.getBoundingClientRect().width > 8;
  // A hidden radio or file field is shown by what stands for it.
  const shown = [at, at.closest("label"), at.closest(".editor, .figure"),
    at.labels?.[0]].find((one) => one && sized(one)
      && (ringed(one) || one.matches(".editor, .figure")));
  if (!shown) return `no ring: ${told}`;
  const box = shown.getBoundingClientRect();
  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
  if (right - left < 2 || bottom - top < 2) return `out of sight: ${told}`;
  for (const x of [0.05, 0.5, 0.95]) for (const y of [0.1, 0.5, 0.9]) {
    const found = document.elementFromPoint(left + (right - left) * x, top + (bottom - top) * y);
    if (found && (shown.contains(found) || found.contains(shown) && found.matches("label, a")))
      return "";
  }
  return `covered: ${told}`;
}"""


@dataclass(slots=True, kw_only=True)
class Keys:
    """One person's hands on one page.

    `acts` counts what does something: Enter, Space, a shortcut. `tabs` holds how many keys that
    only move the focus came before each of them.
    """

    page: Page
    acts: int = 0
    tabs: list[int] = field(default_factory=list)
    _moves: int = 0

    def __post_init__(self) -> None:
        # A browser hands its file dialogs over from some time after somebody listens for them.
        self.page.on("filechooser", lambda _: None)

    async def move(self, key: str = "Tab") -> None:
        """Moves the focus, and sees where it now is."""
        self._moves += 1
        await self._press(key)
        assert await self.unseen() == ""

    async def reach(self, where: Locator, key: str = "Tab") -> None:
        """Moves on until the focus stands there."""
        await where.first.wait_for(state="attached")
        for _ in range(MOST_TABS + 1):
            if await where.evaluate_all("all => all.includes(document.activeElement)"):
                return
            await self.move(key)
        raise AssertionError(f"{key} does not lead to {where} in {MOST_TABS} presses")

    async def skip(self) -> None:
        """Past the frame of the page, by the link that leads there."""
        await self.move()
        await expect(self.page.locator("a.skip")).to_be_focused()
        self._moves += 1
        await self._press("Enter")
        await expect(self.page.locator("#noi-dung")).to_be_focused()

    async def press(self, key: str = "Enter") -> None:
        """Does something."""
        self.acts += 1
        self.tabs.append(self._moves)
        self._moves = 0
        await self._press(key)

    async def choose(self, file: Path) -> None:
        """Opens the browser's own dialog from a file field, and takes a file in it."""
        async with self.page.expect_file_chooser() as opened:
            await self.press()
        await (await opened.value).set_files(file)

    async def type(self, words: str) -> None:
        """Writes where the focus stands."""
        await self.page.keyboard.type(words)

    async def stands(self, where: Locator) -> None:
        """Waits until the focus stands there by itself, and can be seen."""
        await expect(where).to_be_focused()
        assert await self.unseen() == ""

    async def stands_on(self, part: Locator) -> None:
        """Waits until the focus is on a part of the page as a whole: the next Tab goes into it."""
        await expect(part).to_be_focused()

    async def kept(self) -> None:
        """Fails where the focus has fallen out of the page's parts, and stays out."""
        await self.page.wait_for_function("() => document.activeElement !== document.body")
        assert await self.unseen() == ""

    async def unseen(self) -> str:
        """Why somebody could not see where the focus is; empty if they can."""
        return str(await self.page.evaluate(_UNSEEN))

    async def _press(self, key: str) -> None:
        # What a new page says is there before its script is, which a key may be meant for.
        await self.page.wait_for_load_state()
        await self.page.keyboard.press(key)
