// Posts the statement at once. Without scripts the person presses the same button.
"use strict";
const form = document.getElementById("post");
form.addEventListener("submit", () => {
  form.querySelector("button").disabled = true;
});
form.requestSubmit();
