#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fleet/schema.json takes every manifest, and refuses what relfence-lab-fleet refuses.

Usage: schema.py FLEET-DIRECTORY RELFENCE-LAB-FLEET
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"{error.name} is not installed (scripts/install-packages --test installs it)")
    sys.exit(77)

fleet, program = pathlib.Path(sys.argv[1]), sys.argv[2]
schema = json.loads((fleet / "schema.json").read_text())
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
manifests = [path for path in sorted(fleet.glob("*.yaml")) if path.name != "units.yaml"]
assert manifests, "no manifest"
for path in manifests:
    found = list(validator.iter_errors(yaml.safe_load(path.read_text())))
    assert not found, f"{path.name}: {found[0].message}"

good = yaml.safe_load((fleet / "ohm.yaml").read_text())
changes = {
    "a format": lambda m: m.update(format=2),
    "an unknown key": lambda m: m.update(extra=1),
    "no package": lambda m: m.pop("package"),
    "a scope that escapes": lambda m: m["includes"][0].update(scope="../x"),
    "a scope that escapes later": lambda m: m["includes"][0].update(scope="x/../../y"),
    "an absolute scope": lambda m: m["includes"][0].update(scope="/etc"),
    "a number that is none": lambda m: m["includes"][0].update(patches=["5"]),
    "no number": lambda m: m["includes"][0].update(patches=[]),
    "external without patches": lambda m: m["includes"][0].update(external="elsewhere"),
    "a branch as baseline": lambda m: m["baseline"].update(ref="linux-6.12.y"),
    "deferred without a way back": lambda m: m["eligibility"].update(state="deferred"),
    "a way back for an eligible host": lambda m: m["eligibility"].update(reopen="x"),
    "a value of Kconfig": lambda m: m["config"]["set"].update(CONFIG_KUNIT="maybe"),
    "a name of Kconfig": lambda m: m["config"]["set"].update({"A\nB": "y"}),
    "an install mode": lambda m: m["package"].update(install="over"),
    "a bar": lambda m: m["verification"][0].update(bar="perfect"),
    "an arch": lambda m: m["build_host"].update(arch="vax"),
}
with tempfile.TemporaryDirectory() as directory:
    project = pathlib.Path(directory)
    (project / "fleet").mkdir()
    for name in ("kernel", "fleet/units.yaml"):
        (project / name).symlink_to(fleet.resolve().parent / name)

    def loads(manifest):
        (project / "fleet" / "ohm.yaml").write_text(yaml.safe_dump(manifest))
        return subprocess.run([program, "--project", directory, "plan", "ohm"], capture_output=True, text=True)

    assert loads(good).returncode == 0, loads(good).stderr
    for name, change in changes.items():
        bad = copy.deepcopy(good)
        change(bad)
        assert list(validator.iter_errors(bad)), f"the schema takes {name}"
        run = loads(bad)
        assert run.returncode == 2, f"the loader takes {name}"
        assert run.stderr.count("\n") == 1 and "fleet/ohm.yaml:" in run.stderr, run.stderr
print(f"{len(manifests)} manifests, {len(changes)} that are refused by both")
