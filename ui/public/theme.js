// Runs before anything is painted, so that a chosen theme does not flash the other one first.
// (A file of its own, because the page's policy forbids scripts written into the page.)
try {
  var theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch (_) {
  // Storage is forbidden here: the system's choice holds.
}
