// The results under the top field: arrows walk through them, Esc leaves them.
document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.(".search");
  if (!box) return;
  if (event.key === "Escape") return event.target.blur();
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = [box.querySelector("input"), ...box.querySelectorAll(".found a")];
  all[all.indexOf(event.target) + step]?.focus();
  event.preventDefault();
});
