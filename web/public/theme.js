// Sets the chosen theme before the first paint, so that no page flashes in the other one.
// A file of its own because the content security policy forbids inline scripts.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("dais.theme");
  } catch {
    // Storage is blocked: the system's theme it is.
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
