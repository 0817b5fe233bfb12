// Undo and redo. The editor's texts are immutable and share what did not change, so each step back
// is simply the text as it was; what is typed without a pause is one step.
import { Plugin, PluginKey, TextSelection } from "prosemirror-state";

const PAUSE = 600;
const DEEPEST = 200;
const key = new PluginKey("history");

export const history = new Plugin({
  key,
  state: {
    init: () => ({ back: [], forth: [], at: 0, near: -1 }),
    apply(tr, was, before) {
      if (!tr.docChanged) return tr.selectionSet ? { ...was, near: -1 } : was;
      const moved = tr.getMeta(key);
      if (moved) return moved;
      const map = tr.mapping.maps[tr.mapping.maps.length - 1];
      let near = -1;
      map?.forEach((from, to, start, end) => { near = end; });
      const same = tr.time - was.at < PAUSE && was.near >= 0 && Math.abs(was.near - before.selection.from) <= 1 && tr.mapping.maps.length === 1;
      const back = same ? was.back : [...was.back, { doc: before.doc, from: before.selection.from }].slice(-DEEPEST);
      return { back, forth: [], at: tr.time, near };
    },
  },
});

// Only the stretch in which two texts differ is replaced, so that nothing else is drawn anew.
const move = (from, to) => (state, dispatch) => {
  const was = key.getState(state);
  const target = was[from][was[from].length - 1];
  if (!target) return false;
  if (!dispatch) return true;
  const start = state.doc.content.findDiffStart(target.doc.content);
  const { tr } = state;
  if (start !== null) {
    let { a, b } = state.doc.content.findDiffEnd(target.doc.content);
    const overlap = start - Math.min(a, b);
    if (overlap > 0) { a += overlap; b += overlap; }
    tr.replace(start, a, target.doc.slice(start, b));
  }
  tr.setSelection(TextSelection.near(tr.doc.resolve(Math.min(target.from, tr.doc.content.size))));
  const here = { doc: state.doc, from: state.selection.from };
  dispatch(tr.setMeta(key, { back: was.back, forth: was.forth, [from]: was[from].slice(0, -1), [to]: [...was[to], here], at: 0, near: -1 }).scrollIntoView());
  return true;
};

export const undo = move("back", "forth");
export const redo = move("forth", "back");
export const depth = (state) => ({ undo: key.getState(state).back.length, redo: key.getState(state).forth.length });
