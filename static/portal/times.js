// Times in the reader's own zone, with a countdown that stays true while the page is open.
"use strict";

const sameDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const otherDay = new Intl.DateTimeFormat(undefined, {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

function clock(moment) {
  const today = moment.toDateString() === new Date().toDateString();
  return (today ? sameDay : otherDay).format(moment);
}

function inWords(minutes) {
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (!hours) return `${rest} min`;
  return rest ? `${hours} h ${rest} min` : `${hours} h`;
}

function show(time) {
  const moment = new Date(time.dateTime);
  let text = clock(moment);
  if ("countdown" in time.dataset) {
    const left = Math.floor((moment - Date.now()) / 60000);
    text = moment > Date.now() ? `${text} (in ${inWords(left)})` : `ended at ${text}`;
    time.closest(".access")?.classList.toggle("is-over", moment <= Date.now());
  }
  if (time.textContent !== text) time.textContent = text;
  time.title = moment.toISOString();
}

function showAll() {
  document.querySelectorAll("time[data-clock]").forEach(show);
}

showAll();
setInterval(showAll, 15000);
document.addEventListener("visibilitychange", showAll);
