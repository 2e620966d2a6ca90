// Numbers of before, shown until newer ones are there.

import { moment } from "./format.js";

// tellOld greys numbers that were read at some time (ms) and says so; null says that they are new.
export function tellOld({ node, old }, at) {
  old.hidden = at === null;
  if (at === null) delete node.dataset.old;
  else node.dataset.old = "yes";
  old.textContent = at === null ? "" : `Numbers of ${moment(at)}; newer ones are being read.`;
}
