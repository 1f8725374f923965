/* Homes as circles over areas: a sum per block group, so that fill and symbol can be read together. */
(function (dm) {
  "use strict";
  const { el } = dm;
  const GROUP = "block_group_geoid_2020";

  /* Sums of the homes a reform would add on the lots that pass, by group; unknown lots are counted apart. */
  dm.groups = function (app, policy) {
    const lots = app.sets.lots, by = new Map(), out = { unknown: 0, total: 0, circles: [] };
    for (let i = 0; i < lots.n; i++) {
      if (app.hidden[i]) continue;
      const group = dm.value(lots, GROUP, i), added = dm.value(lots, "units_added__" + policy, i);
      if (group == null || added == null || !Number.isFinite(added)) { out.unknown++; continue; }
      const g = by.get(group) ?? by.set(group, { group, n: 0, homes: 0, x: 0, y: 0 }).get(group);
      g.n++; g.homes += Math.max(0, added);
      g.x += (lots.box[4 * i] + lots.box[4 * i + 2]) / 2; g.y += (lots.box[4 * i + 1] + lots.box[4 * i + 3]) / 2;
    }
    for (const g of by.values()) {
      out.total += g.homes;
      if (g.homes) out.circles.push({ ...g, x: g.x / g.n, y: g.y / g.n });
    }
    out.circles.sort((a, b) => b.homes - a.homes);
    out.groups = by.size;
    return out;
  };

  const radius = (homes, most) => 5 + 21 * Math.sqrt(homes / most);

  dm.painters.circles = function (ctx, job, t) {
    for (const c of job.circles) {
      const x = c.x * t.s - t.x, y = c.y * t.s - t.y, r = radius(c.homes, job.most) * t.u;
      if (x + r < -2 || x - r > 514 || y + r < -2 || y - r > 514) continue;
      ctx.beginPath(); ctx.arc(x, y, r, 0, 2 * Math.PI);
      ctx.fillStyle = job.fill; ctx.globalAlpha = 0.82; ctx.fill(); ctx.globalAlpha = 1;
      ctx.strokeStyle = "#fff"; ctx.lineWidth = 2 * t.u; ctx.stroke();
      if (r / t.u > 11) {
        ctx.font = `600 ${12 * t.u}px system-ui, sans-serif`; ctx.textAlign = "center"; ctx.textBaseline = "middle";
        ctx.fillStyle = "#fff"; ctx.fillText(String(c.homes), x, y);
      }
    }
  };

  const policyOf = (app) => (app.state.lots.startsWith("symbols:") ? app.state.lots.slice(8) : null);

  dm.symbolJobs = function (app) {
    const policy = policyOf(app);
    if (!policy) return [];
    const { circles } = dm.groups(app, policy);
    return circles.length ? [{ paint: "circles", circles, most: circles[0].homes, fill: app.M.marks.symbol }] : [];
  };

  dm.symbolLegend = function (app, box) {
    const policy = policyOf(app);
    if (!policy) return;
    const { say } = app, found = dm.groups(app, policy), most = found.circles[0]?.homes;
    el("h3", say("symbols.title", { policy: app.M.policies.find((p) => p.name === policy).title }), box);
    const list = el("ul", null, box);
    for (const homes of most ? [...new Set([most, Math.ceil(most / 4), Math.ceil(most / 20)])] : []) {
      const item = el("li", null, list), mark = el("span", null, item, "circle"), r = radius(homes, most);
      mark.style.width = mark.style.height = `${2 * r}px`;
      mark.style.background = app.M.marks.symbol;
      el("span", say("symbols.legend", { count: app.number(homes) }), item);
    }
    el("p", say("symbols.total", { count: app.number(found.total), groups: app.number(found.groups), unknown: app.number(found.unknown) }), box, "total");
  };
})(densitymap);
