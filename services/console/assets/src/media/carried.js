// Files that are carried over the page: dropped beside their place they would make the browser leave.
const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");

// `over` is told true while files are above the page; `dropped` gets those that no field took.
export function carried(over, dropped = null) {
  let leaving = 0;
  window.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over(true);
    clearTimeout(leaving);
    leaving = setTimeout(() => over(false), 300);
  });
  window.addEventListener("drop", (event) => {
    over(false);
    if (!carries(event) || event.target.closest?.('[type="file"]')) return;
    const taken = event.defaultPrevented;
    event.preventDefault();
    if (!taken) dropped?.(event.dataTransfer.files);
  });
}
