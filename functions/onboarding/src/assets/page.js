// Everything on the page works without this. It copies, lets the checks be watched while they run, and shows
// providers as they appear.
"use strict";

const PAUSE = 700;

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copies).textContent;
    const label = button.firstChild;
    try {
      await navigator.clipboard.writeText(text);
      label.textContent = "Copied ";
    } catch {
      label.textContent = "Select the text and copy it ";
    }
    setTimeout(() => { label.textContent = "Copy "; }, 2000);
  });
}

// The parts of this page that change by themselves, as the server shows them now.
async function refresh(ids) {
  const answer = await fetch(location.pathname, { credentials: "same-origin" });
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) {
    const [here, there] = [document.getElementById(id), fresh.getElementById(id)];
    if (here && there && here.innerHTML !== there.innerHTML) here.replaceWith(there);
  }
  return true;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE));

async function watch(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  let ended = false;
  const body = new URLSearchParams(new FormData(form));
  const run = fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual" })
    .catch(() => undefined)
    .finally(() => { ended = true; });
  while (!ended) {
    await pause();
    await refresh(["checks"]).catch(() => false);
  }
  await run;
  // Without what asked for the run, so that a reload does not ask again.
  location.replace(location.pathname);
}

for (const form of document.querySelectorAll("form[data-watch]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    watch(form);
  });
  if ("atOnce" in form.dataset) watch(form);
}

async function keepRefreshing() {
  // Ten minutes: whoever looks for longer can reload.
  for (let times = 0; times < 200; times += 1) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    if (!document.hidden) await refresh(["providers", "sign-ins"]).catch(() => false);
  }
}

if (document.querySelector("[data-refreshes]")) keepRefreshing();
