"use strict";
const input = document.getElementById("cut");
if (input) {
  const pictures = document.getElementById("pictures");
  const move = () => pictures.style.setProperty("--cut", input.value + "%");
  document.documentElement.classList.add("scripted");
  input.closest(".slider").hidden = false;
  input.addEventListener("input", move);
  addEventListener("pageshow", move);
  move();
}
const written = document.querySelector("time");
if (written.dataset.reload) {
  const silent = (Date.now() - Date.parse(written.dateTime)) / 1000;
  if (silent > 600) {
    document.querySelector("[role=status]").append(
      " No update for " + Math.round(silent / 60) + " minutes: the run is slow, or was stopped.");
  }
  setTimeout(() => location.reload(), 1000 * Math.max(written.dataset.reload, silent / 10));
}
