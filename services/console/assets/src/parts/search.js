// The results under the top field: arrows walk through them, Esc leaves them.
import { leave } from "./focus.js";

document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.(".search");
  if (!box) return;
  if (event.key === "Escape") { event.preventDefault(); leave(); return; }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = [box.querySelector("input"), ...box.querySelectorAll(".found a")];
  all[all.indexOf(event.target) + step]?.focus();
  event.preventDefault();
});
