// Copies what stands before a button. Without this the text can be selected.
"use strict";

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
