// Runs floods in a worker, without a server. Start it as a module: new Worker("sim_worker.js", { type: "module" }).
//
// Takes   { type: "start", pack: { manifest, entities, deviceTypes, terrain, landcover }, scenario, live, preview }
//         { type: "edit", interventions }  builds them from now on
//         { type: "edit", scenario }       rain and levels of another scenario from now on
//         { type: "cancel" }
// Files are Uint8Array or ArrayBuffer (deviceTypes and landcover may be left out), scenario and live are objects.
// Gives   { type: "ready", grid, bed, frames }         bed.q; how many frames will come
//         { type: "frame", frame, t_s, bytes }         as frame_00000.q of a run folder
//         { type: "progress", t_s, fraction, steps, busyMs }
//         { type: "edited", t_s }
//         { type: "done", progress, maxDepth, busyMs } max_depth.q
//         { type: "cancelled", t_s }
//         { type: "error", message, refused }          refused: an edit was, the run goes on
// Buffers are transferred, not copied. A slice of steps takes about SLICE_MS, then messages are looked at.

import init, { FloodSession } from "./sandtable_sim.js";

const SLICE_MS = 50;
const PROGRESS_MS = 200;

const program = init();
const turn = new MessageChannel();
let run = null;

function give(message, buffers = []) {
  self.postMessage(message, buffers);
}

function fail(error) {
  stop();
  give({ type: "error", message: error instanceof Error ? error.message : String(error) });
}

function stop() {
  run?.session.free();
  run = null;
}

const bytes = (file) => (file instanceof Uint8Array ? file : new Uint8Array(file ?? 0));

function start({ pack, scenario, live, preview }) {
  stop();
  const session = new FloodSession(
    bytes(pack.manifest),
    bytes(pack.entities),
    bytes(pack.deviceTypes),
    bytes(pack.terrain),
    bytes(pack.landcover),
    JSON.stringify(scenario),
    live ? JSON.stringify(live) : "",
    Boolean(preview),
  );
  run = { session, duration: scenario.duration_s, frame: 0, steps: 0, slice: 1, busyMs: 0, told: 0 };
  const bed = session.bed();
  const frames = Math.ceil(scenario.duration_s / scenario.frame_interval_s) + 1;
  give({ type: "ready", grid: JSON.parse(session.grid()), bed: bed.buffer, frames }, [bed.buffer]);
  turn.port2.postMessage(0);
}

// Some steps, then what they came to; the next slice is a message to oneself, so that others get their turn.
function slice() {
  if (!run) return;
  const { session } = run;
  const began = performance.now();
  const reached = session.advance(run.slice);
  const took = performance.now() - began;
  run.busyMs += took;
  if (!reached) {
    run.steps += run.slice;
    // Towards SLICE_MS, at most doubling.
    const fits = (run.slice * SLICE_MS) / Math.max(took, 0.1);
    run.slice = Math.max(1, Math.min(2 * run.slice, Math.round(fits)));
  }
  const t_s = session.seconds();
  if (reached) {
    const frame = session.frame();
    give({ type: "frame", frame: run.frame, t_s, bytes: frame.buffer }, [frame.buffer]);
    run.frame += 1;
  }
  if (session.done()) {
    const maxDepth = session.max_depth();
    const progress = JSON.parse(session.progress());
    give({ type: "done", progress, maxDepth: maxDepth.buffer, busyMs: run.busyMs }, [maxDepth.buffer]);
    stop();
    return;
  }
  if (began - run.told > PROGRESS_MS) {
    run.told = began;
    give({ type: "progress", t_s, fraction: t_s / run.duration, steps: run.steps, busyMs: run.busyMs });
  }
  turn.port2.postMessage(0);
}

function edit({ interventions, scenario }) {
  if (!run) throw new Error("nothing is running");
  if (interventions) run.session.build(JSON.stringify(interventions));
  if (scenario) run.session.force(JSON.stringify(scenario));
  give({ type: "edited", t_s: run.session.seconds() });
}

function cancel() {
  if (!run) return;
  const t_s = run.session.seconds();
  stop();
  give({ type: "cancelled", t_s });
}

turn.port1.onmessage = () => {
  try {
    slice();
  } catch (error) {
    fail(error);
  }
};

self.onmessage = async ({ data }) => {
  try {
    await program;
    if (data.type === "start") start(data);
    else if (data.type === "edit") edit(data);
    else if (data.type === "cancel") cancel();
    else throw new Error(`unknown message ${JSON.stringify(data.type)}`);
  } catch (error) {
    // A refused edit leaves the run as it was.
    if (data.type === "edit" && run) give({ type: "error", message: error.message, refused: true });
    else fail(error);
  }
};
