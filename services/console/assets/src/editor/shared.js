// What media.js, which stands before this script on every page with an editor, lends to it.
const lent = window.loaMedia || {};
export const { ask, carried, cleaned, describe, facts, icon, iconOf, kindOf, lost, make, pick, refusal, remember, say, upload, visualHint } = lent;
export const ready = Boolean(window.loaMedia);
