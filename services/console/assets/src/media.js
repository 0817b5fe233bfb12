// The screens of the library.
import "./media/lent.js";
import { wakeLibrary } from "./media/library.js";

wakeLibrary();
document.addEventListener("htmx:after:swap", wakeLibrary);
