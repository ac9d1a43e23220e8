// What makes the picture answer: zoom, search, and what is under the pointer. It reads names as
// text only, and never makes markup of them.
#pragma once

namespace cw {

inline constexpr const char* kFlamegraphScript = R"js(
"use strict";
(() => {
  const DRAWN = 1200, LETTER = 6.7;
  const svg = document.documentElement;
  svg.removeAttribute("viewBox");  // letters keep their size, frames take the window's width
  let width = DRAWN, zoomed = null;
  const frames = [...document.querySelectorAll(".f")].map((g) => ({
    g, rect: g.querySelector("rect"), text: g.querySelector("text"),
    title: g.querySelector("title").textContent, name: g.dataset.n,
    x: +g.dataset.x, w: +g.dataset.w, side: g.dataset.s, level: +g.dataset.l }));
  const byId = (id) => document.getElementById(id);
  const EPSILON = 0.002;

  // `at` is on the way to `frame`, or the other way round.
  const holds = (outer, inner) =>
    outer.x <= inner.x + EPSILON && outer.x + outer.w >= inner.x + inner.w - EPSILON;
  const related = (frame, target) => {
    if (target === null) return true;
    if (target.side !== "lock" && frame.side !== "lock" && frame.side !== target.side) return false;
    return frame.level <= target.level ? holds(frame, target) : holds(target, frame);
  };

  const place = (frame, x, w) => {
    frame.rect.setAttribute("x", x);
    frame.rect.setAttribute("width", w);
    frame.text.setAttribute("x", x + 3);
    const letters = Math.floor((w - 6) / LETTER), name = frame.name;
    frame.text.textContent = letters < 4 ? ""
      : name.length <= letters ? name : name.slice(0, letters - 3) + "...";
  };

  const zoom = (target) => {
    zoomed = target;
    const from = target === null ? 0 : target.x, scale = width / (target === null ? DRAWN : target.w);
    for (const frame of frames) {
      const shown = related(frame, target);
      frame.g.classList.toggle("x", !shown);
      if (!shown) continue;
      if (target !== null && frame.level <= target.level) place(frame, 0, width);
      else place(frame, (frame.x - from) * scale, frame.w * scale);
    }
    byId("reset").classList.toggle("x", target === null);
  };

  const search = (words) => {
    const wanted = words.toLowerCase();
    const ranges = [];
    for (const frame of frames) {
      const found = wanted !== "" && frame.title.split(": ").slice(0, -1).join(": ").toLowerCase().includes(wanted);
      frame.g.classList.toggle("m", found);
      if (found && frame.side !== "down") ranges.push([frame.x, frame.x + frame.w]);
    }
    ranges.sort((a, b) => a[0] - b[0]);
    let end = 0, sum = 0;  // frames inside one another count once
    for (const [from, to] of ranges) {
      sum += Math.max(0, to - Math.max(from, end));
      end = Math.max(end, to);
    }
    byId("found").textContent = wanted === "" ? "" : (100 * sum / DRAWN).toFixed(1) + " % of all";
    byId("search").textContent = wanted === "" ? "[search]" : "[search: " + words + "]";
  };

  const fit = () => { width = svg.getBoundingClientRect().width; zoom(zoomed); };

  for (const frame of frames) {
    frame.g.addEventListener("click", () => zoom(frame));
    frame.g.addEventListener("mouseenter", () => { byId("about").textContent = frame.title; });
  }
  byId("reset").addEventListener("click", () => zoom(null));
  byId("search").addEventListener("click", () => search(prompt("Part of a name:") || ""));
  addEventListener("resize", fit);
  fit();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { zoom(null); search(""); }
    if (event.key === "/") { event.preventDefault(); search(prompt("Part of a name:") || ""); }
  });
})();
)js";

}  // namespace cw
