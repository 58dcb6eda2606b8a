// What a script asks of the site: a form's fields sent, a JSON document back.

const AWAY = "The site could not be reached. Nothing was changed; please try again.";

/** What was answered; a refusal is an Error in the site's words. Whoever has to sign in first is led there. */
export async function post(url, fields) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  let answer;
  let said;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { "X-CSRFToken": token, Accept: "application/json" },
      body: new URLSearchParams(fields),
    });
    if (answer.redirected) {
      location.assign(answer.url);
      return new Promise(() => {});
    }
    said = await answer.json();
  } catch {
    throw new Error(AWAY);
  }
  if (!answer.ok) throw new Error(said.detail ?? said.error);
  return said;
}
