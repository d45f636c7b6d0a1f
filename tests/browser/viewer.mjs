// Drives the web viewer in headless Chromium: live value, latency, flood run, grid case.
import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { browser, check, json, pack, percentile, post, publish, serve, shots, sleep, until } from './lib.mjs';

const MESSAGES = 1000;

/** Topics and first entity of the bindings of one property of one device class (the class stands in the topic). */
function binding(deviceClass, property) {
  const [head, ...rows] = readFileSync(join(pack, 'bindings.csv'), 'utf8').trim().split(/\r?\n/).map((l) => l.split(','));
  const column = (name) => head.indexOf(name);
  const of = rows.filter((r) => r[column('property')] === property && r[column('topic')].includes(`/${deviceClass}/`));
  const all = of.map((r) => r[column('topic')]);
  return { topic: all[0], all, entity: Number(of[0][column('entity_id')]) };
}

/** Waits until the viewer has drawn three more frames. */
async function nextFrames(page) {
  const frame = () => hook(page, 'window.sandtable.status().frame');
  const start = await frame();
  await until('three frames', 120000, async () => (await frame()) >= start + 3, 50);
}

/** A picture at full size; the viewer gets time to draw it. */
async function screenshot(page, name) {
  await page.setViewportSize(LARGE);
  await sleep(3000);
  await until('the picture is complete', 400000, () => hook(page, 'window.sandtable.status().ready'), 500);
  await sleep(3000);
  await page.screenshot({ path: join(shots, name) });
  await page.setViewportSize(SMALL);
}

const hook = (page, expression) => page.evaluate(expression);

async function liveValue(server, page) {
  const { topic, entity } = binding('river_level', 'water_level_m');
  for (const [version, value] of [['mqttv311', 17.11], ['mqttv5', 17.52]]) {
    publish(server.mqtt, topic, JSON.stringify({ ts: Date.now(), m: { water_level_m: value } }), version);
    const { state: [state] } = await json(`${server.url}/api/state?entity=${entity}&property=water_level_m`);
    check(Math.abs(state.value - value) < 1e-9, `${version}: REST shows ${value} m after the acknowledgement`);
    await until(`browser shows ${value}`, 120000, () => hook(page, `window.sandtable.status().lastObservation?.value === ${value}`));
    check(true, `${version}: the browser viewer shows ${value} m`);
  }
}

async function latency(server, page) {
  const { topic, entity } = binding('river_level', 'water_level_m');
  // The status is that of the last frame drawn; asking every 4 ms dates its appearance.
  await page.evaluate((id) => {
    window.arrivals = new Map();
    window.frames = [];
    window.poll = setInterval(() => {
      const { lastObservation: o, frame } = window.sandtable.status();
      if (window.frames.at(-1)?.[0] !== frame) window.frames.push([frame, Date.now()]);
      if (o?.entity === id && !window.arrivals.has(o.value)) window.arrivals.set(o.value, Date.now());
    }, 4);
  }, entity);
  const client = spawn('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(server.mqtt), '-V', 'mqttv5', '-q', '1', '-t', topic, '-l'], { stdio: ['pipe', 'inherit', 'inherit'] });
  const sent = [];
  for (let i = 0; i < MESSAGES; i += 1) {
    const value = 17 + i / 100000;
    sent.push([value, Date.now()]);
    client.stdin.write(`${JSON.stringify({ ts: Date.now(), seq: i, boot: 7, m: { water_level_m: value } })}\n`);
    await sleep(25);
  }
  client.stdin.end();
  await until('the last value arrives', 120000, () => hook(page, `window.arrivals.has(${sent.at(-1)[0]})`));
  const [arrivals, frames] = await page.evaluate(() => { clearInterval(window.poll); return [[...window.arrivals], window.frames]; });
  const shown = new Map(arrivals);
  // Values that a newer one replaced before the viewer's next frame are coalesced by design; each counts with the first
  // frame that showed it or a newer value.
  const times = [];
  let seen = Infinity;
  for (const [value, at] of sent.toReversed()) {
    seen = Math.min(seen, shown.get(value) ?? Infinity);
    times.push(seen - at);
  }
  times.sort((a, b) => a - b);
  const frame = (frames.at(-1)[1] - frames[0][1]) / (frames.at(-1)[0] - frames[0][0]);
  console.log(`  publish to browser over ${MESSAGES} messages: p50 ${percentile(times, 50)} ms, p99 ${percentile(times, 99)} ms, max ${times.at(-1)} ms; ${shown.size} values shown; ${frame.toFixed(0)} ms a frame (software rendering)`);
  check(times.every((t) => Number.isFinite(t)), 'every message is shown or replaced by a newer one');
}

async function floodRun(server, page) {
  const river = binding('river_level', 'water_level_m');
  const level = 21.2 + Math.round(Math.random() * 100) / 1000;
  for (const topic of river.all) publish(server.mqtt, topic, JSON.stringify({ ts: Date.now(), m: { water_level_m: level } }));
  for (const topic of binding('rain_gauge', 'rain_mmph').all) publish(server.mqtt, topic, JSON.stringify({ ts: Date.now(), m: { rain_mmph: 36 } }));
  const scenario = {
    name: '浏览器试算', base: 'live', duration_s: 600, frame_interval_s: 20, cell_m: 4, seed: 1,
    forcing: { rain: { source: 'live', factor: 1 }, river: { source: 'live', rise_mph: 0 } }, interventions: [],
  };
  const started = Date.now();
  await page.evaluate((s) => window.sandtable.startRun(s), scenario);
  // The viewer shows a run of its own as it comes. The first frame holds the river and the ponds; the front is what
  // gets wet after it.
  const first = await until('the first frame', 120000, () => hook(page, 'window.sandtable.status().waterCells'), 20);
  await until('a wetting front on the map', 120000, () => hook(page, `window.sandtable.status().waterCells > ${first} + 50`), 20);
  check(true, `wetting front on the map ${Date.now() - started} ms after "run" (${first} cells of standing water before)`);
  const run = await until('the run ends', 400000, async () => (await json(`${server.url}/api/runs`)).runs.find((r) => r.status === 'done' || r.status === 'failed'), 300);
  check(run.status === 'done', `the run ended: ${run.status} ${run.error ?? ''}`);
  const summary = await json(`${server.url}/runs/${run.id}/run.json`);
  const used = summary.live_inputs.filter(([, value]) => Math.abs(value - level) < 1e-9).length;
  check(used === river.all.length, `the run used the gauge's value of that second: ${level} m (${used} gauges)`);
  check(Math.abs(summary.mass_error) < 1e-6, `mass balance error ${summary.mass_error.toExponential(1)} of inflow`);
  check(summary.flooded_area_m2 > 0, `${summary.flooded_area_m2.toFixed(0)} m2 wetted, ${summary.affected.length} things affected`);
  await screenshot(page, 'web-flood.png');
}

/** Waits for the only run that is not in `known` to end; returns its summary. */
async function finished(server, known) {
  const run = await until('the run ends', 400000, async () => (await json(`${server.url}/api/runs`)).runs.find((r) => !known.has(r.id) && (r.status === 'done' || r.status === 'failed')), 300);
  known.add(run.id);
  check(run.status === 'done', `run ${run.id} ended: ${run.status} ${run.error ?? ''}`);
  return { id: run.id, summary: await json(`${server.url}/runs/${run.id}/run.json`) };
}

/** Draws a barrier on the map with the mouse, runs without and with it, shows the difference. */
async function editor(server, page) {
  const known = new Set((await json(`${server.url}/api/runs`)).runs.map((r) => r.id));
  const command = (view) => page.evaluate((v) => window.sandtable.send({ op: 'command', command: { view: v } }), view);
  // From above, north up: the gap in the embankment where the river enters, seen from straight above.
  const gap = await gateOfTheEmbankment(server);
  await page.evaluate(() => window.sandtable.showNow());
  await page.setViewportSize(LARGE);
  await page.evaluate(([x, y]) => window.sandtable.flyToPose([x, y - 30, 260], [x, y, 18]), gap);
  await nextFrames(page);
  await until('the picture is complete', 400000, () => hook(page, 'window.sandtable.status().ready'), 500);
  await sleep(3000);
  await command({ set_tool: 'draw' });
  await sleep(1000);
  // Between the panels, and slowly: a software renderer draws a frame in seconds, and each step needs its own.
  for (const [x, y] of [[470, 352], [825, 366]]) {
    await page.mouse.move(x, y);
    await nextFrames(page);
    await page.mouse.down();
    await nextFrames(page);
    await page.mouse.up();
    await nextFrames(page);
  }
  await page.screenshot({ path: join(shots, 'web-editor.png') });
  await command({ finish_work: { kind: 'barrier', height_m: 6 } });
  const [barrier] = await until('the barrier is placed', 120000, () => hook(page, 'window.sandtable.status().works?.length && window.sandtable.status().works'));
  await page.setViewportSize(SMALL);
  const [a, b] = [barrier.line_enu[0], barrier.line_enu.at(-1)];
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  check(barrier.line_enu.length === 2 && length > 40, `two clicks place a barrier ${length.toFixed(0)} m long, ${barrier.height_m} m high`);
  const scenario = (name, interventions) => ({
    // Fine enough that a run takes seconds of the server: one of them is changed while it goes on.
    name, base: 'none', duration_s: 420, frame_interval_s: 60, cell_m: 2, seed: 1,
    forcing: { rain: { source: 'none' }, river: { source: 'constant', level_m: 20.2 } }, interventions,
  });
  await page.evaluate((s) => window.sandtable.startRun(s), scenario('无挡水墙', []));
  const open = await finished(server, known);
  await page.evaluate((s) => window.sandtable.startRun(s), scenario('有挡水墙', [barrier]));
  const walled = await finished(server, known);
  check(open.summary.flooded_area_m2 > 2000 && walled.summary.flooded_area_m2 < 0.8 * open.summary.flooded_area_m2,
    `wetted area ${open.summary.flooded_area_m2.toFixed(0)} m2 without, ${walled.summary.flooded_area_m2.toFixed(0)} m2 with the barrier`);
  await whileItRuns(server, page, known, scenario('中途筑墙', []), barrier, [open, walled]);
  const depth = (run, id) => run.summary.affected.find(([entity]) => entity === id)?.[1] ?? 0;
  const spared = open.summary.affected.filter(([id, d]) => d > 0.3 && depth(walled, id) < 0.5 * d).length;
  check(spared > 0, `${spared} things behind the barrier are at less than half the depth`);
  await page.evaluate(([x, y]) => window.sandtable.compareRuns(x, y), [open.id, walled.id]);
  await page.evaluate(() => window.sandtable.setLayer('depth_difference', true));
  const compared = await until('the difference is there', 120000, () => hook(page, 'window.sandtable.status().compared'));
  check(compared.drierM2 > 2000 && compared.drierM2 > 10 * compared.wetterM2,
    `the difference shown: ${compared.drierM2.toFixed(0)} m2 drier, ${compared.wetterM2.toFixed(0)} m2 wetter`);
  await page.evaluate(([x, y]) => window.sandtable.flyToPose([x - 60, y - 260, 240], [x, y + 60, 18]), gap);
  await screenshot(page, 'web-difference.png');
}

/** Builds the barrier in a run that goes on: it ends between the run without and the run with it from the start. */
async function whileItRuns(server, page, known, scenario, barrier, bounds) {
  // A slow page may send the barrier after the run has ended; then the same is tried with a run that takes longer.
  for (const cell_m of [scenario.cell_m, scenario.cell_m / 2]) {
    const edited = await builtWhileItRuns(server, page, known, { ...scenario, cell_m, frame_interval_s: 5 }, barrier);
    const [edit] = edited.summary.scenario.edits ?? [];
    if (!edit) continue;
    check(edit.at_s > 0 && edit.interventions.length === 1, `the barrier went into the run of ${cell_m} m cells at ${edit.at_s} s`);
    const area = edited.summary.flooded_area_m2;
    const [open, walled] = bounds.map((run) => run.summary.flooded_area_m2);
    check(area < open && area >= 0.95 * walled, `and it ends with ${area.toFixed(0)} m2 wetted; volume error ${edited.summary.mass_error.toExponential(1)}`);
    return;
  }
  check(false, 'the barrier went into a run');
}

async function builtWhileItRuns(server, page, known, scenario, barrier) {
  await page.evaluate((s) => window.sandtable.startRun(s), scenario);
  const run = await until('the run goes on', 60000, async () => (await json(`${server.url}/api/runs`)).runs.find((r) => !known.has(r.id) && r.status !== 'queued' && r.frames > 1), 20);
  await page.evaluate((c) => window.sandtable.send({ op: 'command', command: { twin: c } }), { edit_run: { run: run.id, interventions: [barrier] } });
  return finished(server, known);
}

/** The page computes a scenario by itself, in a worker: what it finds is what the server finds. */
async function runOfThePage(server, page) {
  const known = new Set((await json(`${server.url}/api/runs`)).runs.map((r) => r.id));
  const scenario = {
    name: '本机与服务器', base: 'none', duration_s: 300, frame_interval_s: 60, cell_m: 4, seed: 1, sewers: 'none',
    forcing: { rain: { source: 'constant', rain_mmph: 60 }, river: { source: 'constant', level_m: 20.2 } }, interventions: [],
  };
  await page.evaluate((s) => window.sandtable.startRun(s), scenario);
  const onServer = await finished(server, known);
  await page.evaluate((s) => window.sandtable.runHere(s), scenario);
  const local = (status) => hook(page, `window.sandtable.status().runs.find((r) => r.id >= 2 ** 52 && ${status})`);
  const run = await until('the page has computed', 300000, () => local("(r.status === 'done' || r.status === 'failed')"), 100);
  check(run.status === 'done' && run.frames === 6, `the page computed ${run.frames} frames: ${run.status} ${run.error ?? ''}`);
  check(!(await json(`${server.url}/api/runs`)).runs.some((r) => r.id === run.id), 'the server knows nothing of it');
  await page.evaluate(([x, y]) => window.sandtable.compareRuns(x, y), [onServer.id, run.id]);
  const compared = await until('both can be compared', 120000, () => hook(page, `(({ compared }) => compared?.second === ${run.id} && compared)(window.sandtable.status())`));
  check(compared.maxDropM === 0 && compared.maxRiseM === 0, `page and server agree to the last digit: ${compared.maxDropM}, ${compared.maxRiseM} m`);
  await screenshot(page, 'web-here.png');
  await page.evaluate(() => window.sandtable.setLayer('depth_difference', false));
}

/** ENU place of the embankment's lowest stretch (class 闸口). */
async function gateOfTheEmbankment(server) {
  const { entities } = await json(`${server.url}/api/entities?kind=embankment&limit=50`);
  const gate = entities.find((e) => JSON.stringify(e).includes('闸口'));
  return gate.p_enu;
}

async function gridCase(server, page) {
  const created = await post(`${server.url}/api/cases`, { class: '设施', title: '井盖破损(测试)', p_enu: [20, 30, 0] });
  await until('the case is on the map', 120000, () => hook(page, `(({ cases, layers }) => layers.includes('cases') && cases.some((c) => c.id === ${created.id} && c.open))(window.sandtable.status())`));
  await page.evaluate(() => window.sandtable.flyToPose([20, -90, 90], [20, 30, 20]));
  await screenshot(page, 'web-case.png');
  await page.evaluate(() => window.sandtable.home());
  check(true, `case ${created.id} created over REST appears on the map`);
  await page.evaluate((id) => window.sandtable.moveCase(id, 'close', '现场已修复'), created.id);
  const closed = await until('the case is closed', 120000, async () => {
    const c = await json(`${server.url}/api/cases/${created.id}`);
    return c.stage === 'closed' && c;
  });
  check(closed.events.at(-1).note === '现场已修复', 'and is closed from the map');
}

/** A smoke alarm over MQTT becomes a forecast on the screen; a blocked stair is compared with it. */
async function evacuationForecast(server, page) {
  const { all } = binding('smoke', 'smoke_alarm');
  await page.evaluate(() => window.sandtable.showNow());
  await nextFrames(page);
  const started = Date.now();
  publish(server.mqtt, all[9], JSON.stringify({ ts: Date.now(), m: { smoke_alarm: 1, smoke_dbpm: 2.5 } }));
  const shown = await until('the forecast is on the screen', 120000, () => hook(page, 'window.sandtable.status().evacuations[0]'), 20);
  check(shown.room.includes('U1'), `forecast of ${shown.members} members on the screen ${Date.now() - started} ms after the alarm; likely fire ${shown.room}`);
  const { run } = shown;
  await page.evaluate((id) => window.sandtable.send({ op: 'showRun', run: id, t_s: 300 }), run);
  await until('people are drawn', 120000, () => hook(page, 'window.sandtable.status().peopleShown > 100'));
  await screenshot(page, 'web-evacuation.png');
  const { scenario } = await json(`${server.url}/api/runs/${run}`);
  const blocked = { ...scenario, name: '封堵 2 单元楼梯', interventions: [{ action: 'block_stair', stair: '2单元楼梯', at_s: 200 }] };
  const other = await post(`${server.url}/api/runs`, blocked);
  const end = await until('the what-if ends', 400000, async () => {
    const r = await json(`${server.url}/api/runs/${other.id}`);
    return (r.status === 'done' || r.status === 'failed') && r;
  });
  check(end.status === 'done', `the what-if ended: ${end.status} ${end.error ?? ''}`);
  await page.evaluate(([a, b]) => window.sandtable.send({ op: 'compareRuns', first: a, second: b }), [run, other.id]);
  const pair = await until('both results are compared', 120000, () => hook(page, `window.sandtable.status().evacuations.length > 1 && window.sandtable.status().evacuations`));
  const left = (id) => pair.find((e) => e.run === id).left;
  check(left(other.id) < left(run), `with a stair blocked ${left(other.id)} instead of ${left(run)} people leave`);
  await screenshot(page, 'web-evacuation-compared.png');
  await page.evaluate(() => window.sandtable.showNow());
}

const server = await serve();
// Small while measuring: a software renderer draws every pixel on the CPU that the server runs on.
const SMALL = { width: 640, height: 360 };
const LARGE = { width: 1280, height: 720 };
const { instance, page, errors } = await browser(SMALL);
try {
  await page.goto(`${server.url}/`);
  await until('the viewer is ready', 400000, () => hook(page, 'Boolean(window.sandtable?.status?.().ready)'), 500);
  const state = await hook(page, 'window.sandtable.status()');
  check(state.tilesLoaded > 0 && state.tilesFailed === 0 && state.entities > 1000, `ready with ${state.tilesLoaded} tiles and ${state.entities} entities`);
  await screenshot(page, 'web-day.png');
  await liveValue(server, page);
  await gridCase(server, page);
  await latency(server, page);
  await floodRun(server, page);
  await editor(server, page);
  await runOfThePage(server, page);
  await evacuationForecast(server, page);
  check(errors.length === 0, `no error in the browser console ${errors.slice(0, 3).join('; ')}`);
} finally {
  await instance.close();
  await server.stop();
}
