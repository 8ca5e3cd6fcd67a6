// `button[data-copy="#id"]` copies the text of that element; shown only where scripts and the clipboard work.
"use strict";

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.querySelector(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    let told = "Copied";
    try {
      await navigator.clipboard.writeText("value" in source ? source.value : source.textContent.trim());
    } catch {
      told = "Not copied";
    }
    button.textContent = told;
    setTimeout(() => { button.textContent = words; }, 1500);
  });
}
