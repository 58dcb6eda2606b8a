// Which part of a long page is being read is marked in the bar of its parts. The bar is a list of
// links, and leads there without this.

const links = [...document.querySelectorAll("[data-parts] a")];
const parts = links.map((link) => document.getElementById(link.hash.slice(1)));
let chosen = null; // where a link has just led: short parts share a screen

function mark(current) {
  for (const [at, link] of links.entries()) {
    if (at === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** The last part that begins in the upper third; at the page's end the last there is. */
function read() {
  const isEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 1 && scrollY > 0;
  const begun = parts.filter((part) => part.getBoundingClientRect().top <= innerHeight / 3).length;
  mark(isEnd ? parts.length - 1 : begun - 1);
}

function look() {
  if (chosen === null) read();
  else mark(chosen);
}

if (links.length && parts.every(Boolean)) {
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; look(); });
  }, { passive: true });
  for (const moved of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    addEventListener(moved, () => { chosen = null; }, { passive: true });
  }
  const follow = () => {
    const at = links.findIndex((link) => link.hash === location.hash);
    chosen = at < 0 ? null : at;
    look();
  };
  addEventListener("hashchange", follow);
  follow();
}
