// What every page with media needs: sending files, the library in a dialog; and what it lends to the
// editor, so that nothing is loaded twice.
import { carried } from "./carried.js";
import { ask, icon, make, say } from "./common.js";
import { describe, iconOf, kindOf, lost, visualHint } from "./describe.js";
import { cleaned } from "./paste.js";
import { pick, wakePickers } from "./picker.js";
import { facts, refusal, remember, upload } from "./upload.js";

window.loaMedia = { ask, carried, cleaned, describe, facts, icon, iconOf, kindOf, lost, make, pick, refusal, remember, say, upload, visualHint };
wakePickers();
document.addEventListener("htmx:after:swap", () => wakePickers());
