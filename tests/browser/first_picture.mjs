// Time from navigation to the first picture with tiles of the web viewer (software rendering, loopback).
import { browser, check, serve, until } from './lib.mjs';

const server = await serve();
const { instance, page } = await browser();
try {
  const start = Date.now();
  await page.goto(`${server.url}/`);
  await until('the viewer is ready', 400000, () => page.evaluate('window.sandtable?.status?.().tilesDrawn > 0'), 50);
  check(true, `first picture with tiles ${((Date.now() - start) / 1000).toFixed(1)} s after navigation`);
  await until('everything has arrived', 400000, () => page.evaluate('window.sandtable.status().ready'), 50);
  check(true, `complete picture ${((Date.now() - start) / 1000).toFixed(1)} s after navigation`);
} finally {
  await instance.close();
  await server.stop();
}
