// Follows the keyboard: what can be seen and used, in order, and what each press of Tab reached.
() => {
  const shown = (e) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(e);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  };
  // A control that is not drawn itself shows its focus on its label.
  const drawn = (e) => (getComputedStyle(e).opacity === "0" ? e.closest("label") : e);
  // Wholly behind what stays at the edge of the screen (WCAG 2.2, 2.4.11).
  const bars = [...document.querySelectorAll("body *")].filter((e) => ["fixed", "sticky"].includes(getComputedStyle(e).position) && e.checkVisibility());
  const hidden = (e) => {
    const box = e.getBoundingClientRect();
    return bars.some((bar) => {
      const over = bar.getBoundingClientRect();
      return !bar.contains(e) && box.top >= over.top && box.bottom <= over.bottom && box.left >= over.left && box.right <= over.right;
    });
  };
  // From the top, also where a page has put the focus somewhere.
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  const trail = (window.focusTrail = []);
  document.addEventListener("focusin", ({ target }) => {
    const problems = [];
    const ring = drawn(target);
    if (!ring || !shown(ring)) problems.push("shows no focus");
    if (hidden(target)) problems.push("is behind a bar");
    if (document.documentElement.scrollWidth > innerWidth) problems.push("makes the page wider");
    trail.push([target.outerHTML, problems]);
  });
  const all = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const controls = [...document.querySelectorAll(all)]
    .filter((e) => e.checkVisibility() && !e.disabled && e.type !== "hidden" && e.tabIndex >= 0);
  // Of a group of radio buttons the keyboard stops at one: at what is chosen, or else at the first.
  const groupOf = (e) => controls.filter((each) => each.type === "radio" && each.form === e.form && each.name === e.name);
  const stopsAt = (e) => e === (groupOf(e).find((each) => each.checked) ?? groupOf(e)[0]);
  return controls.filter((e) => e.type !== "radio" || stopsAt(e)).map((e) => e.outerHTML);
}
