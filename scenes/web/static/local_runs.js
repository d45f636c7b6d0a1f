// Runs of the page itself: a worker (sim_worker.js) for each, fed with the pack's files. `told(run, kind, text, bytes)`
// takes what comes of them; kinds are ready, frame, done, refused and failed.

const NONE = new Uint8Array();

async function bytes(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function packFiles(server) {
  const at = (name) => bytes(`${server}/pack/${name}`);
  const manifest = await at("community.json");
  const names = JSON.parse(new TextDecoder().decode(manifest));
  if (!names.terrain) throw new Error("此数据包没有地形, 不能演算");
  const [entities, deviceTypes, terrain, landcover] = await Promise.all([
    at(names.files.entities),
    at(names.files.device_types),
    at(names.terrain.path),
    names.terrain.landcover ? at(names.terrain.landcover) : NONE,
  ]);
  return { manifest, entities, deviceTypes, terrain, landcover };
}

export function localRuns(server, told) {
  let files = null;
  const workers = new Map();

  function end(run) {
    workers.get(run)?.terminate();
    workers.delete(run);
  }

  function heard(run, data) {
    if (!workers.has(run)) return;
    if (data.type === "ready") {
      told(run, "ready", JSON.stringify(data.grid), new Uint8Array(data.bed));
    } else if (data.type === "frame") {
      told(run, "frame", "", new Uint8Array(data.bytes));
    } else if (data.type === "done") {
      told(run, "done", "", new Uint8Array(data.maxDepth));
      end(run);
    } else if (data.type === "error") {
      // A refused edit leaves the run as it was; the worker says which by going on.
      told(run, data.refused ? "refused" : "failed", data.message, NONE);
      if (!data.refused) end(run);
    }
  }

  async function start(run, scenario, live, preview) {
    try {
      files ??= packFiles(server);
      const pack = await files;
      const worker = new Worker(new URL("./sim_worker.js", import.meta.url), { type: "module" });
      workers.set(run, worker);
      worker.onmessage = ({ data }) => heard(run, data);
      worker.onerror = (event) => {
        told(run, "failed", event.message || "sim_worker.js", NONE);
        end(run);
      };
      worker.postMessage({ type: "start", pack, scenario: JSON.parse(scenario), live: JSON.parse(live), preview });
    } catch (error) {
      files = null;
      told(run, "failed", error.message, NONE);
    }
  }

  return {
    start,
    edit: (run, interventions) =>
      workers.get(run)?.postMessage({ type: "edit", interventions: JSON.parse(interventions) }),
    cancel: end,
  };
}
