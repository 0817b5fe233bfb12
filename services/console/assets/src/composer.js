// The composer's script: saves the form by itself, renews the looks, loses nothing that was typed.
// The form is a plain one; everything here only presses its buttons earlier.
import "./media/lent.js"; // within this file: one request less, and the editor finds what it is lent
import { following } from "./composer/following.js";

const form = document.querySelector("[data-composer]");
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const SAVE_AFTER = 1200, LOOK_AFTER = 180, BEAT_EVERY = 20000, RETRY_AFTER = 5000;

// ── What was typed, kept on this machine until the server has it ────────────────────────────
const LEFT_OUT = new Set(["csrf", "picture", "alt", "do"]);
const typed = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !LEFT_OUT.has(name));
// Thousands of ticked accounts go up as one field: each by itself takes the server long to read.
const join = (data) => {
  const chosen = data.getAll("accounts");
  if (chosen.length > 60) data.set("accounts", chosen.join(","));
};
const words = (fields) => JSON.stringify(fields.filter(([name, value]) => value && name !== "version" && name !== "base").map(([name, value]) => [name, value.replace(/\r\n/g, "\n")]).sort());
const key = () => `loa:draft:${form.dataset.staff}:${form.dataset.item || "new"}`;
function keepHere() {
  try { localStorage.setItem(key(), JSON.stringify(typed())); } catch { /* full or forbidden: the server has most of it */ }
}
function forget(name = key()) {
  try { localStorage.removeItem(name); } catch { /* the same */ }
}
function restore() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(key())); } catch { /* nothing to restore */ }
  if (!Array.isArray(kept)) return;
  if (words(kept) === words(typed())) { if (saved().dataset.tone === "saved") forget(); return; }
  const chosen = kept.filter(([name]) => name === "accounts").flatMap(([, value]) => value.split(","));
  for (const field of form.elements) {
    if (!field.name || LEFT_OUT.has(field.name) || field.type === "submit") continue;
    if (field.name === "accounts") { field.checked = chosen.includes(field.value); continue; }
    const found = kept.find(([name]) => name === field.name);
    if (!found) continue;
    if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === found[1])) continue;
    field.value = found[1];
    if (found[1]) field.closest("details")?.setAttribute("open", "");
  }
  $("#restored").hidden = false;
  changed();
}

// ── Saving: one request at a time, the newest words last ────────────────────────────────────
const saved = () => $("#saved");
let saving = null, dirty = false, stopped = false, saveTimer = 0, lookTimer = 0, keepTimer = 0;
const put = (html) => {
  const drawn = document.createElement("template");
  drawn.innerHTML = html;
  for (const part of [...drawn.content.children]) if (part.id) document.getElementById(part.id)?.replaceWith(part);
};
function tell(name) {
  const place = $("p", saved()) || saved().appendChild(document.createElement("p"));
  place.replaceChildren($(`#said-${name}`).content.cloneNode(true));
  saved().dataset.tone = name;
}
async function send() {
  const body = new FormData(form);
  body.set("do", "autosave");
  // A picture goes up once it has its description, and then only once.
  if (!body.get("alt")?.trim() || !body.get("picture")?.size) { body.delete("picture"); body.delete("alt"); }
  dirty = false;
  const sent = words(typed());
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true", "HX-Request-Type": "partial" } });
  } catch {
    dirty = true; tell("failed"); later(RETRY_AFTER); return;
  }
  if (answer.status === 401) { dirty = true; stopped = true; tell("session"); return; }
  if (![200, 409, 422].includes(answer.status) || answer.redirected) { dirty = true; tell("failed"); later(RETRY_AFTER); return; }
  const html = await answer.text();
  if (!html.includes('id="saved"')) { dirty = true; tell("failed"); later(RETRY_AFTER); return; }
  const before = key();
  put(html);
  if (html.includes('id="cover-now"')) { for (const name of ["picture", "alt"]) form.elements[name].value = ""; $(".cover-upload").open = false; look(0); }
  const { tone, item, edit, preview, more } = saved().dataset;
  if (tone === "saved") {
    if (item && !form.dataset.item) {
      form.dataset.item = item; form.action = edit; $("#looker").dataset.path = preview;
      history.replaceState(history.state, "", edit);
    }
    if (words(typed()) === sent) { forget(before); forget(); $("[data-forget]").hidden = true; } else keepHere();
    if (more !== undefined) { dirty = true; later(400); look(0); }
  } else {
    dirty = tone === "held"; stopped = tone === "stale";
  }
}
function save() {
  clearTimeout(saveTimer);
  if (stopped) return Promise.resolve();
  saving = (saving || Promise.resolve()).then(() => (dirty ? send() : null));
  return saving;
}
const later = (ms) => { clearTimeout(saveTimer); saveTimer = setTimeout(save, ms); };
const look = (ms) => { clearTimeout(lookTimer); lookTimer = setTimeout(() => $("#looker").dispatchEvent(new CustomEvent("look")), ms); };
function changed() {
  dirty = true;
  clearTimeout(keepTimer);
  keepTimer = setTimeout(keepHere, 250);
  if (saved().dataset.tone === "saved") tell("typed");
  look(LOOK_AFTER);
  later(SAVE_AFTER);
}

// ── The looks: one at a time where there is no room for all ─────────────────────────────────
let shown = 0, follow = () => {};
const DEVICE = "loa:seen-on";
const chosenDevice = () => { try { return localStorage.getItem(DEVICE) === "wide" ? "wide" : "phone"; } catch { return "phone"; } };
function seenOn(device) {
  $("#looks-side").dataset.device = device;
  $$("[data-seen-on]").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.seenOn === device)));
}
function show(index) {
  seenOn($("#looks-side").dataset.device);
  const looks = $$(".look-row > .look");
  if (!looks.length) return;
  shown = Math.min(index, looks.length - 1);
  looks.forEach((one, at) => one.classList.toggle("shown", at === shown));
  $$("[data-look]").forEach((one) => one.setAttribute("aria-pressed", String(Number(one.dataset.look) === shown)));
}
function view(which) {
  $(".compose").dataset.view = which;
  $$(".compose-switch [data-view]").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.view === which)));
  follow(true);
}

// ── The cover ───────────────────────────────────────────────────────────────────────────────
function cover(id, src, alt) {
  const field = $('#cover-now [name="cover"]');
  field.value = id;
  const drawn = $(id ? "#cover-some" : "#cover-none").content.cloneNode(true);
  if (id) { $("img", drawn).src = src; $("span", drawn).textContent = alt; $("a", drawn).href += `/${id}`; }
  $("#cover-now").replaceChildren(field, drawn);
  $("[data-drop-cover]").hidden = !id;
  changed();
}

// The button that was pressed, or the one that has taken its place meanwhile.
const again = (button) => (!button || button.isConnected ? button : $$('button[name="do"]').find((one) => one.form === form && one.value === button.value));

function start() {
  form.addEventListener("formdata", (event) => join(event.formData));
  document.addEventListener("input", (event) => { if (event.target.form === form && event.target.type !== "file") changed(); });
  document.addEventListener("change", (event) => { if (event.target.form === form) changed(); });
  form.addEventListener("focusout", () => { if (dirty) later(150); });
  // Whoever comes back from a picture's page may have moved its point: the cut is made and seen anew.
  let moved = false;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && dirty) { keepHere(); save(); }
    if (!document.hidden && moved) { moved = false; changed(); }
  });

  document.addEventListener("htmx:config:request", (event) => {
    const { sourceElement, request } = event.detail.ctx;
    if (sourceElement.id !== "looker") return;
    for (const name of ["picture", "base"]) request.body.delete?.(name);
    if (request.body.getAll) join(request.body);
    if (sourceElement.dataset.path) request.action = sourceElement.dataset.path;
  });
  document.addEventListener("htmx:after:swap", () => { show(shown); follow(); });

  form.addEventListener("loa:picked", ({ detail }) => cover(detail.id, detail.src, detail.alt));

  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest(selector);
    const tab = hit("[data-look]"), side = hit(".compose-switch [data-view]"), reset = hit("[data-reset]"), link = hit('.strip a, #faults a');
    if (hit("[data-focal-page]")) moved = true;
    const device = hit("[data-seen-on]")?.dataset.seenOn;
    if (device) {
      seenOn(device);
      try { localStorage.setItem(DEVICE, device); } catch { /* then for this page alone */ }
      follow(true);
    } else if (tab) { show(Number(tab.dataset.look)); follow(true); }
    else if (side) view(side.dataset.view);
    else if (reset) {
      event.preventDefault();
      const field = form.elements[reset.dataset.reset];
      field.value = ""; field.focus(); changed();
    } else if (hit("[data-drop-cover]")) { event.preventDefault(); cover("", "", ""); }
    else if (hit("[data-forget]")) { forget(); location.reload(); }
    else if (link) {
      const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (!field) return;
      event.preventDefault();
      view("write");
      field.closest("details")?.setAttribute("open", "");
      const target = field.hidden || field.offsetParent === null ? field.closest(".field")?.querySelector('[role="textbox"]') || field : field;
      target.scrollIntoView({ block: "center" }); target.focus();
    }
  });

  // What is being saved is waited for, so that an act never meets an older version of itself.
  let submitting = false, going = false;
  form.addEventListener("submit", async (event) => {
    if (form.dataset.go) { delete form.dataset.go; submitting = false; going = true; return; }
    event.preventDefault();
    if (submitting) return;
    submitting = true;
    const { submitter } = event;
    if (submitter?.value !== "take") await save();
    // Not within this very event: a form that is being sent refuses to be sent.
    const file = form.elements.picture;
    file.disabled = !file.files.length;
    setTimeout(() => { form.dataset.go = "1"; form.requestSubmit(again(submitter)); });
  });
  document.addEventListener("keydown", (event) => {
    const control = (event.ctrlKey || event.metaKey) && !event.altKey;
    if (control && event.key.toLowerCase() === "s") { event.preventDefault(); dirty = true; stopped = false; save(); }
    if (event.altKey && !event.ctrlKey && /^[1-9]$/.test(event.key)) { event.preventDefault(); view("look"); show(Number(event.key) - 1); follow(true); }
  });

  const tellHere = async (what) => {
    if (!form.dataset.item) return;
    const body = new FormData();
    body.set("csrf", form.elements.csrf.value);
    const path = `${form.action.replace(/\/edit$/, "")}/${what}`;
    if (what === "leave") { navigator.sendBeacon(path, body); return; }
    try {
      const answer = await fetch(path, { method: "POST", body, headers: { "HX-Request": "true" } });
      if (answer.ok) put(await answer.text());
    } catch { return; }
    if (dirty && !("held" in $("#presence").dataset)) later(0);
  };
  setInterval(() => { if (!document.hidden) tellHere("here"); }, BEAT_EVERY);
  window.addEventListener("pagehide", () => { if (dirty) keepHere(); if (!going) tellHere("leave"); });
  window.addEventListener("pageshow", (event) => { going = false; form.elements.picture.disabled = false; if (event.persisted) tellHere("here"); });

  follow = following(form);
  seenOn(chosenDevice());
  show(0);
  restore();
  // What came back from a form that was not stored is still to be stored.
  if (form.dataset.item && saved().dataset.tone === "typed" && !("held" in $("#presence").dataset)) changed();
}
if (form) start();
