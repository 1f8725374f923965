/* The search box: addresses, parcels and neighborhoods of this page; nothing leaves it. */
(function (dm) {
  "use strict";
  const { $, el } = dm;
  const plain = (text) => (text ?? "").toLowerCase().normalize("NFD").replace(/[^a-z0-9]+/g, " ").trim();
  dm.plain = plain;

  dm.search = function (app) {
    const { lots, neighborhoods: hoods } = app.sets, input = $("q"), list = $("matches");
    const entries = [];
    for (let i = 0; i < hoods.n; i++) { const name = dm.value(hoods, "neighborhood", i); if (name) entries.push({ name, key: plain(name), hood: i }); }
    for (let i = 0; i < lots.n; i++) {
      const name = dm.value(lots, "site_address", i), id = dm.value(lots, "parcel_id", i);
      entries.push({ name: name || id, key: plain(name), id: plain(id), lot: i });
    }
    let shown = [], active = -1;
    const matches = function (text) {
      const q = plain(text), tokens = q.split(" ");
      if (!q) return [];
      const starts = [], holds = [];
      for (const e of entries) {
        if (e.key.startsWith(q) || e.id === q) starts.push(e);
        else if (tokens.every((t) => (" " + e.key).includes(" " + t))) holds.push(e);
      }
      starts.sort((a, b) => a.key.length - b.key.length);
      return starts.concat(holds);
    };
    const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); active = -1; };
    const choose = function (e) {
      close();
      input.value = e.name;
      if (e.lot != null) app.lot(e.lot, true);
      else { app.map.fitBounds(dm.boundsOf(app, hoods, e.hood)); app.show({ neighborhoods: e.hood }, true); }
      $("msg").textContent = app.say("search.found", { name: e.name });
    };
    const mark = function (k) {
      active = k;
      [...list.children].forEach((item, j) => item.setAttribute("aria-selected", String(j === k)));
      if (k >= 0) { input.setAttribute("aria-activedescendant", "match-" + k); list.children[k].scrollIntoView({ block: "nearest" }); }
    };
    input.addEventListener("input", () => {
      shown = matches(input.value).slice(0, 8);
      list.textContent = "";
      shown.forEach((e, k) => {
        const item = el("li", e.name, list);
        item.id = "match-" + k; item.setAttribute("role", "option"); item.setAttribute("aria-selected", "false");
        if (e.lot != null) el("small", dm.value(lots, "neighborhood", e.lot) ?? "", item);
        item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(e); });
      });
      list.hidden = !shown.length;
      input.setAttribute("aria-expanded", String(shown.length > 0));
      active = -1;
      if (input.value.trim()) $("msg").textContent = shown.length ? app.say("search.count", { count: shown.length }) : "";
    });
    input.addEventListener("keydown", (e) => {
      if (e.key === "Escape") close();
      if (list.hidden || !["ArrowDown", "ArrowUp"].includes(e.key)) return;
      e.preventDefault();
      mark((active + (e.key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length);
    });
    input.addEventListener("blur", close);
    $("find").addEventListener("submit", (e) => {
      e.preventDefault();
      const found = active >= 0 ? shown[active] : matches(input.value)[0];
      if (found) choose(found);
      else $("msg").textContent = app.say("search.none", { query: input.value.trim(), lots: app.number(lots.n) });
    });
  };
})(densitymap);
