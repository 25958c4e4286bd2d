"""The stage a scenario is played on: a row of network namespaces, the processes in them, captures.

    client 10.1.0.2 ── 10.1.0.1 proxy 10.2.0.1 ── 10.2.0.2 backend

or, for a chain of three proxies,

    client 10.1.0.2 ── 10.1.0.1 proxy 10.2.0.1 ── 10.2.0.2 second 10.3.0.1 ── 10.3.0.2 third 10.4.0.1
                                                                       ── 10.4.0.2 backend

Every stage has namespaces of its own, so any number of them can stand side by side with the same
addresses. Nothing leaves them: they hold no route to anywhere else.
"""

import contextlib
import dataclasses
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PREFIX = "wscap-rec-"
ETC = pathlib.Path("/etc/netns")  # what `ip netns exec NAME` lays over /etc, by name
ONE_PROXY = ("client", "proxy", "backend")
CHAIN = ("client", "proxy", "second", "third", "backend")
PROXY_IN, BACKEND = "10.1.0.1", "10.2.0.2"
SECOND, THIRD, CHAIN_BACKEND = "10.2.0.2", "10.3.0.2", "10.4.0.2"
HOSTS = f"""\
127.0.0.1 localhost
{PROXY_IN} chat.example
{BACKEND} backend.example
"""

_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Program:
    """What to run: a command line, the ports it must listen on before it counts as started, and
    files it needs, by name. In both, `{dir}` stands for the folder that holds the files, `{cert}`
    and `{key}` for the certificate of chat.example. `label` names the software and its version."""

    argv: list[str]
    ports: tuple[int, ...] = ()
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    label: str = ""


class Stage:
    """Use as a context manager: leaving it ends every process and removes every namespace."""

    def __init__(self, certificate: tuple[str, str], roles: tuple[str, ...] = ONE_PROXY):
        self.certificate = certificate
        number = f"{os.getpid()}-{next(_numbers)}"
        self.namespaces = {role: f"{PREFIX}{number}-{role}" for role in roles}
        self.processes: list[subprocess.Popen] = []
        self.log: list[str] = []

    # ---- network ------------------------------------------------------------------------------

    def __enter__(self) -> "Stage":
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX))
        self.dir.chmod(0o755)
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _build(self) -> None:
        for name in self.namespaces.values():
            names = ETC / name
            names.mkdir(parents=True)
            (names / "hosts").write_text(HOSTS)
            _ip("netns", "add", name)
            _ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
            _ip("-n", name, "link", "set", "lo", "up")
        roles = list(self.namespaces)
        self._cable("proxy", "client", 1)
        for number, (near, far) in enumerate(itertools.pairwise(roles[1:]), 2):
            self._cable(near, far, number)

    def _cable(self, near: str, far: str, number: int) -> None:
        """One veth pair, neighbours fixed so that no ARP is needed; `far` is farther from the proxy
        next to the client."""
        near_if, far_if = f"to-{far}", f"to-{near}"
        near_ip, far_ip = f"10.{number}.0.1", f"10.{number}.0.2"
        near, far = self.namespaces[near], self.namespaces[far]
        _ip("-n", near, "link", "add", near_if, "type", "veth",
            "peer", "name", far_if, "netns", far)
        mac = {}
        for name, interface, address in ((near, near_if, near_ip), (far, far_if, far_ip)):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", interface)
            _ip("-n", name, "link", "set", interface, "up")
            mac[name] = _ip("netns", "exec", name, "cat", f"/sys/class/net/{interface}/address")
        _ip("-n", near, "neigh", "replace", far_ip, "lladdr", mac[far].strip(),
            "dev", near_if, "nud", "permanent")
        _ip("-n", far, "neigh", "replace", near_ip, "lladdr", mac[near].strip(),
            "dev", far_if, "nud", "permanent")
        _ip("-n", far, "route", "add", "default", "via", near_ip)

    def forward(self) -> None:
        """Turns the proxy into a plain router."""
        self.command("proxy", ["sysctl", "-qw", "net.ipv4.ip_forward=1"])

    def add_address(self, role: str, interface: str, address: str) -> None:
        """One more address of the same network, known to the proxy."""
        there, proxy = self.namespaces[role], self.namespaces["proxy"]
        _ip("-n", there, "addr", "add", f"{address}/24", "dev", interface)
        mac = _ip("netns", "exec", there, "cat", f"/sys/class/net/{interface}/address")
        _ip("-n", proxy, "neigh", "replace", address, "lladdr", mac.strip(),
            "dev", f"to-{role}", "nud", "permanent")

    def unplug(self, role: str) -> None:
        """Client or backend is gone without a word: nothing it is sent is answered any more."""
        _ip("-n", self.namespaces[role], "addr", "flush", "dev", "to-proxy")

    def __exit__(self, *_error) -> None:
        for process in reversed(self.processes):
            _end(process, signal.SIGKILL)
        for name in self.namespaces.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
            shutil.rmtree(ETC / name, ignore_errors=True)
        for log in sorted(self.dir.glob("*.log")):
            self.log.append(f"--- {log.stem}\n{log.read_text(errors='replace')}")
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- processes ----------------------------------------------------------------------------

    def start(self, role: str, program: Program) -> subprocess.Popen:
        """Starts a program and returns once it listens."""
        place = self.dir / f"{len(self.processes)}-{role}"
        place.mkdir()
        place.chmod(0o777)
        words = {"{dir}": str(place), "{cert}": self.certificate[0], "{key}": self.certificate[1]}

        def fill(text: str) -> str:
            for word, value in words.items():
                text = text.replace(word, value)
            return text

        for name, text in program.files.items():
            (place / name).write_text(fill(text))
        with open(self.dir / f"{place.name}.log", "w") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespaces[role], *map(fill, program.argv)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        self.processes.append(process)
        for port in program.ports:
            self._wait_for_listener(role, port, process)
        return process

    def command(self, role: str, argv: list[str]) -> str:
        """Runs a short command to its end and returns what it printed."""
        return _ip("netns", "exec", self.namespaces[role], *argv)

    def _wait_for_listener(self, role: str, port: int, process: subprocess.Popen) -> None:
        def listens() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args[4:]} ended before it listened on {port}")
            return bool(self.command(role, ["ss", "-Hltn", f"sport = :{port}"]))

        if not _until(listens, 15):
            raise RuntimeError(f"{process.args[4:]} does not listen on {port}")

    def wait_for_silence(self, seconds: float) -> None:
        """Waits until no connection is left in any namespace, `seconds` at most."""
        def silent() -> bool:
            left = [
                self.command(role, ["ss", "-Htn", "state", "connected", "exclude", "time-wait"])
                for role in self.namespaces
            ]
            return not any(left)

        _until(silent, seconds)

    # ---- capture ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def capturing(self, argv: list[str], ready: str, role: str = "proxy"):
        """Runs a capture program in a namespace around the body; it has begun once it prints
        `ready`, and it ends only after its buffers have had time to drain."""
        log = self.dir / f"capture-{role}.log"
        with open(log, "w") as out:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespaces[role], *argv],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )
        self.processes.append(process)
        if not _until(lambda: ready in log.read_text() or process.poll() is not None, 15) \
                or process.poll() is not None:
            raise RuntimeError(f"no capture: {log.read_text()}")
        time.sleep(0.2)
        yield
        time.sleep(1.5)  # tcpdump hears of what it captured up to a second later
        _end(process, signal.SIGINT)


def leave_no_trace() -> None:
    """After the last stage: removes the folder that held their names, if nobody else uses it."""
    with contextlib.suppress(OSError):
        ETC.rmdir()


def _ip(*argv: str) -> str:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def _until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _end(process: subprocess.Popen, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
