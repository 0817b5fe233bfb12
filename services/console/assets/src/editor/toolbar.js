// The toolbar above the text: one stop for Tab, arrows inside, pressed where the cursor stands.
import { icon, make, say } from "./shared.js";
import { around, marked, toggles } from "./commands.js";
import { depth } from "./history.js";
import { schema } from "./schema.js";

const { nodes, marks } = schema;

export function toolbar({ label, controls, acts }) {
  const row = (name, sign, vi, en, key, on) => ({ name, sign, label: say(vi, en), key, on });
  const groups = [
    [
      row("heading", "heading-2", "Tiêu đề mục", "Heading", null, (state) => Boolean(around(state, nodes.heading))),
      row("strong", "bold", "Đậm", "Bold", "Control+B", (state) => marked(state, marks.strong)),
      row("em", "italic", "Nghiêng", "Italic", "Control+I", (state) => marked(state, marks.em)),
      row("bullets", "list", "Danh sách", "Bullets", null, (state) => around(state, nodes.bullet_list, nodes.ordered_list)?.node.type === nodes.bullet_list),
      row("numbers", "list-ordered", "Danh sách số", "Numbers", null, (state) => around(state, nodes.bullet_list, nodes.ordered_list)?.node.type === nodes.ordered_list),
      row("quote", "quote", "Trích dẫn", "Quote", null, (state) => Boolean(around(state, nodes.blockquote))),
    ],
    [row("link", "link", "Liên kết", "Link", "Control+K", (state) => marked(state, marks.link)), row("image", "image", "Ảnh", "Picture"), row("file", "paperclip", "Video hoặc tệp", "Video or file")],
    [row("undo", "undo-2", "Hoàn tác", "Undo", "Control+Z"), row("redo", "redo-2", "Làm lại", "Redo", "Control+Y")],
  ];
  const all = groups.flat();
  const dom = make("div", { class: "editor-bar", role: "toolbar", "aria-label": label, "aria-controls": controls });
  let view = null;
  for (const group of groups) {
    dom.append(make("span", { class: "editor-group" }, ...group.map((one) => {
      const title = one.key ? `${one.label} (${one.key.replace("Control", "Ctrl")})` : one.label;
      one.button = make("button", {
        type: "button", class: "editor-tool", title, "aria-label": one.label, "aria-keyshortcuts": one.key, "aria-pressed": one.on ? "false" : null, tabindex: "-1", "data-tool": one.name,
        onmousedown: (event) => event.preventDefault(), // the selection stays where it is
        onclick: () => {
          if (one.button.getAttribute("aria-disabled") === "true") return;
          if (acts[one.name]) acts[one.name]();
          else { toggles[one.name](view.state, view.dispatch, view); if (one.name !== "link") view.focus(); }
        },
      }, icon(one.sign));
      return one.button;
    })));
  }
  let stop = all[0];
  const stopAt = (one) => { stop.button.tabIndex = -1; stop = one; one.button.tabIndex = 0; };
  stopAt(stop);
  dom.addEventListener("keydown", (event) => {
    const at = all.findIndex((one) => one.button === event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || (to === undefined && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") { view.focus(); return; }
    stopAt(all[(to + all.length) % all.length]);
    stop.button.focus();
  });
  dom.addEventListener("focusin", (event) => { const one = all.find(({ button }) => button === event.target); if (one) stopAt(one); });
  return {
    dom,
    focus: () => stop.button.focus(),
    join: (joined) => { view = joined; },
    renew(state) {
      for (const one of all) if (one.on) one.button.setAttribute("aria-pressed", String(one.on(state)));
      const able = depth(state);
      for (const name of ["undo", "redo"]) all.find((one) => one.name === name).button.setAttribute("aria-disabled", String(!able[name]));
    },
  };
}
