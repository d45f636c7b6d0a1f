// Opens every tileset of the pack in CesiumJS (npm `cesium`) and demands that it loads without an error.
import { readFileSync } from 'node:fs';
import { join, extname } from 'node:path';
import { browser, check, npmFolder, pack, serve, shots } from './lib.mjs';

const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.wasm': 'application/wasm', '.jpg': 'image/jpeg', '.png': 'image/png', '.xml': 'text/xml' };
const PAGE = `<!doctype html><meta charset="utf-8"><script>window.CESIUM_BASE_URL='/cesium/'</script>
<script src="/cesium/Cesium.js"></script><div id="c" style="position:absolute;inset:0"></div>`;

async function openTileset(page, url) {
  return page.evaluate(async (tilesetUrl) => {
    const { Viewer, Cesium3DTileset, HeadingPitchRange, Math: M } = window.Cesium;
    window.viewer?.destroy();
    const viewer = new Viewer('c', {
      baseLayer: false, baseLayerPicker: false, geocoder: false, animation: false, timeline: false, homeButton: false,
      sceneModePicker: false, navigationHelpButton: false, fullscreenButton: false, infoBox: false, selectionIndicator: false,
    });
    window.viewer = viewer;
    viewer.scene.globe.show = false;
    const failures = [];
    let loaded = 0;
    const tileset = await Cesium3DTileset.fromUrl(tilesetUrl, { maximumScreenSpaceError: 8 });
    tileset.tileFailed.addEventListener((e) => failures.push(`${e.url}: ${e.message}`));
    tileset.tileLoad.addEventListener(() => { loaded += 1; });
    viewer.scene.renderError.addEventListener((_, e) => failures.push(`render: ${e}`));
    viewer.scene.primitives.add(tileset);
    const { radius } = tileset.boundingSphere;
    viewer.zoomTo(tileset, new HeadingPitchRange(M.toRadians(-20), M.toRadians(-35), radius * 0.9));
    const end = Date.now() + 60000;
    while (Date.now() < end && !(tileset.tilesLoaded && loaded > 0)) await new Promise((r) => setTimeout(r, 200));
    const s = tileset.statistics ?? {};
    return { loaded, failures, settled: tileset.tilesLoaded, triangles: s.numberOfTrianglesSelected, radius };
  }, url);
}

const server = await serve();
const { instance, page, errors } = await browser();
try {
  await page.route('**/cesium/**', (route) => {
    const path = new URL(route.request().url()).pathname.replace('/cesium/', '');
    const file = join(npmFolder, 'cesium', 'Build', 'Cesium', path);
    route.fulfill({ body: readFileSync(file), contentType: TYPES[extname(file)] ?? 'application/octet-stream' });
  });
  await page.route('**/cesium.html', (route) => route.fulfill({ body: PAGE, contentType: 'text/html' }));
  await page.goto(`${server.url}/cesium.html`);
  const manifest = JSON.parse(readFileSync(join(pack, 'community.json'), 'utf8'));
  check(manifest.layers.length >= 4, `the pack has ${manifest.layers.length} tilesets`);
  for (const layer of manifest.layers) {
    const result = await openTileset(page, `${server.url}/pack/${layer.tileset}`);
    await page.screenshot({ path: join(shots, `cesium-${layer.id.replaceAll('/', '-')}.png`) });
    check(result.failures.length === 0, `${layer.tileset}: no failed tile ${result.failures.slice(0, 3).join('; ')}`);
    check(result.settled && result.loaded > 0 && result.radius < 3000,
      `${layer.tileset}: ${result.loaded} tiles loaded in CesiumJS, ${result.triangles} triangles, radius ${result.radius.toFixed(0)} m`);
  }
  check(errors.length === 0, `no error in the browser console ${errors.slice(0, 3).join('; ')}`);
} finally {
  await instance.close();
  await server.stop();
}
