"""Counts of elements with geometry: IfcOpenShell against our importer, file by file.

Development only; nothing here is part of a build. See README.md.
"""

import collections
import subprocess
import sys
from pathlib import Path

import ifcopenshell
import ifcopenshell.geom

ROOT = Path(__file__).resolve().parents[3]


def ifcopenshell_side(path):
    """Class by GlobalId of every product that gets triangles."""
    model = ifcopenshell.open(str(path))
    settings = ifcopenshell.geom.settings()
    found = {}
    iterator = ifcopenshell.geom.iterator(settings, model, 1)
    if iterator.initialize():
        while True:
            shape = iterator.get()
            if len(shape.geometry.faces) > 0:
                product = model.by_id(shape.id)
                found[product.GlobalId] = product.is_a()
            if not iterator.next():
                break
    return found


def our_side(path):
    command = ["cargo", "run", "--release", "-q", "-p", "ifc_import", "--example", "elements", "--", str(path)]
    text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return dict(line.split("\t", 1) for line in text.splitlines())


def main():
    failed = False
    for name in sys.argv[1:]:
        theirs, ours = ifcopenshell_side(name), our_side(Path(name).resolve())
        print(f"{name}: IfcOpenShell {len(theirs)}, ours {len(ours)}")
        classes = collections.Counter(theirs.values()), collections.Counter(ours.values())
        for kind in sorted(set(classes[0]) | set(classes[1])):
            print(f"  {kind:32} {classes[0][kind]:6} {classes[1][kind]:6}")
        for title, only in (("only IfcOpenShell", theirs.keys() - ours.keys()), ("only ours", ours.keys() - theirs.keys())):
            if only:
                failed = True
                print(f"  {title}: {', '.join(sorted(only)[:20])}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
