// An ArcGIS Server for tests: Koop's FeatureServer on the publishers' own paths, with ArcGIS's habits that Koop
// lacks (a page never exceeds maxRecordCount; unknown fields are an error) and faults on demand.
// Usage: node server.js CONFIG.json; prints its port. CONFIG: {max, services: {path: [{id, name, file}]}, fault: {…}}
const fs = require("fs");
const express = require("express");
const FeatureServer = require("@koopjs/featureserver");

const config = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const fault = config.fault || {};
const app = express();
app.use(express.urlencoded({ extended: true, limit: "10mb" }));
let bad = 0;

const TRUE = (value) => String(value) === "true";
const COUNTS = ["returnCountOnly", "returnIdsOnly", "returnExtentOnly"];
const asked = (req) => ({ ...req.query, ...(req.body || {}) });
const isPage = (q) => !COUNTS.some((name) => TRUE(q[name])) && !q.outStatistics;

function spoilt(req, res) {
  // The page that begins at or after `from` is bad, `times` times (always, when not given).
  const q = asked(req);
  const late = q.objectIds || Number(q.resultOffset || 0) >= (fault.from || 0);
  if (!fault.mode || !isPage(q) || !late || (fault.times !== undefined && bad >= fault.times)) return false;
  bad += 1;
  switch (fault.mode) {
    case "error": res.json({ error: { code: 500, message: "Error performing query operation", details: [] } }); return true;
    case "http": res.set(fault.headers || {}).status(fault.status).send("busy"); return true;
    case "html": res.type("html").send("<html><body>Service unavailable</body></html>"); return true;
    case "token": res.json({ error: { code: 499, message: "Token Required", details: [] } }); return true;
    case "cut": res.set({ "Content-Type": "application/json", "Content-Length": "100000" });
      res.write('{"features": ['); res.socket.destroySoon(); return true;
    case "half": res.type("json").send('{"features": [{"attributes": {"OBJECTID": 1'); return true;
    case "short": req.query.resultRecordCount = "100"; return false;
    case "holes": req.holes = true; return false;
    case "twice": req.query.resultOffset = String(Math.max(0, Number(q.resultOffset || 0) - 50)); return false;
    default: return false;
  }
}

for (const [path, layers] of Object.entries(config.services)) {
  const described = layers.map(({ id, name }) => ({ id, name }));
  app.all(path, (req, res) => res.json({ currentVersion: 11.3, layers: described, tables: [], copyrightText: config.copyright || "" }));
  for (const layer of layers) {
    const text = fs.readFileSync(layer.file, "utf8");
    const data = JSON.parse(text);
    const known = new Set(data.metadata.fields.map((field) => field.name));
    app.all(`${path}/${layer.id}`, (req, res) => FeatureServer.layerInfo(req, res, data));
    app.all(`${path}/${layer.id}/query`, (req, res) => {
      if (spoilt(req, res)) return;
      const q = asked(req);
      const fields = String(q.outFields || "*").split(",").filter((name) => name !== "*");
      if (fields.some((name) => !known.has(name))) {
        res.json({ error: { code: 400, message: "Failed to execute query.", details: [] } });
        return;
      }
      if (isPage(q)) {
        const wanted = Math.min(Number(q.resultRecordCount || config.max), config.max);
        for (const holder of [req.query, req.body || {}]) holder.resultRecordCount = String(wanted);
      }
      if (req.holes) {
        const send = res.send.bind(res);
        res.send = (body) => {
          const told = typeof body === "string" ? JSON.parse(body) : body;
          return send(JSON.stringify({ ...told, features: told.features.filter((_, row) => row % 7 !== 3) }));
        };
        res.json = (body) => res.type("json").send(JSON.stringify(body));
      }
      FeatureServer.query(req, res, { ...data });
    });
  }
}

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
