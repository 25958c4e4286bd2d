"""Holds what wscap (or the floor) says of a generated capture against the truth about it.

Attempts of one leg have one right verdict, but for two kinds: a 101 that lacks a field, and a 426, are `rejected` by what
the leg shows, and `stripped` where a hop behind it can be inferred. Attempts of two legs have one right verdict. Of
WebSockets whose 101 the client must refuse, and of those that began before the capture, nothing need be said: closings
and frames of them may be there or not.
"""
import collections
import json

OPCODES = {"continuation": "cont", "text": "text", "binary": "bin", "close": "close", "ping": "ping", "pong": "pong"}
KINDS = ("normal", "application", "fault", "abnormal", "illegal", "unused", "open")
LOSSES = ("gaps", "evictions", "shed_events")


class Said:
    """What the lines say."""

    def __init__(self, lines):
        self.answers, self.two_legged, self.closings, self.frames = (collections.Counter() for _ in range(4))
        self.mismatches = self.asked = 0
        self.summary = {}
        for line in lines:
            item = json.loads(line)
            if item["type"] == "attempt" and item["protocol"] == "websocket":
                self.attempt(item)
            elif item["type"] == "closing":
                self.closings[item["kind"]] += 1
                for leg in item["legs"]:
                    for side in leg["frames"].values():
                        self.frames.update({op: side[name] for name, op in OPCODES.items()})
            elif item["type"] == "summary":
                self.summary = item

    def attempt(self, item):
        answer = item["verdict"], item["status"]
        roles = [leg["role"] for leg in item["legs"]]
        self.answers[answer] += 1
        self.two_legged[answer] += roles.count("path") > 1
        self.asked += "auth" in roles
        self.mismatches += item["finding"] == "accept_mismatch"


def of_wscap(truth, lines):
    """Rows (what, least, most, said); a row is right where said is among them."""
    said, rows = Said(lines), []
    answered, two, pending, joined = (truth[key] for key in ("handshakes", "two_legged", "pending", "joined"))
    mid_stream = truth["ws_midstream"]
    short_101 = answered["no_upgrade_header"] + answered["no_connection_header"]
    two_426 = two["stripped"] - answered["status_400"]
    cut = joined - sum(two.values())

    def row(what, count, least, most=None):
        rows.append((what, least, least if most is None else most, count))

    def answers(least, most, *named):
        row("attempts " + " or ".join(f"{verdict} {status}" for verdict, status in named),
            sum(said.answers.pop(name, 0) for name in named), least, most)

    everything = sum(said.answers.values())
    verdicts, statuses = collections.Counter(), collections.Counter()
    for (verdict, status), count in said.answers.items():
        verdicts[verdict] += count
        statuses[str(status)] += count
    row("attempts", everything, sum(answered.values()) + pending, sum(answered.values()) + pending + mid_stream)
    for least, *named in (
        (answered["good"] - two["downgraded"], ("ok", 101)),
        (two["downgraded"], ("downgraded", 101)),
        (answered["wrong_accept"] + short_101, ("rejected", 101), ("stripped", 101)),
        (answered["status_400"], ("stripped", 400)),
        (answered["status_403"], ("rejected", 403)),
        (answered["status_426"], ("stripped", 426), ("rejected", 426)),
        (answered["status_502"], ("rejected", 502)),
        (answered["stripped_200"], ("stripped", 200)),
        (answered["no_answer"], ("abandoned", None)),
    ):
        answers(least, least, *named)
    answers(pending, pending + mid_stream, ("unknown", None))
    row(f"any other attempt {dict(said.answers) or ''}", sum(said.answers.values()), 0)
    row("accept_mismatch", said.mismatches, answered["wrong_accept"])

    row("attempts of two legs", sum(said.two_legged.values()), joined)
    for count, answer in ((two["good"] + two["auth"], ("ok", 101)), (two["downgraded"], ("downgraded", 101)),
                          (answered["status_400"], ("stripped", 400)), (two_426, ("stripped", 426)),
                          (two["refused"], ("rejected", 403)), (two["closed"], ("rejected", 502)),
                          (cut, ("unknown", None))):
        row(f"of two legs, {answer[0]} {answer[1]}", said.two_legged[answer], count)
    row("attempts with a sub-request", said.asked, two["auth"], two["auth"] + pending)

    ends = truth["closings"]
    for kind in KINDS:
        sure, maybe = ends["good"].get(kind, 0), ends["bad_101"].get(kind, 0) + ends["midstream"].get(kind, 0)
        # The backend's 101 may be there when the file ends before the client's.
        row(f"closings {kind}", said.closings[kind], sure, sure + maybe + cut * (kind == "open"))
    for op, sure in truth["frames_good"].items():
        row(f"frames {op}", said.frames[op], sure, sure + truth["frames_bad_101"][op] + truth["frames_midstream"][op])

    row("summary lines", int(bool(said.summary)), 1)
    if said.summary:
        health = said.summary["health"]
        row("packets", health["packets"], truth["packets"])
        row("plain HTTP", said.summary["plain_http"], truth["http_requests"])
        for loss in LOSSES:
            row(loss, health[loss], 0)
        statuses.pop("None", None)
        for table, counted in (("attempts", verdicts), ("statuses", statuses), ("closings", said.closings)):
            summed = {name: count for name, count in said.summary[table].items() if count}
            row(f"{table} of the summary {summed if summed != counted else ''}", int(summed == +counted), 1)
    return rows


def of_floor(truth, counts):
    """The same for the floor, which knows no handshake."""
    want = {"packets": truth["packets"], "flows": sum(truth["flows"].values()), "up101": truth["legs_101"], "gaps": 0}
    rows = [(what, count, count, counts[what]) for what, count in want.items()]
    for op, good in truth["frames_good"].items():
        count = good + truth["frames_bad_101"][op]
        rows.append((f"frames {op}", count, count, counts["frames"][op]))
    return rows


def wrong(rows):
    """The rows that are not right, in words."""
    return [f"{what}: {said}, and it is {least}" + (f" to {most}" if most > least else "")
            for what, least, most, said in rows if not least <= said <= most]
