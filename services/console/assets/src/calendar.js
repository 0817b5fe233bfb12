// The calendar by mouse and by keys: drag an item to another day or hour, or move it with M and the
// arrows. Both send the same plain form as the page “Đổi giờ”.
const $ = (selector, root = document) => root.querySelector(selector);
const root = () => $("[data-calendar]");
const cells = () => [...root().querySelectorAll("td[data-day]")];
const cellOf = (element) => element?.closest?.("td[data-day]");
let held = null; // the entry in hand
let target = null; // the cell it would go to

function at(cell) {
  const [hour, minute] = held.dataset.clockAt.split(":");
  return `${cell.dataset.day}T${cell.dataset.hour ?? hour}:${minute}`;
}
function say(text) {
  const line = $("#calendar-said");
  if (line) line.textContent = text;
}
function aim(cell) {
  target?.classList.remove("target");
  target = cell;
  target?.classList.add("target");
  if (!held || !cell) return;
  const time = at(cell).slice(-5);
  say($("#calendar-said").dataset.moving.replace("{title}", $(".title", held).textContent.trim()).replace("{at}", `${cell.dataset.said.split(", ").slice(0, 2).join(", ")}, ${time}`));
}
function drop() {
  held?.classList.remove("held");
  aim(null);
  held = null;
}
function send() {
  const form = $("#calendar-move");
  const { move, version } = held.dataset;
  const same = target === cellOf(held);
  if (!form || !target || same) return drop();
  form.action = move;
  form.elements.publish_at.value = at(target);
  form.elements.version.value = version;
  form.submit();
}

// ── By mouse ────────────────────────────────────────────────────────────────────────────────
document.addEventListener("dragstart", (event) => {
  const entry = event.target.closest?.("[data-move]");
  if (!entry) return;
  held = entry;
  entry.classList.add("held");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", $(".title", entry).textContent.trim());
});
document.addEventListener("dragover", (event) => {
  const cell = held && cellOf(event.target);
  if (!cell) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  if (cell !== target) aim(cell);
});
document.addEventListener("drop", (event) => {
  if (!held || !cellOf(event.target)) return;
  event.preventDefault();
  aim(cellOf(event.target));
  send();
});
document.addEventListener("dragend", drop);

// ── By keys ─────────────────────────────────────────────────────────────────────────────────
// In a month a step right is a day, a step down a week; in a week they are a day and an hour.
const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const focus = (cell) => (cell.matches("[tabindex]") ? cell : $("a", cell))?.focus();

document.addEventListener("keydown", (event) => {
  if (!root() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, .menu[open]")) return;
  const inside = root().contains(event.target) ? cellOf(event.target) : null;
  const from = held ? target : inside;
  if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    $(event.key === "PageUp" ? "[data-earlier]" : "[data-later]")?.click();
  } else if (steps[event.key] && (from || event.target === document.body)) {
    event.preventDefault();
    const all = cells();
    const [right, down] = steps[event.key];
    const start = from ? all.indexOf(from) : all.findIndex((cell) => cell.classList.contains("today"));
    const next = all[from ? start + right + 7 * down : Math.max(0, start)];
    if (!next) $(right + down < 0 ? "[data-earlier]" : "[data-later]")?.click();
    else if (held) { aim(next); next.scrollIntoView({ block: "nearest" }); }
    else focus(next);
  } else if (held && event.key === "Enter") {
    event.preventDefault();
    send();
  } else if (held && event.key === "Escape") {
    drop();
    say($("#calendar-said").dataset.kept);
  } else if (document.body.dataset.shortcuts !== "off" && event.key.toLowerCase() === "m" && !held) {
    const entry = event.target.closest("[data-move]");
    if (!entry) return;
    event.preventDefault();
    held = entry;
    entry.classList.add("held");
    aim(cellOf(entry));
  } else if (document.body.dataset.shortcuts !== "off" && event.key.toLowerCase() === "n" && inside) {
    event.preventDefault();
    event.stopImmediatePropagation();
    location.assign(`${root().dataset.compose}?at=${inside.dataset.day}T${inside.dataset.hour ?? "08"}:00`);
  }
}, true);
