// What is wrong with a page as it is laid out now, each as a sentence. It changes nothing.
() => {
  const ROOM_PX = 1; // what rounding may cost
  const DEEP_PX = 4; // lines of one text may touch
  const WIDE_PX = 2;
  // A long guide has thousands of texts in the same few boxes: each box is looked at once.
  const once = (look) => {
    const known = new Map();
    return (e) => {
      if (!known.has(e)) known.set(e, look(e));
      return known.get(e);
    };
  };
  const styled = once((e) => {
    const { position, clipPath, webkitLineClamp, overflowX, overflowY, display, opacity, backgroundColor } = getComputedStyle(e);
    return { position, clipPath, webkitLineClamp, overflowX, overflowY, display, opacity, backgroundColor };
  });
  const room = once((e) => e.getBoundingClientRect());
  const seen = once((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
  const named = (e) => {
    const kind = [...e.classList].map((each) => `.${each}`).join("");
    return `${e.localName}${e.id ? `#${e.id}` : ""}${kind} "${e.textContent.trim().replace(/\s+/g, " ").slice(0, 40)}"`;
  };
  const somewhereAbove = (is) => {
    const found = once((e) => Boolean(e) && (is(e) || found(e.parentElement)));
    return found;
  };

  // For a screen reader alone, or cut short on purpose behind a link to the whole.
  const isCutOnPurpose = somewhereAbove((e) => styled(e).clipPath !== "none" || styled(e).webkitLineClamp !== "none");
  // What lies above the page, and lets it scroll by.
  const floats = somewhereAbove((e) => ["fixed", "sticky"].includes(styled(e).position));
  const cuts = (overflow) => overflow === "hidden" || overflow === "clip";
  const scrolls = (overflow) => overflow === "auto" || overflow === "scroll";
  // The boxes around a text that it may not leave, up to one that scrolls.
  const BOXES = ".card, .button, .badge, .notice, .chip, dialog, td, th, li, summary";
  const frames = once((e) => {
    if (!e || e === document.body || scrolls(styled(e).overflowX) || scrolls(styled(e).overflowY)) return [];
    const { overflowX, overflowY, display } = styled(e);
    const holds = cuts(overflowX) || cuts(overflowY) || (e.matches(BOXES) && display !== "inline");
    return holds ? [e, ...frames(e.parentElement)] : frames(e.parentElement);
  });
  const isScrolled = somewhereAbove((e) => e !== document.body && scrolls(styled(e).overflowX));

  function* lines() {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const e = node.parentElement;
      if (!node.data.trim() || e.closest("script, style, noscript, option, .skip:not(:focus)")) continue;
      if (!seen(e) || isCutOnPurpose(e)) continue;
      // Word by word where spaces are kept: those at a line's end hang out of it, and show nothing.
      const words = e.closest("pre") ? /\S+/g : /\S(.*\S)?/gs;
      for (const word of node.data.matchAll(words)) {
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        for (const box of range.getClientRects()) if (box.width && box.height) yield { e, node, box };
      }
    }
  }

  function placeFault({ e, box }) {
    for (const frame of frames(e)) {
      const around = room(frame), { overflowX, overflowY } = styled(frame);
      const wide = box.left < around.left - ROOM_PX || box.right > around.right + ROOM_PX;
      const high = box.top < around.top - ROOM_PX || box.bottom > around.bottom + ROOM_PX;
      if ((cuts(overflowX) && wide) || (cuts(overflowY) && high)) return `cut off by ${named(frame)}: ${named(e)}`;
      if (wide) return `sticks out of ${named(frame)}: ${named(e)}`;
    }
    const isBeyond = box.left < -ROOM_PX || box.right > innerWidth + ROOM_PX;
    return isBeyond && !isScrolled(e) ? `beyond the edge: ${named(e)}` : "";
  }

  function* overlaps(all) {
    const still = all.filter(({ e }) => !floats(e)).sort((one, other) => one.box.top - other.box.top);
    for (const [at, one] of still.entries()) {
      for (let next = at + 1; next < still.length && still[next].box.top < one.box.bottom - DEEP_PX; next += 1) {
        const other = still[next];
        const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const deep = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
        if (one.node !== other.node && across > WIDE_PX && deep > DEEP_PX) yield `${named(one.e)} lies on ${named(other.e)}`;
      }
    }
  }

  // Of each text: its colour, the colour behind it (the nearest that is not transparent), how much
  // of it shows, a sample.
  const behind = once((e) => {
    if (!e) return "rgb(255, 255, 255)"; // the browser's own
    const colour = styled(e).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? behind(e.parentElement) : colour;
  });
  const opacity = once((e) => (e ? styled(e).opacity * opacity(e.parentElement) : 1));
  const off = (e) => e.closest(":disabled, [aria-disabled='true']"); // WCAG 2, 1.4.3 lets these be
  const ink = (e) => (e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color);
  const texts = new Map();
  for (const e of document.querySelectorAll("body :not(script, style, noscript, title, option)")) {
    if (![...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || off(e)) continue;
    const colours = [ink(e), behind(e), opacity(e)];
    if (!texts.has(String(colours))) texts.set(String(colours), [...colours, named(e)]);
  }

  const all = [...lines()];
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const headings = [...document.querySelectorAll("h1")].filter((e) => e.checkVisibility());
  return {
    paper: styled(document.body).backgroundColor,
    texts: [...texts.values()],
    placed: [...all.map(placeFault).filter(Boolean), ...overlaps(all)],
    outline: [
      ...(headings.length === 1 && headings[0].textContent.trim() ? [] : [`${headings.length} h1`]),
      ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `two are called #${id}`),
    ],
  };
}
