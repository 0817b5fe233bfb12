// What every page with media needs: sending files, the library in a dialog, the screens of /media;
// and what it lends to the editor, so that nothing is loaded twice.
import { carried } from "./media/carried.js";
import { ask, icon, make, say } from "./media/common.js";
import { describe, iconOf, kindOf, lost, visualHint } from "./media/describe.js";
import { cleaned } from "./media/paste.js";
import { pick, wakePickers } from "./media/picker.js";
import { wakeLibrary } from "./media/library.js";
import { facts, refusal, remember, upload } from "./media/upload.js";

window.loaMedia = { ask, carried, cleaned, describe, facts, icon, iconOf, kindOf, lost, make, pick, refusal, remember, say, upload, visualHint };
function wake() {
  wakePickers();
  wakeLibrary();
}
wake();
document.addEventListener("htmx:after:swap", wake);
