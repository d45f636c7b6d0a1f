// Shared by the browser tests: a served pack, a headless Chromium, checks that fail loudly.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import net from 'node:net';
import { createRequire } from 'node:module';

const { SANDTABLE_CACHE, SANDTABLE_TARGET, SANDTABLE_ROOT, SANDTABLE_E2E } = process.env;
const npm = createRequire(join(SANDTABLE_CACHE, 'npm', 'index.js'));
const { chromium } = npm('playwright-core');

export const pack = join(SANDTABLE_E2E, 'pack');
export const npmFolder = join(SANDTABLE_CACHE, 'npm', 'node_modules');
export const shots = join(SANDTABLE_E2E, 'screenshots');
mkdirSync(shots, { recursive: true });

export function check(condition, message) {
  if (!condition) throw new Error(message);
  console.log(`  ok  ${message}`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
    server.on('error', reject);
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls `probe` until it returns something truthy; throws after `limitMs`. */
export async function until(what, limitMs, probe, everyMs = 100) {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`timed out after ${limitMs} ms: ${what}`);
    await sleep(everyMs);
  }
}

/** Starts `sandtable serve` on free loopback ports with a fresh data folder. */
export async function serve(extra = []) {
  const [http, mqtt] = [await freePort(), await freePort()];
  const data = mkdtempSync(join(tmpdir(), 'sandtable-e2e-'));
  const web = join(process.env.SANDTABLE_WEB ?? join(SANDTABLE_ROOT, 'target', 'web'));
  const args = ['serve', pack, '--listen', `127.0.0.1:${http}`, '--mqtt', `127.0.0.1:${mqtt}`, '--data', data, '--web', web, ...extra];
  const child = spawn(join(SANDTABLE_TARGET, 'release', 'sandtable'), args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const url = `http://127.0.0.1:${http}`;
  await until('server answers /health', 60000, async () => {
    if (child.exitCode !== null) throw new Error(`server ended with ${child.exitCode}`);
    return fetch(`${url}/health`).then((r) => r.ok, () => false);
  });
  // Whatever happens to this test, the server does not outlive it.
  process.on('exit', () => child.kill('SIGKILL'));
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(1));
  const stop = async () => {
    child.kill('SIGTERM');
    await until('server ends', 10000, () => child.exitCode !== null || child.signalCode !== null);
    rmSync(data, { recursive: true, force: true });
  };
  return { url, mqtt, data, stop };
}

/** One QoS 1 publish with Debian's client; returns after the acknowledgement. */
export function publish(mqtt, topic, payload, version = 'mqttv5') {
  execFileSync('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(mqtt), '-V', version, '-q', '1', '-t', topic, '-m', payload]);
}

export async function json(url, options) {
  const response = await fetch(url, options);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text);
}

export const post = (url, body) =>
  json(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

export async function browser(size = { width: 1280, height: 720 }) {
  const instance = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist', '--disable-quic',
      '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const page = await instance.newPage({ viewport: size });
  const errors = [];
  page.on('pageerror', (e) => errors.push(`page error: ${e.message}`));
  page.on('console', (m) => {
    // The viewer may ask for a file of a run just before it is written, and asks again.
    const { url } = m.location();
    const early = url.includes('/runs/') && m.text().includes('404');
    if (m.type() === 'error' && !early) errors.push(`console: ${m.text()} ${url}`);
    if (process.env.SANDTABLE_VERBOSE) console.log(`  [${m.type()}] ${m.text()}`);
  });
  return { instance, page, errors };
}

export function percentile(sorted, p) {
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)];
}
