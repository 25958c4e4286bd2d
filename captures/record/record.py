#!/usr/bin/env python3
"""Records the captures of this folder with real software. Run as root, after setup.sh.

    record.py --list          names, situations and software
    record.py [NAME...]       record these (default: all), several at a time
    record.py --show NAME...  what tshark sees in the recorded files

Each scenario of scenarios.py is played on a stage of its own (stage.py: network namespaces),
with the programs of software.py and endpoints/. Every packet stays inside those namespaces.
What each file must yield stands in ../README.md.
"""

import argparse
import concurrent.futures
import contextlib
import gzip
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import answers
import pcapng
import scenarios
from stage import Stage, leave_no_trace

CAPTURES = pathlib.Path(__file__).resolve().parent.parent
SIZE_LIMIT = 200_000
FIELDS = (
    "frame.number", "frame.time_relative", "tcp.stream", "ip.src", "tcp.srcport", "tcp.dstport",
    "_ws.col.Info",
)


def record(scenario: scenarios.Scenario, certificate: tuple[str, str]) -> str:
    """Plays one scenario, puts its captures in place, and returns a line about them."""
    with Stage(certificate, scenario.roles) as stage:
        begin = time.monotonic()
        raw: list[pathlib.Path] = []

        if scenario.routed:
            stage.forward()
        where = "proxy" if scenario.direct else "backend"
        for program in scenario.backends:
            stage.start(where, program)
        for role, program in reversed(scenario.proxies()):
            stage.start(role, program)
        if scenario.before:
            scenario.before(stage, scenario)
        with contextlib.ExitStack() as captures:
            for role, (extension, argv, ready) in scenario.captures():
                raw.append(stage.dir / f"raw-{role}.{extension}")
                argv = [argument.replace("{file}", str(raw[-1])) for argument in argv]
                captures.enter_context(stage.capturing(argv, ready, role))
            scenario.play(stage, scenario)
            if not scenario.cut_short:
                stage.wait_for_silence(scenario.patience)

        _clear(scenario.name)
        targets = _put_in_place(scenario, raw)
    if os.environ.get("WSCAP_RECORD_LOG"):
        print("\n".join([f"===== {scenario.name}", *stage.log]), flush=True)
    size = max(target.stat().st_size for target in targets)
    if size > SIZE_LIMIT:
        raise RuntimeError(f"{size} bytes is too much for a committed capture")
    names = " ".join(str(target.relative_to(CAPTURES)) for target in targets)
    return f"{names}: {size} bytes in {time.monotonic() - begin:.0f} s"


def _put_in_place(scenario: scenarios.Scenario, raw: list[pathlib.Path]) -> list[pathlib.Path]:
    """What several hosts recorded is one file, unless the scenario wants one file a host."""
    if not scenario.apart and len(raw) > 1:
        merged = raw[0].with_name(f"raw{raw[0].suffix}")
        _run("mergecap", "-w", str(merged), *map(str, raw))
        raw = [merged]
    targets = []
    for number, file in enumerate(raw, 1):
        extension = file.suffix
        if extension == ".pcapng":
            file.write_bytes(pcapng.without_machine(file.read_bytes()))
            if scenario.sorted:
                _run("reordercap", str(file), f"{file}.sorted")
                file = file.with_name(f"{file.name}.sorted")
        part = f".{number}" if scenario.apart else ""
        target = CAPTURES / f"{scenario.name}{part}{extension}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)
        targets.append(target)
    return targets


def files_of(name: str) -> list[pathlib.Path]:
    """The recorded file of a scenario: its name with whatever extension it has."""
    path = CAPTURES / name
    return [file for file in path.parent.glob(f"{path.name}.*") if ".pcap" in file.name]


def _clear(name: str) -> None:
    for file in files_of(name):
        file.unlink()


def compress(copy: str, of: str) -> None:
    """`of` again, compressed as the extension of `copy` says."""
    [original] = files_of(of)
    target = CAPTURES / copy
    target.parent.mkdir(exist_ok=True)
    if target.suffix == ".gz":
        target.write_bytes(gzip.compress(original.read_bytes(), mtime=0))
    else:
        _run("zstd", "-q", "-f", str(original), "-o", str(target))


def show(name: str) -> None:
    """Packets with content, connections' ends, and answers, as tshark sees them."""
    for file in files_of(name):
        print(f"===== {file.relative_to(CAPTURES)} ({file.stat().st_size} bytes)")
        argv = ["tshark", "-n", "-r", str(file), "-T", "fields"]
        for field in FIELDS:
            argv += ["-e", field]
        print(_run(*argv))


def situations() -> dict[str, str]:
    """File to situation, from the first row that the README's table has for it."""
    found: dict[str, str] = {}
    readme = CAPTURES / "README.md"
    for line in readme.read_text().splitlines() if readme.exists() else []:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 11 and "/" in cells[0]:
            found.setdefault(re.sub(r"(\.\d+)?\.pcap.*", "", cells[0].strip("`")), cells[9])
    return found


def made_with(scenario: scenarios.Scenario) -> str:
    """The software of a scenario from the outside in: client, proxies, backends."""
    proxies = [program for _, program in scenario.proxies()]
    programs = [scenario.client, *proxies, *scenario.backends]
    return ", ".join(dict.fromkeys(program.label for program in programs if program))


def make_certificate(directory: str) -> tuple[str, str]:
    pair = (f"{directory}/cert.pem", f"{directory}/key.pem")
    _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=chat.example", "-out", pair[0], "-keyout", pair[1])
    return pair


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise RuntimeError(f"{argv[0]}: {done.stderr.strip()}")
    return done.stdout


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--show", action="store_true")
    arguments.add_argument("--jobs", type=int, default=6)
    chosen = arguments.parse_args()

    table = {scenario.name: scenario for scenario in scenarios.SCENARIOS + answers.ANSWERS}
    if unknown := set(chosen.names) - set(table):
        arguments.error(f"no such scenario: {', '.join(sorted(unknown))}")
    names = chosen.names or list(table)
    if chosen.list:
        told = situations()
        for name in names:
            situation = told.get(name, "(not in README.md)")
            print(f"{name}\n    {situation}\n    {made_with(table[name])}")
        return 0
    if chosen.show:
        for name in names:
            show(name)
        return 0

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = 0
    # The long ones first, so that the others are done beside them.
    order = sorted((table[name] for name in names), key=lambda s: -s.patience)
    with (
        tempfile.TemporaryDirectory() as keys,
        concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool,
    ):
        certificate = make_certificate(keys)
        runs = {pool.submit(record, scenario, certificate): scenario for scenario in order}
        try:
            for run in concurrent.futures.as_completed(runs):
                try:
                    print(run.result(), flush=True)
                except Exception as error:  # one failed recording must not end the others
                    failed += 1
                    print(f"{runs[run].name}: FAILED: {error}", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print("stopping once the running recordings have cleaned up", file=sys.stderr)
            pool.shutdown(cancel_futures=True)
            leave_no_trace()
            return 130
    leave_no_trace()
    for copy, of in scenarios.COMPRESSED.items():
        if of in names:
            compress(copy, of)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
