// Keeps the page up to date: its changing part comes as HTML, made where the whole page is made.
"use strict";
(() => {
  const state = document.getElementById("state");
  const status = document.getElementById("status");
  const pause = document.getElementById("pause");
  const every = 1000;
  let last = "";

  const say = (text) => {
    if (status.textContent !== text) status.textContent = text;
    status.className = text ? "bad" : "";
  };

  // The regions are replaced; a focus or a scroll position in one of them stays.
  const show = (html) => {
    if (html === last) return;
    last = html;
    const regions = () => [...state.querySelectorAll(".scroll")];
    const before = new Map(regions().map((r) => [r.getAttribute("aria-labelledby"), r]));
    const focused = document.activeElement?.closest?.(".scroll")?.getAttribute("aria-labelledby");
    state.innerHTML = html;
    for (const region of regions()) {
      const name = region.getAttribute("aria-labelledby");
      region.scrollLeft = before.get(name)?.scrollLeft ?? 0;
      if (name === focused) region.focus({ preventScroll: true });
    }
  };

  const refresh = async () => {
    const paused = pause.getAttribute("aria-pressed") === "true";
    if (!paused && !document.hidden) {
      try {
        const answer = await fetch("/msk-consumer-state");
        if (!answer.ok) throw new Error(answer.statusText);
        show(await answer.text());
        say("");
      } catch {
        say("The application does not answer.");
      }
    }
    setTimeout(refresh, every);
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
  });
  setTimeout(refresh, every);
})();
