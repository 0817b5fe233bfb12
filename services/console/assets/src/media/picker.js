// The library in a dialog: search, choose, or send a new file; every step is a page of /media/pick.
import { base, make, say } from "./common.js";
import { PICTURES, refusal, remember, upload } from "./upload.js";

// Gives the chosen media, or null. `kind`: image, or "" for whatever the library holds.
export function pick({ kind = "", csrf }) {
  return new Promise((resolve) => {
    let chosen = null;
    const standing = document.getElementById("media-dialog");
    const dialog = standing || make("dialog", { id: "media-dialog", "aria-label": say("Kho ảnh và tệp", "Media library") });
    if (!standing) document.body.append(dialog);
    const leave = new AbortController();
    const on = (type, handle) => dialog.addEventListener(type, handle, { signal: leave.signal });

    // An answer that comes after a newer question, or while somebody types on, is not shown.
    let asked = 0;
    async function show(address) {
      const turn = ++asked;
      let html = "";
      try {
        const answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Request-Type": "partial" } });
        const led = answer.headers.get("HX-Redirect");
        if (led) { location.assign(led); return; }
        if (answer.ok) html = await answer.text();
      } catch { /* said below */ }
      if (turn !== asked || (!dialog.open && leave.signal.aborted)) return;
      const asking = dialog.querySelector('[type="search"]');
      const searching = asking && document.activeElement === asking && asking.selectionStart;
      if (html) dialog.innerHTML = html;
      else dialog.replaceChildren(make("p", { class: "banner bad", role: "alert" }, say("Chưa mở được kho ảnh. Hãy thử lại.", "The library could not be opened. Try again.")), make("div", { class: "row end" }, make("button", { type: "button", class: "button plain", "data-closes": true }, say("Đóng", "Close"))));
      const field = dialog.querySelector('[type="search"]');
      if (field) { field.focus(); if (typeof searching === "number") field.setSelectionRange(searching, searching); }
    }
    const query = (form) => `${form.getAttribute("action")}?${new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"))}`;

    let typing = 0;
    on("input", (event) => {
      const form = event.target.closest("form[data-pick-search]");
      if (!form) return;
      asked++;
      clearTimeout(typing);
      typing = setTimeout(() => show(query(form)), 250);
    });
    on("submit", async (event) => {
      const form = event.target;
      event.preventDefault();
      event.stopPropagation();
      if (form.matches("[data-pick-search]")) { show(query(form)); return; }
      if (!form.matches("[data-pick-upload]")) return;
      const fields = Object.fromEntries([...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrf"));
      const file = form.elements.file.files[0];
      const fault = form.querySelector("[data-fault]");
      const tell = (text) => { fault.hidden = !text; fault.textContent = text; };
      if (!file) { tell(say("Hãy chọn tệp trước.", "Choose a file first.")); return; }
      const refused = refusal(file, kind === "image" ? PICTURES : undefined);
      if (refused) { tell(refused); return; }
      if (!fields.alt.trim()) { tell(say("Cần mô tả cho người không nhìn thấy.", "Describe it for those who cannot see.")); form.elements.alt.focus(); return; }
      const button = form.querySelector('[type="submit"]');
      const bar = form.querySelector("progress");
      button.disabled = true;
      bar.hidden = false;
      try {
        chosen = await upload(file, fields, csrf, (loaded, total) => { bar.max = total; bar.value = loaded; }).done;
        dialog.close();
      } catch (error) { tell(error.message); } finally { button.disabled = false; bar.hidden = true; }
    });
    on("click", (event) => {
      const one = event.target.closest("[data-media]");
      const link = event.target.closest("a[data-pick-page]");
      if (link) { event.preventDefault(); show(link.href); }
      if (!one) return;
      event.preventDefault();
      chosen = JSON.parse(one.dataset.media);
      dialog.close();
    });
    on("keydown", (event) => { if (event.key !== "Escape") event.stopPropagation(); });
    on("close", () => {
      leave.abort();
      dialog.replaceChildren();
      if (chosen) remember(chosen);
      resolve(chosen);
    });
    dialog.replaceChildren(make("p", { class: "muted", role: "status" }, say("Đang mở kho ảnh…", "Opening the library…")));
    dialog.showModal();
    show(`${base()}/media/pick?kind=${encodeURIComponent(kind)}`);
  });
}

// Any button with `data-pick` in a form picks a picture; its form hears `loa:picked` with the choice.
export function wakePickers(root = document) {
  for (const button of root.querySelectorAll("button[data-pick]")) {
    if (button.dataset.woken) continue;
    button.dataset.woken = "1";
    button.hidden = false;
    button.addEventListener("click", async () => {
      const chosen = await pick({ kind: "image", csrf: button.form?.elements.csrf?.value || "" });
      button.focus();
      if (chosen) button.dispatchEvent(new CustomEvent("loa:picked", { bubbles: true, detail: chosen }));
    });
  }
}
