// Narrows the list while typing; `/` goes to the search, Escape empties it. Without scripts the server searches.
"use strict";

const field = document.getElementById("search");
const found = document.getElementById("found");
const roles = [...document.querySelectorAll("article.role")].map((row) => ({
  row,
  words: `${row.querySelector("h3").textContent} ${row.parentElement.querySelector("header").textContent}`.toLowerCase(),
}));
const accounts = [...document.querySelectorAll("section.account")];
const untouched = found.textContent;

function narrow() {
  const asked = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { row, words } of roles) {
    const fits = asked.every((word) => words.includes(word));
    row.hidden = !fits;
    if (fits) count += 1;
  }
  for (const account of accounts) {
    account.hidden = !account.querySelector("article.role:not([hidden])");
  }
  found.textContent = asked.length ? `${count} of ${roles.length} roles` : untouched;
}

if (!new URLSearchParams(location.search).get("q")) {
  field.addEventListener("input", narrow);
  field.form.addEventListener("submit", (event) => event.preventDefault());
  // Some browsers keep what was typed when one comes back to the page.
  if (field.value) narrow();
}
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "Escape" && event.target === field) {
    field.value = "";
    narrow();
  }
});
