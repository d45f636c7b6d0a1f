// Time from navigation to the first picture with tiles of the web viewer (software rendering, loopback).
import { browser, check, serve, until } from './lib.mjs';

const server = await serve();
const { instance, page } = await browser();
try {
  const start = Date.now();
  await page.goto(`${server.url}/`);
  await until('the viewer is ready', 180000, () => page.evaluate('Boolean(window.sandtable?.state().ready && window.sandtable.state().tilesLoaded > 0)'), 50);
  check(true, `first picture ${((Date.now() - start) / 1000).toFixed(1)} s after navigation`);
} finally {
  await instance.close();
  await server.stop();
}
