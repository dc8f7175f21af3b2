// What pages can do only with a script: copy a text. Without one, there are no buttons for it.
"use strict";

if (navigator.clipboard) document.documentElement.classList.add("copies");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = button.textContent;
  if (before === button.dataset.done) return;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = before; }, 2000);
});
