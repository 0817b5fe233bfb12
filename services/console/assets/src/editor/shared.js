// What media.js lends to the editor: it stands before it on every such page, or within composer.js.
const lent = window.loaMedia || {};
export const { ask, carried, cleaned, describe, facts, icon, iconOf, kindOf, lost, make, pick, refusal, remember, say, upload, visualHint } = lent;
export const ready = Boolean(window.loaMedia);
