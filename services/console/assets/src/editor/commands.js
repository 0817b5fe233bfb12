// What the toolbar and the keys do.
import { baseKeymap, chainCommands, lift, setBlockType, toggleMark, wrapIn } from "prosemirror-commands";
import { liftListItem, sinkListItem, splitListItem, wrapInList } from "prosemirror-schema-list";
import { TextSelection } from "prosemirror-state";
import { ask, say } from "./shared.js";
import { redo, undo } from "./history.js";
import { schema } from "./schema.js";
import { sound } from "./inline.js";

const { nodes, marks } = schema;

// The nearest node around the selection of one of these kinds.
export function around(state, ...kinds) {
  const { $from } = state.selection;
  for (let depth = $from.depth; depth > 0; depth -= 1) {
    const node = $from.node(depth);
    if (kinds.includes(node.type)) return { node, depth, at: $from.before(depth) };
  }
  return null;
}

export const heading = (state, dispatch) =>
  (around(state, nodes.heading) ? setBlockType(nodes.paragraph) : setBlockType(nodes.heading, { level: 2 }))(state, dispatch);

export const list = (kind) => (state, dispatch) => {
  const found = around(state, nodes.bullet_list, nodes.ordered_list);
  if (!found) return wrapInList(kind)(state, dispatch);
  if (found.node.type === kind) return liftListItem(nodes.list_item)(state, dispatch);
  if (dispatch) dispatch(state.tr.setNodeMarkup(found.at, kind, kind === nodes.ordered_list ? { start: 1 } : null));
  return true;
};

export const quote = (state, dispatch) => (around(state, nodes.blockquote) ? lift : wrapIn(nodes.blockquote))(state, dispatch);

export function marked(state, type) {
  const { from, $from, to, empty } = state.selection;
  return empty ? Boolean(type.isInSet(state.storedMarks || $from.marks())) : state.doc.rangeHasMark(from, to, type);
}

// The whole of the link that the cursor stands in, or the selection.
function linked({ selection: { from, to, $from }, doc }) {
  const mark = marks.link.isInSet($from.marks()) || (from < to && marks.link.isInSet(doc.nodeAt(from)?.marks || []));
  if (!mark) return { from, to, href: "" };
  const [spot, edge] = [$from.parentOffset, $from.start()];
  const stretches = [];
  $from.parent.forEach((child, at) => {
    const last = stretches[stretches.length - 1];
    if (!mark.isInSet(child.marks)) return;
    if (last?.end === at) last.end += child.nodeSize;
    else stretches.push({ start: at, end: at + child.nodeSize });
  });
  const found = stretches.find(({ start, end }) => start <= spot && spot <= end);
  return { from: edge + found.start, to: edge + found.end, href: mark.attrs.href };
}

// People write `hoasen.gov.vn` and `028 0000 1022`; an address needs its scheme.
export function address(told) {
  const text = told.trim();
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) && !/^[^:/]+:\d/.test(text)) return text;
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return `mailto:${text}`;
  if (/^\+?[\d .()-]{8,}$/.test(text)) return `tel:${text.replace(/[^\d+]/g, "")}`;
  return /^[^\s/]+\.[^\s/]{2,}/.test(text) ? `https://${text}` : text;
}

export const link = (state, dispatch, view) => {
  if (!dispatch) return true;
  const { from, to, href } = linked(state);
  const words = from === to;
  ask({
    title: href ? say("Sửa liên kết", "Edit link") : say("Chèn liên kết", "Insert link"),
    confirm: href ? say("Lưu", "Save") : say("Chèn", "Insert"),
    extra: href ? say("Bỏ liên kết", "Remove link") : null,
    fields: [
      { name: "href", label: say("Địa chỉ", "Address"), value: href, required: true, most: 2000, hint: say("Trang web, thư điện tử hoặc số điện thoại", "A web page, an e-mail address or a phone number"),
        check: (told) => (told && !sound(address(told)) ? say("Địa chỉ này không dùng được. Ví dụ: https://hoasen.gov.vn/tin", "This address cannot be used. Example: https://hoasen.gov.vn/news") : "") },
      ...(words ? [{ name: "text", label: say("Chữ hiện ra", "Words shown"), hint: say("Để trống: hiện chính địa chỉ", "Left empty: the address itself") }] : []),
    ],
  }).then((told) => {
    view.focus();
    if (!told) return;
    const tr = view.state.tr.removeMark(from, to, marks.link);
    if (told.href) {
      const mark = marks.link.create({ href: address(told.href) });
      if (words) tr.replaceSelectionWith(schema.text(told.text || address(told.href).replace(/^(mailto|tel):/, ""), [mark]), false).removeStoredMark(marks.link);
      else tr.addMark(from, to, mark);
    }
    view.dispatch(tr.scrollIntoView());
  });
  return true;
};

const newLine = (state, dispatch) => {
  if (dispatch) dispatch(state.tr.replaceSelectionWith(nodes.hard_break.create(), true).scrollIntoView());
  return true;
};
// At its beginning a heading first becomes a paragraph again.
const plainAgain = (state, dispatch) => {
  const { $from, empty } = state.selection;
  return empty && $from.parentOffset === 0 && $from.parent.type === nodes.heading && setBlockType(nodes.paragraph)(state, dispatch);
};

export const toggles = {
  heading, quote, link, undo, redo,
  strong: toggleMark(marks.strong),
  em: toggleMark(marks.em),
  bullets: list(nodes.bullet_list),
  numbers: list(nodes.ordered_list),
};

export const keys = {
  ...baseKeymap,
  Enter: chainCommands(splitListItem(nodes.list_item), baseKeymap.Enter),
  "Shift-Enter": newLine,
  Backspace: chainCommands(plainAgain, baseKeymap.Backspace),
  "Mod-b": toggles.strong,
  "Mod-i": toggles.em,
  "Mod-k": link,
  "Mod-z": undo,
  "Mod-y": redo,
  "Mod-Shift-z": redo,
  "Mod-]": sinkListItem(nodes.list_item),
  "Mod-[": liftListItem(nodes.list_item),
};
delete keys["Mod-Enter"]; // sends for approval

// A key as it is named above. No letter is ever read here: these come as text, however they are typed.
export function pressed(view, event) {
  const name = `${event.ctrlKey || event.metaKey ? "Mod-" : ""}${event.shiftKey ? "Shift-" : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
  if (event.isComposing || event.altKey || (event.key.length === 1 && !name.startsWith("Mod-"))) return false;
  return keys[name]?.(view.state, view.dispatch, view) ?? false;
}

// `## `, `- `, `1. `, `> ` at the beginning of a paragraph do what they say.
const SHORT = [
  [/^#{2,4}$/, ([signs]) => setBlockType(nodes.heading, { level: signs.length })],
  [/^[-*•]$/, () => wrapInList(nodes.bullet_list)],
  [/^(\d{1,3})[.)]$/, ([, start]) => wrapInList(nodes.ordered_list, { start: Number(start) })],
  [/^>$/, () => wrapIn(nodes.blockquote)],
];
export function shorthand(view, from, to, text) {
  const { state } = view;
  const { $from } = state.selection;
  if (text !== " " || from !== to || view.composing || $from.parent.type !== nodes.paragraph || around(state, nodes.list_item)) return false;
  const before = $from.parent.textBetween(0, $from.parentOffset, null, "\ufffc");
  for (const [pattern, command] of SHORT) {
    const found = pattern.exec(before);
    if (!found) continue;
    const start = $from.start();
    const cut = state.tr.delete(start, from);
    const after = state.apply(cut);
    let done = false;
    command(found)(after, (tr) => {
      done = true;
      const whole = state.tr.delete(start, from);
      tr.steps.forEach((step) => whole.step(step));
      view.dispatch(whole.setSelection(TextSelection.near(whole.doc.resolve(Math.min(tr.selection.from, whole.doc.content.size)))).scrollIntoView());
    });
    return done;
  }
  return false;
}
