// The visual editor: takes over a `textarea[data-editor]` once the page is idle, and writes every
// change back into it as Markdown. Without script, or at "Soạn chữ thuần", the textarea stays.
import { EditorState } from "prosemirror-state";
import { EditorView } from "prosemirror-view";
import { address, pressed, shorthand } from "./editor/commands.js";
import { FigureView, insert, take, uploads } from "./editor/figure.js";
import { history } from "./editor/history.js";
import { sound } from "./editor/inline.js";
import { parse, plainSlice, schema } from "./editor/schema.js";
import { toolbar } from "./editor/toolbar.js";
import { write } from "./editor/writing.js";
import { carried, cleaned, describe, icon, make, pick, ready, say, visualHint } from "./editor/shared.js";

const PLAIN = "loa:plain-text";
const remembered = () => { try { return localStorage.getItem(PLAIN) === "1"; } catch { return false; } };

function wake(field) {
  const label = document.querySelector(`label[for="${field.id}"]`);
  const name = label?.textContent.trim() || say("Nội dung", "Text");
  const csrf = () => field.form?.elements.csrf?.value || "";
  const content = make("div", { class: "editor-content" });
  const contentId = `${field.id}-visual`;
  let told = field.value; // what the editor last read or wrote
  let plain = false;
  const hint = document.getElementById(`${field.id}-hint`);
  const plainHint = hint?.textContent;

  const choose = async (kind) => {
    const media = await pick({ kind, csrf: csrf() });
    view.focus();
    if (!media) return;
    const given = media.alt || media.decorative ? { alt: media.decorative ? "" : media.alt, caption: media.caption || "" } : await describe({ ...media, again: true });
    if (given) insert(view, media, given);
    view.focus();
  };
  const bar = toolbar({ label: say(`Định dạng: ${name}`, `Format: ${name}`), controls: contentId, acts: { image: () => choose("image"), file: () => choose("file") } });
  const toggle = make("button", { type: "button", class: "editor-plain", onclick: () => show(!plain, true) });
  const frame = make("div", { class: "editor" }, make("div", { class: "editor-top" }, bar.dom, toggle), content);

  const state = () => EditorState.create({ doc: parse(field.value), plugins: [history, uploads] });
  const view = new EditorView(content, {
    state: state(),
    attributes: {
      id: contentId, class: "prose editor-text", role: "textbox", tabindex: "0", "aria-multiline": "true", "aria-label": name,
      ...(field.getAttribute("aria-describedby") ? { "aria-describedby": field.getAttribute("aria-describedby") } : {}),
      ...(field.getAttribute("aria-invalid") ? { "aria-invalid": "true" } : {}),
      ...(field.placeholder ? { "data-placeholder": field.placeholder } : {}),
      lang: "vi",
    },
    nodeViews: { figure: (node, joined, getPos) => new FigureView(node, joined, getPos) },
    dispatchTransaction(tr) {
      view.updateState(view.state.apply(tr));
      bar.renew(view.state);
      blank();
      if (!tr.docChanged) return;
      told = write(view.state.doc);
      if (field.value === told) return;
      field.value = told;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    },
    handleTextInput: shorthand,
    handleKeyDown(view, event) {
      if (event.key === "Escape") { bar.focus(); return true; }
      return pressed(view, event);
    },
    handleDOMEvents: {
      // These keys mean something else on the page around.
      keydown: (_, event) => { if ((event.ctrlKey || event.metaKey) && /^[bik]$/i.test(event.key)) event.stopPropagation(); return false; },
    },
    transformPastedHTML: cleaned,
    clipboardTextParser: (text) => plainSlice(text),
    handlePaste(_, event) {
      const files = [...(event.clipboardData?.files || [])];
      const html = event.clipboardData?.getData("text/html") || "";
      // Word puts a picture of the text beside the text: the text is meant.
      if (files.length && !cleaned(html)) {
        take(view, files, csrf());
        return true;
      }
      const text = event.clipboardData?.getData("text/plain").trim() || "";
      const { from, to, empty } = view.state.selection;
      if (!empty && !/\s/.test(text) && sound(text)) {
        view.dispatch(view.state.tr.addMark(from, to, schema.marks.link.create({ href: address(text) })));
        return true;
      }
      return false;
    },
    handleDrop(_, event) {
      const files = [...(event.dataTransfer?.files || [])];
      if (!files.length) return false;
      event.preventDefault();
      take(view, files, csrf(), view.posAtCoords({ left: event.clientX, top: event.clientY })?.pos);
      return true;
    },
  });

  function blank() {
    const { doc } = view.state;
    frame.classList.toggle("blank", doc.childCount === 1 && doc.firstChild.type === schema.nodes.paragraph && !doc.firstChild.content.size);
  }
  function renew() {
    told = field.value;
    view.updateState(state());
    bar.renew(view.state);
    blank();
  }
  function show(asPlain, byHand = false) {
    plain = asPlain;
    if (!plain && field.value !== told) renew();
    frame.classList.toggle("plain", plain);
    field.classList.toggle("editor-source", !plain);
    field.hidden = !plain;
    content.hidden = plain;
    bar.dom.hidden = plain;
    toggle.replaceChildren(icon(plain ? "eye" : "file-text", 18), make("span", {}, plain ? say("Soạn trực quan", "Visual editing") : say("Soạn chữ thuần", "Plain text")));
    if (hint) hint.textContent = plain ? plainHint : visualHint();
    if (!byHand) return;
    try { localStorage.setItem(PLAIN, plain ? "1" : ""); } catch { /* then it is asked again */ }
    if (plain) field.focus(); else view.focus();
  }

  const focused = document.activeElement === field;
  const caret = focused ? field.value.slice(0, field.selectionStart) : "";
  field.before(frame);
  frame.append(field);
  bar.join(view);
  bar.renew(view.state);
  blank();
  // Whoever writes in the plain field already is not pulled out of it.
  show(remembered() || (focused && caret.length > 0));
  if (focused && !plain) view.focus(); else if (focused) { field.focus(); field.setSelectionRange(caret.length, caret.length); }

  // Somebody else may set the field: what was kept on this machine, a template.
  const outside = () => { if (!plain && field.value !== told) renew(); };
  field.addEventListener("input", outside);
  field.addEventListener("change", outside);
  field.form?.addEventListener("reset", () => setTimeout(outside));
  label?.addEventListener("click", (event) => { if (!plain) { event.preventDefault(); view.focus(); } });
  document.addEventListener("click", (event) => {
    if (!plain && event.target.closest(`a[href="#${field.id}"]`)) { event.preventDefault(); view.focus(); frame.scrollIntoView({ block: "nearest" }); }
  });
}

const idle = window.requestIdleCallback ? (run) => requestIdleCallback(run, { timeout: 1500 }) : (run) => setTimeout(run, 200);
function wakeAll() {
  for (const field of document.querySelectorAll("textarea[data-editor]:not([data-woken])")) {
    field.dataset.woken = "1";
    idle(() => wake(field));
  }
}
if (ready) {
  carried((over) => document.querySelectorAll(".editor").forEach((one) => one.classList.toggle("dragging", over)));
  wakeAll();
  document.addEventListener("htmx:after:swap", wakeAll);
}
// The same reading and writing for whoever checks that nothing is lost on the way.
window.loaEditor = { parse, write, cleaned };
