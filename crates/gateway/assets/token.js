// The token page works without this file; it only saves a few steps.
"use strict";

// What is not asked for right now is not sent either.
for (const more of document.querySelectorAll("[data-with]")) {
  const switched = document.getElementById(more.dataset.with);
  const fields = more.querySelectorAll("input");
  const follow = () => {
    for (const field of fields) field.disabled = !switched.checked;
  };
  for (const radio of document.getElementsByName(switched.name)) radio.addEventListener("change", follow);
  // A browser that fills the form in again on the way back does so after this.
  window.addEventListener("pageshow", follow);
  follow();
}

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  const reveal = (shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.firstChild.data = shown ? "Hide" : "Show";
  };
  button.addEventListener("click", () => reveal(field.type === "password"));
  // A browser may remember what was typed into a text field.
  field.form.addEventListener("submit", () => reveal(false));
}

for (const button of document.querySelectorAll("[data-busy]")) {
  const label = button.textContent;
  const busy = (is) => {
    button.setAttribute("aria-disabled", String(is));
    button.textContent = is ? button.dataset.busy : label;
  };
  button.form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
    busy(true);
  });
  window.addEventListener("pageshow", () => busy(false));
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const status = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const copied = await copy(source);
    status.textContent = copied ? "Copied." : "It is selected: copy it with your keyboard.";
  });
}

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    // Without TLS there is no clipboard to write to; this older way still works.
    window.getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
