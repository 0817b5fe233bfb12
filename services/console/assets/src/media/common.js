// What the editor and the library share: words in the reader's language, icons, elements, sizes.
export const say = (vi, en) => (document.documentElement.lang === "en" ? en : vi);
export const base = () => document.body.dataset.base || "";

const SVG = "http://www.w3.org/2000/svg";
let sprite;
export function icon(name, size = 20) {
  sprite ||= document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0] || "";
  const drawn = document.createElementNS(SVG, "svg");
  const told = { class: "icon", width: size, height: size, "aria-hidden": "true", focusable: "false" };
  for (const [key, value] of Object.entries(told)) drawn.setAttribute(key, value);
  drawn.append(document.createElementNS(SVG, "use"));
  drawn.firstChild.setAttribute("href", `${sprite}#${name}`);
  return drawn;
}

// An element with attributes and children; `on…` names a listener, true stands bare, false is left out.
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

// Asks for a few words in a dialog; gives them by name, or null. A field is {name, label, hint, value, required, type}.
let asked = 0;
export function ask({ title, fields, confirm, picture = null, extra = null }) {
  return new Promise((resolve) => {
    asked += 1;
    const inputs = fields.map((one) => {
      const id = `asked-${asked}-${one.name}`;
      if (one.type === "checkbox") {
        const box = make("input", { id, name: one.name, type: "checkbox" });
        return { ...one, input: box, fault: make("p", { hidden: true }), node: make("label", { class: "check" }, box, make("span", {}, one.label, " ", make("small", {}, one.hint))), id };
      }
      const input = make(one.rows ? "textarea" : "input", { id, name: one.name, type: one.rows ? null : one.type || "text", rows: one.rows, maxlength: one.most || 1000, "aria-describedby": `${id}-hint`, required: one.required || false, autocomplete: "off" });
      input.value = one.value || "";
      return { ...one, input, fault: make("p", { class: "error", id: `${id}-hint-fault`, role: "alert", hidden: true }), node: null, id };
    });
    const told = (one) => (one.type === "checkbox" ? (one.input.checked ? "1" : "") : one.input.value.trim());
    const freed = (name) => inputs.some((one) => one.frees === name && one.input.checked);
    const rows = inputs.map((one) => one.node || make("div", { class: "field" }, make("label", { for: one.id }, one.label), one.input, one.fault, make("p", { class: "hint", id: `${one.id}-hint` }, one.hint || "")));
    let answer = null;
    const form = make("form", { class: "stack", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      event.stopPropagation();
      const wrong = inputs.filter((one) => {
        const fault = one.check?.(told(one)) || (one.required && !told(one) && !freed(one.name) ? one.missing || say("Cần điền mục này.", "Please fill this in.") : "");
        one.fault.textContent = fault;
        one.fault.hidden = !fault;
        one.input.closest(".field")?.classList.toggle("wrong", Boolean(fault));
        if (fault) one.input.setAttribute("aria-invalid", "true"); else one.input.removeAttribute("aria-invalid");
        return fault;
      });
      if (wrong.length) { wrong[0].input.focus(); return; }
      answer = Object.fromEntries(inputs.map((one) => [one.name, told(one)]));
      dialog.close();
    } }, make("h2", { id: `asked-${asked}` }, title), picture, ...rows,
      make("div", { class: "row end" }, extra && make("button", { type: "button", class: "button ghost", onclick: () => { answer = { extra: true }; dialog.close(); } }, extra),
        make("button", { type: "button", class: "button plain", onclick: () => dialog.close() }, say("Thôi", "Cancel")),
        make("button", { type: "submit", class: "button primary" }, confirm)));
    const dialog = make("dialog", { class: "asking", "aria-labelledby": `asked-${asked}`, onclose: () => { dialog.remove(); resolve(answer); } }, form);
    // A key pressed here must not reach what stands behind.
    dialog.addEventListener("keydown", (event) => { if (event.key !== "Escape") event.stopPropagation(); });
    document.body.append(dialog);
    dialog.showModal();
    inputs[0]?.input.focus();
  });
}
