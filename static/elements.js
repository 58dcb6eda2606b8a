/** A new element: text or another element in it, and a class. What is text stays text. */
export function make(name, content = "", className = "") {
  const made = document.createElement(name);
  made.append(content);
  if (className) made.className = className;
  return made;
}
