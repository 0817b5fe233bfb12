// Pictures, videos and files in the text: how they are shown, and how they come in.
import { Plugin, PluginKey } from "prosemirror-state";
import { Decoration, DecorationSet } from "prosemirror-view";
import { describe, facts, icon, iconOf, kindOf, lost, make, refusal, remember, say, upload } from "./shared.js";
import { schema } from "./schema.js";

const named = (kind) => (kind === "video" ? "Video" : say("Tệp", "File"));
const inner = (src) => src.startsWith("media:");
const stored = async (src) => inner(src) && facts(decodeURIComponent(src.slice(6)));

export class FigureView {
  constructor(node, view, getPos) {
    this.node = node;
    this.shown = make("div", { class: "figure-shown" });
    this.words = make("figcaption");
    const act = (label, name, handle) => make("button", { type: "button", class: "button ghost small icon", title: label, "aria-label": label, onclick: handle }, icon(name, 18));
    this.dom = make("figure", { class: "figure", contenteditable: "false" }, this.shown, this.words,
      make("span", { class: "figure-acts" },
        act(say("Sửa mô tả", "Edit description"), "pencil", () => this.edit(view, getPos)),
        act(say("Bỏ khỏi bài", "Remove from the text"), "trash-2", () => { const at = getPos(); view.dispatch(view.state.tr.delete(at, at + this.node.nodeSize)); view.focus(); })));
    this.draw();
  }

  draw() {
    const { src, alt, caption } = this.node.attrs;
    this.words.replaceChildren(...(caption ? [caption, " "] : []), make("small", alt ? {} : { class: "wanting" }, alt ? say(`Mô tả: ${alt}`, `Description: ${alt}`) : say("Chưa có mô tả", "No description yet")));
    const note = this.words.lastChild;
    const told = (name, text) => this.shown.replaceChildren(make("p", { class: "figure-file" }, icon(name, 20), make("span", {}, text)));
    if (!inner(src)) {
      const video = /^https:\/\//.test(src);
      told(video ? "video" : "triangle-alert", video ? src : lost());
      return;
    }
    told("image", "…");
    stored(src).then((media) => {
      if (src !== this.node.attrs.src) return;
      if (!media) { told("triangle-alert", lost()); return; }
      if (!alt && media.decorative) { note.className = ""; note.textContent = say("Ảnh trang trí", "Decoration"); }
      if (media.kind === "image") this.shown.replaceChildren(make("img", { src: media.src, alt, width: media.width, height: media.height, draggable: "false" }));
      else told(iconOf(media.kind), `${named(media.kind)} · ${media.size}`);
    });
  }

  edit(view, getPos) {
    const { attrs } = this.node;
    stored(attrs.src).then((media) => describe({ ...attrs, again: true, bare: media?.decorative })).then((given) => {
      view.focus();
      if (given) view.dispatch(view.state.tr.setNodeMarkup(getPos(), null, { ...this.node.attrs, ...given }));
    });
  }

  update(node) {
    if (node.type !== this.node.type) return false;
    this.node = node;
    this.draw();
    return true;
  }

  selectNode() { this.dom.classList.add("chosen"); }
  deselectNode() { this.dom.classList.remove("chosen"); }
  stopEvent(event) { return Boolean(event.target.closest?.("button")); }
  ignoreMutation() { return true; }
}

// ── What is on its way up keeps its place in the text without being part of it ──────────────
const waiting = new PluginKey("uploads");
export const uploads = new Plugin({
  key: waiting,
  state: {
    init: () => DecorationSet.empty,
    apply(tr, set) {
      let next = set.map(tr.mapping, tr.doc);
      const told = tr.getMeta(waiting);
      if (told?.add) next = next.add(tr.doc, [Decoration.widget(told.add.at, told.add.dom, { id: told.add.id, side: -1, ignoreSelection: true, stopEvent: () => true })]);
      if (told?.remove) next = next.remove(next.find(null, null, (one) => one.id === told.remove));
      return next;
    },
  },
  props: { decorations: (state) => waiting.getState(state) },
});

const place = (view, id) => waiting.getState(view.state).find(null, null, (one) => one.id === id)[0]?.from;

// A figure goes between blocks: behind the one that the position stands in, or in place of an empty one.
export function insert(view, media, told, at = view.state.selection.to) {
  const node = schema.nodes.figure.create({ src: `media:${media.id}`, ...told });
  const $at = view.state.doc.resolve(Math.min(at, view.state.doc.content.size));
  const { tr } = view.state;
  if ($at.parent.isTextblock && !$at.parent.content.size && $at.depth > 0) tr.replaceRangeWith($at.before(), $at.after(), node);
  else tr.insert($at.parent.isTextblock ? $at.after() : $at.pos, node);
  if (tr.doc.lastChild.type === schema.nodes.figure) tr.insert(tr.doc.content.size, schema.nodes.paragraph.create());
  view.dispatch(tr.scrollIntoView());
}

let count = 0;
async function send(view, file, told, csrf, at) {
  count += 1;
  const id = `upload-${count}`;
  const bar = make("progress", { max: 1, value: 0, "aria-label": say("Đã tải lên", "Uploaded") });
  const line = make("span", { role: "status" });
  const acts = make("span", { class: "row" });
  const dom = make("div", { class: "uploading", contenteditable: "false" }, icon("upload"), make("div", { class: "grow" }, line, bar), acts);
  const away = () => view.dispatch(view.state.tr.setMeta(waiting, { remove: id }));
  view.dispatch(view.state.tr.setMeta(waiting, { add: { id, dom, at } }));
  const act = (label, handle) => make("button", { type: "button", class: "button plain small", onclick: handle }, label);
  const attempt = async () => {
    const sending = upload(file, told, csrf, (loaded, total) => { bar.max = total; bar.value = loaded; });
    acts.replaceChildren(act(say("Thôi", "Cancel"), sending.cancel));
    bar.hidden = false;
    dom.classList.remove("wrong");
    line.textContent = say("Đang tải lên", "Uploading") + ` “${told.alt || file.name}”`;
    try {
      const media = await sending.done;
      remember(media);
      const now = place(view, id);
      away();
      insert(view, media, told, now);
    } catch (error) {
      if (error.cancelled) { away(); view.focus(); return; }
      bar.hidden = true;
      dom.classList.add("wrong");
      line.textContent = error.message;
      acts.replaceChildren(...(error.again ? [act(say("Thử lại", "Try again"), attempt)] : []), act(say("Bỏ", "Discard"), () => { away(); view.focus(); }));
    }
  };
  await attempt();
}

// Files that were pasted, dropped or chosen: each is described, then sent.
export async function take(view, files, csrf, at) {
  for (const file of files) {
    const refused = refusal(file);
    if (refused) { window.loa?.toast?.(`${file.name}: ${refused}`); continue; }
    const told = await describe({ kind: kindOf(file), file });
    view.focus();
    if (told) send(view, file, told, csrf, Math.min(at ?? view.state.selection.to, view.state.doc.content.size));
  }
}
