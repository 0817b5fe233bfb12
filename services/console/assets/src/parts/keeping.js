// Nothing typed is lost by leaving, and coming back to a list finds the place one left it at.
const key = () => `loa-place:${location.pathname}${location.search}`;
let unsaved = false;

document.addEventListener("input", (event) => { if (event.target.form?.hasAttribute("data-guard")) unsaved = true; });
document.addEventListener("submit", () => { unsaved = false; });
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });

document.addEventListener("click", (event) => {
  const link = event.target.closest("main a[href]");
  if (link?.closest("[data-row]")) sessionStorage.setItem(key(), link.getAttribute("href"));
});
addEventListener("DOMContentLoaded", () => {
  const [how] = performance.getEntriesByType("navigation");
  const href = how?.type === "back_forward" && sessionStorage.getItem(key());
  const link = href && [...document.querySelectorAll("[data-row] a[href]")].find((one) => one.getAttribute("href") === href);
  if (!link) return;
  link.closest("[data-row]").classList.add("current");
  link.focus({ preventScroll: true });
});

// A file dropped on a tile goes into its field, and no drop beside one opens the file in the tab.
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const files = event.dataTransfer?.types.includes("Files");
    const tile = event.target.closest?.("[data-drop]");
    if (!files || event.defaultPrevented || event.target.closest?.("[contenteditable]")) return;
    event.preventDefault();
    tile?.classList.toggle("over", kind === "dragover");
    const field = kind === "drop" && tile?.querySelector("input[type=file]");
    if (!field) return;
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
