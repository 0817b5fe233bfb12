// Whoever works by keys never loses their place: not when a part is drawn anew, not when an act leads
// back to the same page, not in a search that is closed.
const RESTS = "a[href], button, input, select, textarea, summary, [tabindex]";
const PLACE = "loa-focus";
const seen = (one) => one?.isConnected && !one.disabled && one.getClientRects().length > 0;
const sign = (one) => [one.tagName, one.name, one.getAttribute("href"), one.form?.getAttribute("action"), /^(checkbox|radio)$/.test(one.type) ? one.value : /^(INPUT|SELECT|TEXTAREA)$/.test(one.tagName) || one.textContent.trim()].join("|");
const around = (one) => { const all = []; for (let at = one; (at = at.parentElement) && at !== document.body;) all.push(at); return all; };

function stand(one) {
  if (!one.matches(RESTS)) one.tabIndex = -1;
  one.focus({ preventScroll: one.id === "noi-dung" });
}
const rows = () => [...document.querySelectorAll("[data-row]")];
const rowOf = (one) => rows().indexOf(one.closest("[data-row]"));
// The same thing again where it was, else the row that took its row's place, else what stands around.
function back(told, row, places) {
  const place = places.find((one) => seen(one) && one.matches("[id], section, article, form, li")) || document.getElementById("noi-dung");
  if (!place) return;
  const again = [...place.querySelectorAll(RESTS)].find((one) => seen(one) && sign(one) === told);
  const next = row < 0 ? null : rows()[Math.min(row, rows().length - 1)]?.querySelector("a[href]");
  stand(again || (seen(next) ? next : place));
}

let last = null;
document.addEventListener("focusin", ({ target }) => { last = { at: target, told: sign(target), row: rowOf(target), around: around(target) }; });
document.addEventListener("pointerdown", () => { last = null; }, true);
function keep() {
  if (!last || document.activeElement !== document.body || seen(last.at)) return;
  const { at, told, row, around: places } = last;
  const same = at.id && document.getElementById(at.id);
  if (seen(same)) stand(same);
  else back(told, row, places.map((one) => (one.isConnected ? one : one.id && document.getElementById(one.id))));
}
// Whoever takes something away may have a better place in mind, and comes first.
let waiting = 0;
new MutationObserver(() => {
  if (last && document.activeElement === document.body || last && !seen(last.at)) { clearTimeout(waiting); waiting = setTimeout(keep, 50); }
}).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["hidden", "disabled", "open"] });

// ── Over an act that leads back to the page it was done on ──────────────────────────────────
document.addEventListener("submit", () => {
  const at = document.activeElement;
  if (!at?.matches(":focus-visible")) return;
  sessionStorage.setItem(PLACE, JSON.stringify([location.pathname, Date.now(), sign(at), rowOf(at), around(at).map((it) => it.id).filter(Boolean)]));
});
addEventListener("DOMContentLoaded", () => {
  const kept = JSON.parse(sessionStorage.getItem(PLACE) || "null");
  sessionStorage.removeItem(PLACE);
  const faults = document.getElementById("faults");
  if (document.querySelector("[autofocus]") || location.hash) return;
  if (kept?.[0] !== location.pathname || Date.now() - kept[1] > 20000) return;
  if (faults) stand(faults); else back(kept[2], kept[3], kept[4].map((id) => document.getElementById(id)));
});

// ── The search above: closing it leads back to where one came from ──────────────────────────
let from = null;
document.addEventListener("focusin", ({ target, relatedTarget }) => {
  if (target.closest(".search") && !relatedTarget?.closest(".search")) from = relatedTarget;
});
export function leave() {
  if (seen(from)) from.focus(); else stand(document.getElementById("noi-dung"));
}
