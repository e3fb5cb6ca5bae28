// Gives the reader the colours that the visitor's system asks for.
"use strict";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const paint = () => {
  const reader = document.querySelector("rapi-doc");
  reader.setAttribute("theme", dark.matches ? "dark" : "light");
  reader.setAttribute("primary-color", dark.matches ? "#8ec5ec" : "#124e78");
};
window.addEventListener("DOMContentLoaded", paint);
dark.addEventListener("change", paint);
