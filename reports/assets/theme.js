"use strict";
// Dark and light: as the system has it, or as the reader chose.
(() => {
  const root = document.documentElement;
  const KEY = "restart-report-theme";

  // A page from file:// may be denied storage; it then follows the system each time.
  const stored = (value) => {
    try {
      if (value === undefined) return localStorage.getItem(KEY);
      localStorage.setItem(KEY, value);
    } catch { /* nothing to remember with */ }
    return null;
  };

  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (theme) => {
    root.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange"));
  };
  const preferred = () => stored() ?? (system.matches ? "dark" : "light");
  apply(preferred());
  system.addEventListener("change", () => apply(preferred()));
  document.getElementById("theme").addEventListener("click", () => {
    const next = root.dataset.theme === "dark" ? "light" : "dark";
    stored(next);
    apply(next);
  });
})();
