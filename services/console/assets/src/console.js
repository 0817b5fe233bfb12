// What every page gains with script: parts that renew themselves, keys, ticking clocks, counters.
// Without it every page still works: links, forms, details.
import "htmx.org/dist/htmx.esm.js"; // puts itself on the window, where extensions look
import "htmx.org/dist/ext/hx-sse.js";
import "./parts/choosing.js";
import "./parts/focus.js";
import "./parts/keeping.js";
import "./parts/network.js";
import "./parts/search.js";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (kind, handle, where = document) => where.addEventListener(kind, handle);
const base = () => document.body.dataset.base || "";
const english = document.documentElement.lang === "en";
const say = (vi, en) => (english ? en : vi);

// ── Clocks: tick from an instant, not from messages ────────────────────────────────────────
const two = (n) => String(n).padStart(2, "0");
function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const h = Math.floor(s / 3600);
  const clock = `${h ? two(Math.floor((s % 3600) / 60)) : Math.floor(s / 60)}:${two(s % 60)}`;
  return h ? `${h}:${clock}` : clock;
}
function ago(seconds) {
  const units = [[86400, "ngày", "day"], [3600, "giờ", "hour"], [60, "phút", "minute"]];
  const [size, vi, en] = units.find(([length]) => seconds >= length) || [];
  if (!size) return say("vừa xong", "just now");
  const n = Math.floor(seconds / size);
  return say(`${n} ${vi} trước`, `${n} ${en}${n === 1 ? "" : "s"} ago`);
}
function tick() {
  for (const clock of $$("time[data-clock]")) {
    const at = Date.parse(clock.dateTime);
    const gone = (Date.now() - at) / 1000;
    const kind = clock.dataset.clock;
    const text = kind === "down" ? span(-gone) : kind === "up" ? span(gone) : ago(gone);
    if (clock.textContent !== text) clock.textContent = text;
  }
}
setInterval(tick, 1000);

// ── Counters: turn amber at nine tenths, red past the limit ─────────────────────────────────
const segments = "Segmenter" in Intl ? new Intl.Segmenter("vi") : null;
const length = (text) => (segments && /[^\u0000-\u024f\u1e00-\u1eff]/.test(text) ? [...segments.segment(text)].length : text.normalize("NFC").length);
function count(field) {
  const shown = document.getElementById(field.dataset.count);
  if (!shown) return;
  const most = Number(field.dataset.most);
  const n = length(field.value);
  shown.textContent = `${n}/${most}`;
  shown.classList.toggle("near", n >= most * 0.9 && n <= most);
  shown.classList.toggle("over", n > most);
}

// ── Toasts: go by themselves, stay while one is in them ─────────────────────────────────────
function settle(toast, after = 8000) {
  setTimeout(() => { if (toast.matches(":hover, :focus-within")) settle(toast, 3000); else toast.remove(); }, after);
}
export function toast(text) {
  const made = document.createElement("div");
  made.className = "toast";
  made.setAttribute("role", "status");
  made.dataset.toast = "";
  made.textContent = text;
  ($("#notices") || document.body).append(made);
  settle(made);
}
window.loa = { toast, say };

// Without https a browser has no clipboard to write to, only the old way.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "sr";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("refused");
}

// ── Whatever came with the page or a part of it ─────────────────────────────────────────────
function wake(root = document) {
  $$("[data-count]", root).forEach(count);
  $$("[data-toast]", root).forEach((one) => { if (!one.dataset.woken) { one.dataset.woken = "1"; settle(one); } });
  const resend = $("form[data-submit-now]", root);
  if (resend) resend.requestSubmit();
  const waiting = Number($("[data-title-count]")?.dataset.titleCount || 0);
  document.title = (waiting ? `(${waiting}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  tick();
}
on("DOMContentLoaded", () => wake());
on("htmx:after:swap", () => wake());
on("input", (event) => { if (event.target.dataset?.count) count(event.target); });

on("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) { event.preventDefault(); $(opener.dataset.opens)?.showModal(); return; }
  const closer = event.target.closest("[data-closes]");
  if (closer) { event.preventDefault(); closer.closest("dialog")?.close(); return; }
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    event.preventDefault();
    copy(copier.dataset.copy).then(() => toast(say("Đã chép", "Copied")), () => toast(say("Trình duyệt không cho chép", "The browser did not allow copying")));
    return;
  }
  const printer = event.target.closest("[data-print]");
  if (printer) { event.preventDefault(); window.print(); return; }
  const filler = event.target.closest("[data-fills]");
  if (filler) {
    const field = $(filler.dataset.fills);
    if (field) { field.value = filler.dataset.text || filler.textContent.trim(); field.focus(); field.dispatchEvent(new Event("input", { bubbles: true })); }
    return;
  }
  for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
on("change", (event) => { if (event.target.closest("[data-submit-on-change]")) event.target.form.requestSubmit(); });
// One press is one request; the answer, or coming back, frees the button again.
on("submit", (event) => {
  const button = event.submitter;
  if (!button || event.target.hasAttribute("data-again")) return;
  setTimeout(() => { if (!event.defaultPrevented) button.setAttribute("aria-disabled", "true"); });
});
on("click", (event) => { if (event.target.closest('button[aria-disabled="true"]')) event.preventDefault(); }, window);
window.addEventListener("pageshow", () => $$('[aria-disabled="true"]').forEach((one) => one.removeAttribute("aria-disabled")));

// ── Keys: never in a field, never with an act behind them ──────────────────────────────────
const typing = (target) => target.closest?.('input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable="true"], [role="textbox"]');
let after = 0;
function go(key) {
  const link = $(`.nav [data-key="${key}"]`);
  if (link) link.click();
  return Boolean(link);
}
// Where there is no room for the field above, a page of its own has it.
function find() {
  const field = $("[data-search]");
  if (!field) return;
  if (field.offsetParent) { field.focus(); field.select(); } else if ($("#search-q")) $("#search-q").focus(); else location.assign(`${base()}/search`);
}
function rows(step) {
  const all = $$("[data-row]");
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("current"));
  const next = all[Math.min(all.length - 1, Math.max(0, now + step))] || all[0];
  all.forEach((row) => row.classList.toggle("current", row === next));
  (next.matches("a,[tabindex]") ? next : $("a", next))?.focus();
  next.scrollIntoView({ block: "nearest" });
}
on("keydown", (event) => {
  const primary = (event.ctrlKey || event.metaKey) && !event.altKey;
  const key = event.key.toLowerCase(); // Caps Lock changes no shortcut
  if (primary && key === "k") { event.preventDefault(); find(); return; }
  if (primary && event.key === "Enter") { const button = $("[data-primary]:not([disabled])"); if (button && (typing(event.target) || button.form?.contains(event.target))) { event.preventDefault(); button.click(); } return; }
  if (primary && key === "z" && !typing(event.target)) { const undo = $("[data-toast] button"); if (undo) { event.preventDefault(); undo.click(); } return; }
  if (primary && key === "s") { const button = $("[data-save]"); if (button) { event.preventDefault(); button.click(); } return; }
  if (event.key === "Escape") { $$("details.menu[open]").forEach((menu) => { menu.open = false; $("summary", menu).focus(); }); return; }
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.body.dataset.shortcuts === "off") return;
  if (after && Date.now() - after < 1500 && go(`g ${key}`)) { after = 0; event.preventDefault(); return; }
  after = key === "g" ? Date.now() : 0;
  if (key === "/") { event.preventDefault(); find(); }
  else if (key === "n") go("n");
  else if (key === "?") location.assign(`${base()}/help`);
  else if (key === "j") rows(1);
  else if (key === "k") rows(-1);
  else if (key === "x") $("[data-row].current input[type=checkbox]")?.click();
  else {
    const aim = $(`main [data-focus-key="${key}"]`);
    if (!aim) return;
    event.preventDefault();
    aim.focus();
    if (aim.dataset.opens) aim.click(); // a dialog may open at a key: nothing is done by it
  }
});
