// Long lists of accounts to tick: narrowed by name, ticked as far as they show, counted.
const $$ = (selector, root) => [...root.querySelectorAll(selector)];
const fold = (text) => text.toLowerCase().replace(/đ/g, "d").normalize("NFD").replace(/\p{M}/gu, "");
const number = (count) => count.toLocaleString(document.documentElement.lang === "en" ? "en" : "vi");

function tell(choice) {
  const labels = $$(".choice-list label", choice);
  const told = choice.querySelector("[data-choice-told]");
  const counts = { chosen: labels.filter((one) => one.control.checked).length, all: labels.length, shown: labels.filter((one) => !one.hidden).length };
  told.textContent = told.dataset.told.replace(/\{(\w+)\}/g, (_, name) => number(counts[name]));
}
function wake() {
  for (const choice of $$("[data-choice]:not([data-woken])", document)) {
    choice.dataset.woken = "";
    for (const one of $$("[data-choice-tools], [data-choice-told]", choice)) one.hidden = false;
    tell(choice);
  }
}
document.addEventListener("DOMContentLoaded", wake);
document.addEventListener("htmx:after:swap", wake);
document.addEventListener("input", ({ target }) => {
  const choice = target.closest("[data-choice]");
  if (!choice) return;
  if (target.matches("[data-narrows]")) {
    const words = fold(target.value).split(/\s+/).filter(Boolean);
    for (const label of $$(".choice-list label", choice)) {
      const name = fold(label.textContent);
      label.hidden = !words.every((word) => name.includes(word));
    }
  }
  tell(choice);
});
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-ticks]");
  if (!button) return;
  const choice = button.closest("[data-choice]");
  const fields = $$(".choice-list label:not([hidden]) input", choice);
  for (const field of fields) field.checked = Boolean(button.dataset.ticks);
  fields[0]?.dispatchEvent(new Event("input", { bubbles: true }));
});
