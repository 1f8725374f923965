/* What is under a spot: the card of a lot, its zoning, neighborhood and tract, and why. */
(function (dm) {
  "use strict";
  const { $, el, unknown, noParcels } = dm;

  function highlight(app, set, i) {
    app.outline?.remove();
    const lines = [];
    for (let k = set.rings[i]; k < set.rings[i + 1]; k++) {
      const line = [];
      for (let v = set.vertices[k]; v < set.vertices[k + 1]; v++) line.push(dm.toLatLng(app, set.X[v], set.Y[v]));
      lines.push(line.concat(line.slice(0, 1)));
    }
    app.outline = L.polyline(lines, { color: app.M.marks.selected, weight: 4, interactive: false }).addTo(app.map);
  }

  /* What lies at a spot, as places in the sets; -1 for none. */
  function at(app, x, y) {
    const found = {};
    for (const name of ["lots", "zones", "tracts", "history", "block_groups", "neighborhoods", "buildings"]) {
      const hits = app.sets[name] ? dm.hit(app.sets[name], x, y).filter((i) => name !== "lots" || !app.hidden[i]) : [];
      if (hits.length) found[name] = hits[0];
    }
    return found;
  }

  dm.extras = [(app) => {
    app.place = function (latlng, focus) {
      const [x, y] = dm.toSteps(app, latlng), found = at(app, x, y);
      found.near = near(app, x, y);
      app.state.spot = latlng;
      show(app, found, focus);
    };
    app.lot = function (i, focus) {
      const [x, y] = dm.inner(app.sets.lots, i), found = { ...at(app, x, y), lots: i, near: near(app, x, y) };
      app.state.spot = null;
      if (focus) app.map.fitBounds(dm.boundsOf(app, app.sets.lots, i), { maxZoom: 17, animate: !matchMedia("(prefers-reduced-motion: reduce)").matches });
      show(app, found, focus);
    };
    app.show = (found, focus) => show(app, found, focus);
  }];

  function near(app, x, y) {
    const reach = 9 / 2 ** (app.map.getZoom() + 8 - app.bits), out = [];
    for (const o of app.M.overlays.filter((o) => app.state.over.has(o.set) && o.set !== "buildings" && o.set !== "streets")) {
      const set = app.sets[o.set];
      for (const i of set.within(x - reach, y - reach, x + reach, y + reach)) {
        const is = o.kind === "polygon" ? dm.contains(set, i, x, y) : o.kind === "point" || close(set, i, x, y, reach);
        if (is) out.push([o.title, dm.value(set, "name", i)].filter(Boolean).join(": "));
      }
    }
    return [...new Set(out)];
  }
  function close(set, i, x, y, reach) {
    for (let k = set.rings[i]; k < set.rings[i + 1]; k++) {
      for (let v = set.vertices[k] + 1; v < set.vertices[k + 1]; v++) {
        const ax = set.X[v - 1], ay = set.Y[v - 1], dx = set.X[v] - ax, dy = set.Y[v] - ay;
        const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
        if (Math.hypot(x - ax - t * dx, y - ay - t * dy) <= reach) return true;
      }
    }
    return false;
  }

  /* A sentence of the data, marked where nobody put it into the page's language. */
  function sentence(app, tag, text, parent) {
    const node = el(tag, text, parent);
    if (app.M.language !== "en") node.lang = app.tongue(text);
    return node;
  }

  /* A citation: text of law stays in its own language. */
  function cited(app, citation, parent) {
    const line = el("p", app.say("card.section", { citation: "" }), parent, "cite");
    el("span", citation, line).lang = "en";
  }

  function facts(app, parent, name, i, skip) {
    const set = app.sets[name], list = el("dl", null, parent);
    let beside = null;
    for (const field of app.M.cards[name] ?? []) {
      const value = dm.value(set, field.column, i);
      if (field.column === skip || (field.hide != null && value === field.hide)) continue;
      if (field.column === "missing_note" && !value) continue;
      if ((field.beside || field.quiet) && (unknown(value) || value === "")) continue;
      if (field.beside && !beside) { el("h4", app.say("card.beside"), parent); beside = el("dl", null, parent); }
      const target = beside && field.beside ? beside : list;
      el("dt", field.title, target);
      let text = app.spoken(value, field.format);
      if (field.column === "zone_district") { const part = dm.value(set, "zone_share", i); if (part < 0.995) text += ` (${app.say("card.share_of_lot", { share: app.spoken(part, "share") })})`; }
      const cell = sentence(app, "dd", text, target);
      if (field.moe && !unknown(value)) {
        const moe = dm.value(set, field.moe, i);
        el("br", null, cell);
        el("small", unknown(moe) ? app.say("card.no_moe") : app.say("card.moe", { moe: app.spoken(moe, field.format) }), cell);
      }
    }
    return list;
  }

  function badge(app, parent, verdict) {
    const value = verdict ?? "NO DATA", theme = app.M.themes.find((t) => t.base === "verdict"), b = el("span", app.say("verdict." + value), parent, "badge");
    const c = theme?.classes.find((k) => k.value === value);
    b.style.background = c ? c.colour : "#fff";
    b.style.color = value === "TRUE" ? "#fff" : "#111";
  }

  dm.lotRules = lotRules;
  function lotRules(app, card, i) {
    for (const policy of app.M.policies) {
      const get = (column) => dm.value(app.sets.lots, `${column}__${policy.name}`, i), box = el("div", null, card, "rule");
      el("p", [policy.title, policy.question].filter(Boolean).join(": "), box, "q");
      const line = el("p", null, box);
      badge(app, line, get("verdict"));
      el("span", `${app.say(get("verdict") === "MAYBE" ? "card.homes_maybe" : "card.homes")}: ${app.spoken(get("units_allowed"), "plain")}`, line);
      if (get("reason")) sentence(app, "p", get("reason"), box);
      if (get("citation")) cited(app, get("citation"), box);
      let told = get("reason");
      for (const mode of ["fits_new", "fits_keep"]) {
        if (unknown(get(mode))) continue;
        const word = app.say(`verdict.${get(`${mode}_verdict`)}`);
        el("p", `${app.say(`card.${mode}`)}: ${app.spoken(get(mode), "plain")} (${word})`, box);
        const why = get(`${mode}_reason`);
        if (why && why !== told) sentence(app, "p", why, box);
        told = why;
      }
    }
  }

  function zoneCard(app, card, i) {
    const set = app.sets.zones;
    el("h3", `${app.say("card.zone")}: ${dm.value(set, "zone_district", i) ?? app.say("card.not_known")}`, card);
    el("p", app.say("card.minimum_lot"), card);
    const list = el("dl", null, card);
    app.M.policies.forEach((policy, k) => {
      el("dt", policy.title, list);
      const allowed = dm.value(set, "allowed_" + (k ? policy.name : "today"), i);
      sentence(app, "dd", allowed ?? app.say("card.not_known"), list);
    });
    facts(app, card, "zones", i, "zone_district");
    if (dm.value(set, "citation", i)) cited(app, dm.value(set, "citation", i), card);
    const url = dm.value(set, "zone_url", i);
    if (url && /^https:\/\//.test(url)) Object.assign(el("a", app.say("card.code"), el("p", null, card)), { href: url, rel: "noopener noreferrer" });
  }

  /* What every definition says of a tract, each with its years and how far draws agree. */
  function definitions(app, parent, name, i) {
    const set = app.sets[name], own = app.M.themes.filter((t) => t.family === "definition" && t.set === name);
    if (!own.length) return;
    const box = el("details", null, parent);
    el("summary", app.say("themes.definition"), box);
    const list = el("dl", null, box);
    for (const theme of own) {
      sentence(app, "dt", theme.title, list);
      const cell = sentence(app, "dd", theme.needs ?? theme.classes[app.classes(theme)[i]].label, list), agree = dm.value(set, theme.doubt.column, i);
      if (!unknown(agree)) { el("br", null, cell); el("small", app.say("card.draws", { share: app.spoken(agree, "share") }), cell); }
    }
  }

  /* How a tract changed, by the first pair of years of each measure. */
  function changes(app, parent, i) {
    const own = app.M.themes.filter((t) => t.family?.startsWith("change:")), firsts = own.filter((t, k) => own.findIndex((o) => o.family === t.family) === k);
    if (!firsts.length) return;
    const box = el("details", null, parent);
    el("summary", app.say("card.changes"), box);
    const list = el("dl", null, box);
    for (const theme of firsts) {
      const value = dm.value(app.sets.history, theme.column, i), moe = dm.value(app.sets.history, theme.doubt.column, i);
      el("dt", theme.title, list);
      const cell = el("dd", app.spoken(value, theme.format), list);
      if (!unknown(value)) { el("br", null, cell); el("small", unknown(moe) ? app.say("card.no_moe") : app.say("card.moe_near", { moe: app.spoken(moe, theme.format).replace("+", "") }), cell); }
    }
  }

  const TRACTS = ["tracts", "history", "block_groups"];
  function tractCards(app, card, found) {
    const { sets, say } = app;
    if (found.tracts != null) {
      const i = found.tracts;
      el("h3", `${say("card.tract")} ${dm.value(sets.tracts, "tract_geoid", i)}`, card);
      el("p", say("card.years", { period: dm.value(sets.tracts, "acs_period", i) ?? say("card.not_known"), vintage: dm.value(sets.tracts, "tract_vintage", i) ?? "" }), card, "cite");
      facts(app, card, "tracts", i);
      definitions(app, card, "tracts", i);
    }
    if (found.history != null) {
      const i = found.history;
      el("h3", `${say("card.history")} ${dm.value(sets.history, "tract_geoid", i)}`, card);
      facts(app, card, "history", i);
      definitions(app, card, "history", i);
      changes(app, card, i);
    }
    if (found.block_groups != null) {
      const i = found.block_groups;
      el("h3", `${say("card.block_group")} ${dm.value(sets.block_groups, "block_group_geoid", i)}`, card);
      facts(app, card, "block_groups", i);
      const list = el("dl", null, card);
      for (const theme of app.M.themes.filter((t) => t.set === "block_groups" && !t.needs)) {
        el("dt", theme.title, list);
        el("dd", app.spoken(dm.value(sets.block_groups, theme.column, i), theme.format), list);
      }
    }
  }

  function show(app, found, focus) {
    const { sets, say } = app, card = $("card-body");
    card.textContent = "";
    const has = (name) => found[name] != null;
    const hood = has("neighborhoods") ? dm.value(sets.neighborhoods, "neighborhood", found.neighborhoods) : null;
    let title = hood ?? say("card.title");
    if (has("lots")) title = dm.value(sets.lots, "site_address", found.lots) || say("card.no_address");
    $("card-title").textContent = title;
    app.outline?.remove();
    app.state.lot = has("lots") ? dm.value(sets.lots, "parcel_id", found.lots) : null;
    app.picked = has("lots") ? found.lots : null;
    const asked = app.themes[app.state.areas]?.set, first = app.state.lots === "none" && TRACTS.includes(asked);
    if (first) tractCards(app, card, found);
    if (has("lots")) { lotRules(app, card, found.lots); facts(app, card, "lots", found.lots); }
    else if (has("zones") && sets.lots.n) el("p", say("card.no_lot_here"), card, "note");
    if (has("buildings")) { el("h3", say("card.building"), card); facts(app, card, "buildings", found.buildings); }
    if (has("zones")) zoneCard(app, card, found.zones);
    if (has("neighborhoods")) {
      el("h3", `${say("card.neighborhood")}: ${hood ?? say("card.not_known")}`, card);
      if (noParcels(app, found.neighborhoods)) el("p", say("card.no_parcels"), card);
      facts(app, card, "neighborhoods", found.neighborhoods);
    }
    if (!first) tractCards(app, card, found);
    if (found.near?.length) { el("h3", say("card.overlay"), card); found.near.forEach((text) => el("p", text, card)); }
    const main = [...(first ? [asked] : []), "lots", "zones", "neighborhoods", "tracts"].find(has);
    if (!main) el("p", say(found.near?.length ? "card.nothing" : focus ? "card.centre" : "card.nothing"), card);
    else highlight(app, sets[main], found[main]);
    $("card").dispatchEvent(new CustomEvent("shown"));
    $("side").scrollTop = 0;
    $("msg").textContent = main ? say("card.here", { name: title }) : "";
    if (focus) $("card-title").focus();
    else if (matchMedia("(max-width:760px)").matches) $("card").scrollIntoView({ block: "start" });
    dm.writeHash(app);
  }
})(densitymap);
