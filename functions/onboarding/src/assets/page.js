// Everything on the page works without this. It lets the checks be watched while they run, and shows providers as they
// appear.

const PAUSE = 700;

// This page as the server shows it now.
async function read() {
  const answer = await fetch(location.pathname, { credentials: "same-origin" });
  return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : undefined;
}

// The parts of this page that change by themselves, as they are now.
function show(fresh, ids) {
  for (const id of ids) {
    const [here, there] = [document.getElementById(id), fresh?.getElementById(id)];
    if (here && there && here.innerHTML !== there.innerHTML) here.replaceWith(there);
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE));

// Shows a part while what it tells of is under way, and then the page as it is after that: all at once, so that nobody
// fills in a form that is about to go.
async function follow(id) {
  // Longer than an errand is waited for.
  for (let times = 0; times < 1000; times += 1) {
    await pause();
    const fresh = await read().catch(() => undefined);
    if (fresh && !fresh.getElementById(id)?.hasAttribute("data-runs")) break;
    show(fresh, [id]);
  }
  // Without what asked for the run, so that a reload does not ask again.
  location.replace(location.pathname);
}

async function ask(form) {
  form.querySelector("button").disabled = true;
  const body = new URLSearchParams(new FormData(form));
  const asked = await fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual" })
    .catch(() => undefined);
  // A refusal is a page of its own.
  if (asked && asked.type !== "opaqueredirect") return form.submit();
  return follow("checks");
}

for (const form of document.querySelectorAll("form[data-watch]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
  if ("atOnce" in form.dataset) ask(form);
}

for (const part of document.querySelectorAll("[data-runs]")) follow(part.id);

async function keepRefreshing() {
  // Ten minutes: whoever looks for longer can reload.
  for (let times = 0; times < 200; times += 1) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    if (!document.hidden) show(await read().catch(() => undefined), ["providers", "sign-ins"]);
  }
}

if (document.querySelector("[data-refreshes]")) keepRefreshing();
