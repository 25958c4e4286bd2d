"""What the scripts in benches/ share: builds, captures with their truth, and runs that are measured."""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def options(doc, **more):
    """The options that all scripts have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
    parser.add_argument("scratch", nargs="?", help="folder for captures, which are kept there (default: a temporary one)")
    parser.add_argument("--wscap", metavar="PATH", help="measure this one (default: what the working tree builds)")
    return parser


def needs(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        sys.exit(f"{os.path.basename(sys.argv[0])} needs {', '.join(missing)}")


@contextlib.contextmanager
def folder(given):
    """The scratch folder, gone afterwards unless it was given."""
    if given:
        os.makedirs(given, exist_ok=True)
        yield os.path.abspath(given)
    else:
        with tempfile.TemporaryDirectory(prefix="wscap-benches-") as made:
            yield made


def build(o):
    """Paths of wscap, and of the generator, which is built anew only when it changed: it would build all of wscap again."""
    peers, parts = f"{ROOT}/target/release/peers", f"{ROOT}/benches/peers"
    changed = max(os.path.getmtime(f"{where}/{name}") for where, _, names in os.walk(parts) for name in names
                  if name.endswith(".rs"))
    if not os.path.exists(peers) or os.path.getmtime(peers) < changed:
        shutil.copy(cargo("peers", "--bench", "peers"), peers)
    return os.path.abspath(o.wscap) if o.wscap else cargo("wscap"), peers


def cargo(name, *what):
    """Builds it, and says where it is."""
    command = ["cargo", "build", "--release", "--locked", *what, "--message-format=json-render-diagnostics"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    made = (json.loads(line) for line in said.splitlines())
    return next(item["executable"] for item in made if item.get("executable") and item["target"]["name"] == name)


def capture(peers, scratch, profile, size, concurrency=None):
    """A generated capture in the page cache, and its truth. One that is there already is taken, unless peers is newer."""
    name = f"{scratch}/{profile}-{int(size)}" + (f"-{concurrency}" if concurrency else "")
    pcap, truth = f"{name}.pcap", f"{name}.json"
    if not (os.path.exists(truth) and os.path.getmtime(truth) > os.path.getmtime(peers)):
        command = [peers, "generate", profile, str(int(size)), pcap, "1", *([str(concurrency)] if concurrency else [])]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        with open(truth, "w") as file:
            file.write(said)
    with open(pcap, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    with open(truth) as file:
        return pcap, json.load(file)


def cpu(command, out=subprocess.DEVNULL):
    """Seconds of CPU (user and system) and seconds by the clock."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, time.monotonic() - begin


def peak(command, out=subprocess.DEVNULL):
    """Peak resident MiB. A child begins with the memory of who started it, so time(1) does, which is small."""
    with tempfile.NamedTemporaryFile("r") as said:
        cpu([shutil.which("time"), "-f", "%M", "-o", said.name, *command], out)
        return int(said.read().split()[-1]) / 1024


def machine():
    """One line about where it ran."""
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return f"{models[0] if models else 'unknown CPU'}, {os.cpu_count()} cores, Linux {os.uname().release}"
