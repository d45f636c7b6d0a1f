// The flood kernel in a worker: same bits as the command line, live edits, cancel, speed.
import { createServer } from 'node:http';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { browser, check } from './lib.mjs';

const { SANDTABLE_TARGET, SANDTABLE_ROOT, SANDTABLE_E2E } = process.env;
const web = process.env.SANDTABLE_WEB ?? join(SANDTABLE_ROOT, 'target', 'web');
const tiny = join(SANDTABLE_E2E, 'tiny');
execFileSync(join(SANDTABLE_TARGET, 'release', 'examples', 'tiny_case'), [tiny], { stdio: 'inherit' });
const expected = JSON.parse(readFileSync(join(tiny, 'expected.json'), 'utf8'));

const kinds = { js: 'text/javascript', wasm: 'application/wasm', json: 'application/json', html: 'text/html' };
const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, 'http://x').pathname);
  if (path === '/') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>sim</title>');
  if (path === '/favicon.ico') return response.writeHead(204).end();
  const [folder, name] = path.startsWith('/tiny/') ? [tiny, path.slice(5)] : [web, path];
  try {
    const body = readFileSync(join(folder, name));
    response.setHeader('content-type', kinds[name.split('.').pop()] ?? 'application/octet-stream').end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}`;

const { instance, page, errors } = await browser();
try {
  await page.goto(url);
  // Runs a scenario in a worker; `script` says what to send after which frame. Gives what came back.
  const run = (scenario, preview, script = {}) =>
    page.evaluate(async ([name, preview, script]) => {
      const file = async (f) => new Uint8Array(await (await fetch(`/tiny/${f}`)).arrayBuffer());
      const scenario = await (await fetch(`/tiny/${name}.json`)).json();
      const pack = { manifest: await file('community.json'), entities: await file('entities.fgb'), terrain: await file('terrain.tif') };
      const worker = new Worker('/sim_worker.js', { type: 'module' });
      const seen = { frames: [], types: [], sizes: [] };
      return new Promise((resolve, reject) => {
        worker.onerror = (e) => reject(new Error(e.message));
        worker.onmessage = async ({ data }) => {
          seen.types.push(data.type);
          if (data.type === 'ready') Object.assign(seen, { grid: data.grid, promised: data.frames, bed: data.bed.byteLength });
          if (data.type === 'frame') {
            seen.frames.push(data.t_s);
            const digest = await crypto.subtle.digest('SHA-256', data.bytes);
            seen.sizes.push([...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join(''));
            const send = script[data.frame];
            if (send) worker.postMessage(send.scenario ? { ...send, scenario: { ...scenario, ...send.scenario } } : send);
          }
          if (['done', 'error', 'cancelled'].includes(data.type)) {
            // Digests of the last frames may still be on their way.
            setTimeout(() => { worker.terminate(); resolve({ ...seen, last: data.type, message: data.message, progress: data.progress, busyMs: data.busyMs, t_s: data.t_s }); }, 100);
          }
        };
        worker.postMessage({ type: 'start', pack, scenario, preview });
      });
    }, [scenario, preview, script]);

  const flood = await run('flood', false);
  check(flood.last === 'done', `the flood is computed to its end (${flood.message ?? flood.last})`);
  check(flood.progress.checksum === expected.flood.checksum, `same bits as the command line: ${flood.progress.checksum}`);
  check(flood.progress.steps === expected.flood.steps, `same steps: ${flood.progress.steps}`);
  check(flood.frames.length === expected.flood.frames && flood.promised === expected.flood.frames, `all ${flood.frames.length} frames came`);
  const sha = (f) => execFileSync('sha256sum', [f]).toString().slice(0, 64);
  const written = flood.frames.map((_, k) => sha(join(tiny, 'run_flood', `frame_${String(k).padStart(5, '0')}.q`)));
  check(JSON.stringify(written) === JSON.stringify(flood.sizes), 'frames are byte for byte those of the run folder');
  check(flood.progress.ledger.rain_in_m3 > 0 && flood.progress.ledger.stage_in_m3 > 0, 'rain and river are booked');

  const preview = await run('flood', true);
  check(preview.progress.checksum === expected.flood.preview_checksum, `preview: same bits as native: ${preview.progress.checksum}`);

  const dry = { forcing: { rain: { source: 'none' }, river: { source: 'constant', level_m: 21.5 } } };
  const edited = await run('flood', false, { 1: { type: 'edit', scenario: dry } });
  check(edited.types.includes('edited') && edited.last === 'done', 'an edit is taken while it runs');
  check(edited.progress.ledger.rain_in_m3 < flood.progress.ledger.rain_in_m3, 'it rains less after the rain is taken away');

  const cancelled = await run('flood', false, { 1: { type: 'cancel' } });
  check(cancelled.last === 'cancelled' && cancelled.t_s < 600, `cancelled at ${cancelled.t_s.toFixed(1)} s`);
  const refused = await run('flood', false, { 0: { type: 'edit', interventions: [{ kind: 'barrier', line_enu: [[0, 0], [1, 1]], height_m: -1 }] } });
  check(refused.last === 'error' && refused.message.includes('height_m'), `a bad edit is one clear line: ${refused.message}`);

  for (const solver of [false, true]) {
    const rain = await run('rain', solver);
    const [sum, steps] = solver ? [expected.rain.preview_checksum, expected.rain.preview_steps] : [expected.rain.checksum, expected.rain.steps];
    check(rain.progress.checksum === sum && rain.progress.steps === steps, `rain, ${rain.progress.mode}: same bits as native`);
    const cells = rain.grid.nx * rain.grid.ny;
    console.log(`  ${rain.progress.mode}: ${(cells * rain.progress.steps / rain.busyMs / 1000).toFixed(1)} M cell-steps/s (${cells} cells, ${steps} steps, ${rain.busyMs.toFixed(0)} ms in the worker)`);
  }
  check(errors.length === 0, `no errors on the page ${errors.join('; ')}`);
} finally {
  await instance.close();
  server.close();
}
