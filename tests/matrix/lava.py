#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LAVA's own schema takes the jobs, and the board's shell hands every result to lava-test-case.

Usage: lava.py RELFENCE-LAB-MATRIX
"""
import copy
import pathlib
import subprocess
import sys
import tempfile

sys.path.append("/usr/lib/python3/dist-packages")  # where Debian has it, whatever python3 this is
try:
    import yaml
    from lava_common import schemas
except ImportError as error:
    print(f"{error.name} is not installed (scripts/install-packages --test installs it)")
    sys.exit(77)

KTAP = """KTAP version 1
1..2
    KTAP version 1
    # Subtest: /dev/video0 hantro-vpu VP8
    1..3
    # why
    ok 1 in-flight-fence
    not ok 2 poll
    ok 3 - imported-vgem # SKIP no vgem
not ok 1 /dev/video0 hantro-vpu VP8
ok 2 whole
"""
EXPECTED = """_dev_video0_hantro-vpu_VP8.in-flight-fence --result pass
_dev_video0_hantro-vpu_VP8.poll --result fail
_dev_video0_hantro-vpu_VP8.imported-vgem --result skip
_dev_video0_hantro-vpu_VP8 --result fail
whole --result pass
"""


def refused(job):
    try:
        schemas.validate(job)
    except Exception:  # whatever voluptuous or LAVA call it
        return True
    return False


with tempfile.TemporaryDirectory() as name:
    out = pathlib.Path(name)
    subprocess.run([sys.argv[1], "lava", "--artifacts", "https://example.org/relfence", "--out", out],
                   check=True, stdout=subprocess.DEVNULL)
    files = sorted(out.glob("*.yaml"))
    assert files, "no job"
    for file in files:
        job = yaml.safe_load(file.read_text())
        schemas.validate(job)
        for change in (lambda j: j.pop("timeouts"), lambda j: j["actions"][0]["deploy"].update(to="nowhere"),
                       lambda j: j["actions"][1]["boot"].pop("method"),
                       lambda j: j["actions"][2]["test"]["definitions"][0].pop("path")):
            broken = copy.deepcopy(job)
            change(broken)
            assert refused(broken), "the schema takes anything"

    steps = job["actions"][2]["test"]["definitions"][0]["repository"]["run"]["steps"]
    (out / "results.ktap").write_text(KTAP)
    script = 'lava-test-case() { echo "$@"; }\n' + steps[-1]
    # LAVA's test shell is the board's sh; a function with a - in its name needs bash.
    said = subprocess.run(["bash", "-c", script], cwd=out, check=True, capture_output=True, text=True).stdout
    assert said == EXPECTED, said
