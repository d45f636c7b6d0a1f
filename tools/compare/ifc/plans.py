"""Building plans: what IfcOpenShell says of spaces and doors against ours, file by file.

Spaces: number, and floor area by the faces at the bottom of IfcOpenShell's triangles (and by the file's own quantity,
where it has one). Doors: OverallWidth against our clear width, and the pairs of spaces that IfcRelSpaceBoundary names.

Development only; nothing here is part of a build. See README.md.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import ifcopenshell
import ifcopenshell.geom
import ifcopenshell.util.element
import ifcopenshell.util.unit
import numpy as np
import shapely

ROOT = Path(__file__).resolve().parents[3]
AREA_TOLERANCE = 0.02
AREAS = ("NetFloorArea", "GrossFloorArea", "GSA BIM Area")


def our_side(path):
    command = ["cargo", "run", "--release", "-q", "-p", "ifc_import", "--example", "plans", "--", str(path), "--json"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def ring_area(ring):
    x, y = np.array(ring).T
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def our_areas(plans):
    areas = {}
    for space in (s for p in plans for s in p["spaces"] if "entity" in s):
        area = ring_area(space["outline"]) - sum(ring_area(h) for h in space["holes"])
        areas[space["entity"]] = areas.get(space["entity"], 0.0) + area
    return areas


def bottom_area(space):
    settings = ifcopenshell.geom.settings()
    settings.set("use-world-coords", True)
    try:
        shape = ifcopenshell.geom.create_shape(settings, space)
    except RuntimeError:
        return None
    points = np.array(shape.geometry.verts).reshape(-1, 3)
    faces = np.array(shape.geometry.faces).reshape(-1, 3)
    low = points[:, 2].min()
    flat = []
    for face in points[faces]:
        normal = np.cross(face[1] - face[0], face[2] - face[0])
        length = np.linalg.norm(normal)
        if length > 1e-9 and abs(normal[2]) > 0.9 * length and face[:, 2].max() < low + 0.05:
            flat.append(shapely.Polygon(face[:, :2]))
    return shapely.union_all(flat).area


def stated_area(space, unit_m2):
    sets = ifcopenshell.util.element.get_psets(space)
    for values in sets.values():
        for name in AREAS:
            if isinstance(values.get(name), (int, float)):
                return values[name] * unit_m2
    return None


def compare_spaces(model, plans):
    ours = our_areas(plans)
    unit_m2 = ifcopenshell.util.unit.calculate_unit_scale(model, "AREAUNIT")
    spaces = {s.id(): s for s in model.by_type("IfcSpace")}
    print(f"  spaces: IfcOpenShell {len(spaces)}, ours {len(ours)}")
    bad = []
    for title, area_of in (("drawn", bottom_area), ("stated", lambda s: stated_area(s, unit_m2))):
        off = {}
        for record, space in spaces.items():
            area = area_of(space)
            if area and record in ours:
                off[record] = abs(ours[record] - area) / area
        if off:
            within = sum(v <= AREA_TOLERANCE for v in off.values())
            middle = 100 * statistics.median(off.values())
            print(f"  floor area {title}: {within} of {len(off)} within 2 %, median {middle:.2f} % off, worst {100 * max(off.values()):.2f} %")
            # A stated area follows rules of its own (wall centres, plaster, low ceilings): only the drawn one is judged.
            for record, v in off.items():
                if v > AREA_TOLERANCE and title == "drawn":
                    print(f"    {spaces[record].Name} {spaces[record].LongName}: ours {ours[record]:.2f} m2, {100 * v:.1f} % off")
            bad += [r for r, v in off.items() if v > AREA_TOLERANCE and title == "drawn"]
    return bool(bad) or len(spaces) != len(ours)


def compare_doors(model, plans):
    unit_m = ifcopenshell.util.unit.calculate_unit_scale(model)
    sides, clear = {}, {}
    for plan in plans:
        for opening in plan["openings"]:
            if opening["kind"] == "door" and "entity" in opening:
                names = {plan["spaces"][s].get("entity") for s in opening["sides"] if s is not None}
                sides[opening["entity"]] = names
                clear[opening["entity"]] = opening["clear_width_m"]
    doors = {d.id(): d for d in model.by_type("IfcDoor")}
    print(f"  doors: IfcOpenShell {len(doors)}, with two sides here {len(sides)}")
    frame = [doors[d].OverallWidth * unit_m - clear[d] for d in clear if d in doors and doors[d].OverallWidth]
    if frame:
        print(f"  OverallWidth - clear width: {min(frame):.3f} to {max(frame):.3f} m, median {statistics.median(frame):.3f}")
    stated = {}
    for relation in model.by_type("IfcRelSpaceBoundary"):
        space, element = relation.RelatingSpace, relation.RelatedBuildingElement
        if element is not None and element.is_a("IfcDoor") and space.is_a("IfcSpace"):
            stated.setdefault(element.id(), set()).add(space.id())
    pairs = {d: s for d, s in stated.items() if d in sides}
    # Some exporters name a third space that only touches the frame: then ours must be among them.
    fits = lambda d, s: sides[d] == s or (len(s) > 2 and sides[d] < s)
    same = sum(fits(d, s) for d, s in pairs.items())
    print(f"  door-space pairs of IfcRelSpaceBoundary: {same} of {len(pairs)} the same")
    for d, s in pairs.items():
        if not fits(d, s):
            names = lambda ids: sorted(str(model.by_id(i).Name) if i else "derived" for i in ids)
            print(f"    {doors[d].Name} {doors[d].GlobalId}: file {names(s)}, ours {names(sides[d])}")
    return same != len(pairs)


def main():
    failed = False
    for name in sys.argv[1:]:
        path = Path(name).resolve()
        model, plans = ifcopenshell.open(str(path)), our_side(path)
        print(f"{name}:")
        failed |= compare_spaces(model, plans)
        failed |= compare_doors(model, plans)
    sys.exit(failed)


if __name__ == "__main__":
    main()
