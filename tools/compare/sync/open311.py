"""Lets two third-party Open311 clients use a running server, and prints what they see beside what our own API says.

georeport 0.3.1 (PyPI, 2025) reads services, definitions and requests as JSON and XML; it cannot report.
three 0.8.0 (PyPI, Code for America) reports and looks tokens up. It was written for Python 2: it is used as it is, but
itertools.ifilter, which Python 3 no longer has, is given to it, and only its JSON side works.

Started by `open311`; ends with 1 when anything differs.
"""

import argparse
import itertools
import json
import sys
import time
import urllib.request

itertools.ifilter = filter

import georeport  # noqa: E402
import three  # noqa: E402

differences = []


def show(what, ours, theirs):
    agree = ours == theirs
    if not agree:
        differences.append(what)
    print(f"  {what:<58} ours {ours!s:>24}   theirs {theirs!s:>24}   {'same' if agree else 'DIFFERENT'}")


def call(base, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(base + path, data=data)) as answer:
        return json.loads(answer.read())


def wait_for(base):
    for _ in range(600):
        try:
            return call(base, "/health")
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not answer")


def reports(base, endpoint):
    """three reports five matters near the community's origin; each is a case of ours afterwards."""
    client = three.Three(endpoint, api_key="none")
    origin = call(base, "/api/community")["manifest"]["origin"]
    services = client.services()
    print("three 0.8.0 (reports, JSON)")
    show("services", len(call(base, "/api/cases/tables")["tables"][0]["classes"]), len(services))
    ids = []
    for i, service in enumerate(services[:5]):
        answer = client.post(
            service["service_code"],
            lat=origin["lat_deg"] + 0.0001 * i,
            long=origin["lon_deg"],
            description=f"第 {i} 件 <b>&\"",
            name="Somebody Else",
            phone="555-5555",
        )
        ids.append(answer[0]["service_request_id"])
        case = call(base, f"/api/cases/{ids[-1]}")
        show(f"report {ids[-1]}: class", case["class"], service["service_code"])
    show("reporter's telephone kept anywhere", False, "555-5555" in json.dumps(call(base, "/api/cases")))
    show("token of a report", ids[0], client.token(ids[0])[0]["service_request_id"])
    show("one request", ids[1], client.request(ids[1])[0]["service_request_id"])
    refused = client.post("no such code", lat=0, long=0)
    show("an unknown service is refused", 404, refused[0]["code"])
    return ids


def moves(base, ids):
    """One is dispatched, one not accepted, one marked a duplicate of the first."""
    for case, action in [
        (ids[0], "register"),
        (ids[0], {"dispatch": {"department": 1}}),
        (ids[1], "reject"),
        (ids[2], {"mark_duplicate": {"of": int(ids[0])}}),
    ]:
        call(base, f"/api/cases/{case}/move", {"action": action, "note": ""})


def reads(base, endpoint, output_format):
    client = georeport.GeoReport(endpoint, output_format=output_format)
    print(f"georeport 0.3.1 (reads {output_format})")
    listed = call(base, "/api/cases")["cases"]
    tables = call(base, "/api/cases/tables")["tables"][0]["classes"]
    services = client.get_service_list()
    show("services", sorted(c["code"] for c in tables), sorted(s["service_code"] for s in services))
    definition = client.get_service_definition(tables[0]["code"])
    inner = definition.get("service_definition", definition)
    show("definition of the first", tables[0]["code"], inner["service_code"])
    found = client.get_service_requests()
    show("requests", sorted(str(c["id"]) for c in listed), sorted(r["service_request_id"] for r in found))
    for case in listed:
        [theirs] = [r for r in found if r["service_request_id"] == str(case["id"])]
        is_open = case["stage"] not in ("closed", "evaluated", "cancelled")
        show(f"request {case['id']}: status", "open" if is_open else "closed", theirs["status"])
        show(f"request {case['id']}: title", case["title"], theirs["description"])
        due = case.get("clock", {}).get("due_at")
        show(f"request {case['id']}: has a deadline", due is not None, bool(theirs["expected_datetime"]))
    still_open = client.get_service_requests(status="open")
    show("open ones", sum(c["stage"] in ("reported", "dispatched") for c in listed), len(still_open))
    one = client.get_service_request(str(listed[0]["id"]))
    one = one[0] if isinstance(one, list) else one
    one = one.get("service_requests", {}).get("request", one) if isinstance(one, dict) else one
    show("one request", str(listed[0]["id"]), one["service_request_id"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", required=True)
    base = "http://" + parser.parse_args().http
    wait_for(base)
    endpoint = base + "/open311/v2"
    ids = reports(base, endpoint)
    moves(base, ids)
    for output_format in ("json", "xml"):
        reads(base, endpoint, output_format)
    print(f"{len(differences)} differences" + "".join(f"\n  {d}" for d in differences))
    sys.exit(1 if differences else 0)


main()
