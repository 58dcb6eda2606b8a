// How often each form that writes leaves the page when it is sent twice; in fact none does.
() => {
  const sent = new Map();
  addEventListener("submit", (event) => { // after everybody else
    if (!event.defaultPrevented) sent.set(event.target, (sent.get(event.target) ?? 0) + 1);
    event.preventDefault();
  });
  // But for what htmx sends by itself, and sends once by itself.
  const forms = document.querySelectorAll("form[method=post]:not([hx-post]:not([hx-trigger]))");
  return [...forms].map((form) => {
    form.noValidate = true;
    form.requestSubmit();
    form.requestSubmit();
    return [form.getAttribute("action") ?? "", sent.get(form) ?? 0, "file" in form.dataset];
  });
}
