"""compare.py PROGRAM COLLECTOR - the same configuration and the same inputs through ours and the real Collector.

Prints every difference with its case, path, ours and theirs, then the numbers. Fails on a difference that
differences.py does not list, on a row there that is seen no more, and when docs/collector.md lists other rows.
"""

import json
import re
import shutil
import sys
import tempfile
import urllib.request
from concurrent import futures
from pathlib import Path

import cases
import collectors
import differences
import outputs
from meaning import differences as differing
from meaning import meaning

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "collector.md"
INPUTS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "inputs").glob("*.json"))}


class Tally:
    def __init__(self):
        self.cases = self.equal = self.chosen = self.failed = 0

    def case(self, case, found):
        """found: (path, ours, theirs) of each difference."""
        self.cases += 1
        failures = 0
        for path, ours, theirs in found:
            rows = [row for row in differences.ROWS if row.covers(case.name, path)]
            for row in rows:
                row.seen += 1
            if not rows:
                failures += 1
                if failures <= 8:
                    print(f"  {case.place}: {case.name}\n    at     {path}\n    ours   {brief(ours)}\n    theirs {brief(theirs)}")
        self.failed += failures > 0
        self.chosen += bool(found) and not failures
        self.equal += not found


def brief(anything):
    text = json.dumps(anything, ensure_ascii=False) if not isinstance(anything, str) else anything
    return "(nothing)" if anything is None else text if len(text) <= 400 else text[:400] + " ..."


def pair(programs, work, config, drive):
    """Runs both on config(ports...) in turn; drive(collector) while it runs, then result(directory)."""
    out = {}
    for side, program in programs.items():
        directory = work / side
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        text, ports = config(side, directory)
        with collectors.Collector(side, program, text, directory) as running:
            running.wait_for(ports)
            out[side] = drive(running, ports)
    return out


# ---- processors: one program with a receiver per input and a pipeline per case and signal -----------------


def receivers(names, ports):
    return "receivers:\n" + "".join(
        f"  otlp/{name}: {{ protocols: {{ http: {{ endpoint: 127.0.0.1:{port} }} }} }}\n" for name, port in zip(names, ports)
    )


SERVICE = "service:\n  telemetry: { metrics: { level: none }, logs: { level: info } }\n  pipelines:\n"


def pipelines_config(group, names, directory):
    ports = collectors.free_ports(len(names))
    processors, exporters, pipelines = "", "", ""
    for number, case in enumerate(group):
        text, ids = case.renamed(f"c{number}")
        processors += text + "\n"
        for signal, inputs in case.signals().items():
            exporters += f"  file/c{number}_{signal}: {{ path: {directory}/c{number}_{signal}.jsonl }}\n"
            sources = ", ".join("otlp/" + name for name in inputs)
            pipelines += f"    {signal}/c{number}: {{ receivers: [{sources}], processors: [{', '.join(ids)}], exporters: [file/c{number}_{signal}] }}\n"
    text = receivers(names, ports) + ("processors:\n" + processors if processors.strip() else "") + "exporters:\n" + exporters
    return text + SERVICE + pipelines, ports


def send_all(running, names, ports):
    """What each request is answered with."""
    answers = []
    for name, port in zip(names, ports):
        for request in INPUTS[name]:
            status, text = collectors.post(port, name, json.dumps(request).encode())
            answers.append(status or text.decode())
    return answers


def startable(programs, work, tally, group):
    """Those cases that both take, each alone; asked only when one of the programs does not take them together."""
    taken = []
    for case in group:
        text, _ = pipelines_config([case], case.inputs, work)
        said = {side: collectors.accepts(program, text, work / "alone.yaml") for side, program in programs.items()}
        refusals = [("configuration", said["ours"][1] or "accepted", said["theirs"][1] or "accepted")]
        if all(accepted for accepted, _ in said.values()):
            taken.append(case)
        else:
            tally.case(case, refusals)
    return taken


def compare_pipelines(programs, work, tally, everything):
    for case in everything:
        if case.alone:
            run_pipelines(programs, work, tally, [case])
    group = [case for case in everything if not case.alone]
    try:
        run_pipelines(programs, work, tally, group)
    except collectors.Ended as ended:
        print(ended)
        run_pipelines(programs, work, tally, startable(programs, work, tally, group))


def run_pipelines(programs, work, tally, group):
    names = sorted({name for case in group for name in case.inputs})

    def config(_, directory):
        return pipelines_config(group, names, directory)

    answers = pair(programs, work, config, lambda running, ports: send_all(running, names, ports))
    answered = list(differing(answers["ours"], answers["theirs"], "answers"))
    if answered and len(group) > 1:
        raise RuntimeError(f"{answered[0]}: find the case, and let it run alone:\n{(work / 'theirs/output').read_text()[-2000:]}")
    for number, case in enumerate(group):
        found = answered[:]
        for signal in case.signals():
            ours, theirs = (meaning(collectors.lines_of(work / side / f"c{number}_{signal}.jsonl")) for side in ("ours", "theirs"))
            found += [(signal + path, *values) for path, *values in differing(ours, theirs)]
            if not theirs and not ours:
                found.append((signal, "nothing came out", "nothing came out"))
        tally.case(case, found)


# ---- receivers: every way in, and what is answered --------------------------------------------------------


WAYS = ["JSON", "JSON, gzip", "protobuf", "protobuf, gzip", "gRPC", "gRPC, gzip"]
STRANGE = {  # name: (method, path, headers, body)
    "no spans": ("POST", "/v1/traces", {"Content-Type": "application/json"}, b"{}"),
    "no bytes, protobuf": ("POST", "/v1/logs", {"Content-Type": "application/x-protobuf"}, b""),
    "no bytes, JSON": ("POST", "/v1/logs", {"Content-Type": "application/json"}, b""),
    "a charset": ("POST", "/v1/metrics", {"Content-Type": "application/json; charset=utf-8"}, b"{}"),
    "unknown fields": ("POST", "/v1/traces", {"Content-Type": "application/json"}, b'{"strange": [1, {"a": null}]}'),
    "no JSON": ("POST", "/v1/traces", {"Content-Type": "application/json"}, b"{"),
    "no protobuf": ("POST", "/v1/traces", {"Content-Type": "application/x-protobuf"}, b"\xff\xff\xff"),
    "another type of content": ("POST", "/v1/traces", {"Content-Type": "text/plain"}, b"{}"),
    "no type of content": ("POST", "/v1/traces", {"Content-Type": ""}, b"{}"),
    "another method": ("GET", "/v1/traces", {}, None),
    "another path": ("POST", "/v1/nothing", {"Content-Type": "application/json"}, b"{}"),
    "another encoding": ("POST", "/v1/traces", {"Content-Type": "application/json", "Content-Encoding": "br"}, b"{}"),
    "no gzip": ("POST", "/v1/traces", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}"),
    "an id too short": ("POST", "/v1/traces", {"Content-Type": "application/json"},
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102","spanId":"03"}]}]}]}'),
    "an id that is no number": ("POST", "/v1/traces", {"Content-Type": "application/json"},
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}'),
    "text for a list": ("POST", "/v1/traces", {"Content-Type": "application/json"}, b'{"resourceSpans":"x"}'),
}  # fmt: skip


def ways_config(directory):
    ports = collectors.free_ports(2 * len(WAYS))
    text, pipelines = "receivers:\n", ""
    for i in range(len(WAYS)):
        text += f"  otlp/{i}: {{ protocols: {{ http: {{ endpoint: 127.0.0.1:{ports[2 * i]} }}, grpc: {{ endpoint: 127.0.0.1:{ports[2 * i + 1]} }} }} }}\n"
    text += "exporters:\n"
    for i in range(len(WAYS)):
        for signal in collectors.PATHS:
            text += f"  file/{i}_{signal}: {{ path: {directory}/{i}_{signal}.jsonl }}\n"
            pipelines += f"    {signal}/{i}: {{ receivers: [otlp/{i}], exporters: [file/{i}_{signal}] }}\n"
    return text + SERVICE + pipelines, ports


def drive_ways(_, ports):
    answers = []
    for i, way in enumerate(WAYS):
        http, rpc = ports[2 * i], ports[2 * i + 1]
        for signal in collectors.PATHS:
            for request in INPUTS[signal] + INPUTS[signal + "_many"]:
                gzipped = "gzip" in way
                if "gRPC" in way:
                    compression = outputs.grpc.Compression.Gzip if gzipped else outputs.grpc.Compression.NoCompression
                    answers.append(outputs.call(rpc, signal, outputs.packed(signal, request), compression))
                elif "JSON" in way:
                    answers.append(collectors.post(http, signal, json.dumps(request).encode(), packed=gzipped))
                else:
                    answers.append(collectors.post(http, signal, outputs.packed(signal, request), "application/x-protobuf", gzipped))
    strange = {}
    for name, (method, path, headers, body) in STRANGE.items():
        request = urllib.request.Request(f"http://127.0.0.1:{ports[0]}{path}", method=method, headers=headers, data=body)
        status, headers, _ = collectors.answer(request)
        strange[name] = {"status": status, "type": headers.get("Content-Type", "").split(";")[0]}
    return [repr(answer) for answer in answers], strange


def compare_ways(programs, work, tally):
    out = pair(programs, work, lambda _, directory: ways_config(directory), drive_ways)
    for i, way in enumerate(WAYS):
        count = len(out["ours"][0]) // len(WAYS)
        part = slice(i * count, (i + 1) * count)
        found = list(differing(out["ours"][0][part], out["theirs"][0][part], "answers"))
        for signal in collectors.PATHS:
            ours, theirs = (meaning(collectors.lines_of(work / side / f"{i}_{signal}.jsonl")) for side in ("ours", "theirs"))
            found += [(signal + path, *values) for path, *values in differing(ours, theirs)]
        tally.case(cases.Case(f"received: {way}", "compare.py"), found)
    for name in STRANGE:
        tally.case(cases.Case(f"answered: {name}", "compare.py"), list(differing(out["ours"][1][name], out["theirs"][1][name], "answer")))


# ---- exporters: what they send, show and serve ------------------------------------------------------------


def exporter_config(case, sink, more_ports, side, directory):
    names = case.inputs
    ports = collectors.free_ports(len(names) + more_ports)
    text, ids = case.renamed("c")
    if side == "theirs": # which has dropped the old name
        text, ids = text.replace("logging/", "debug/"), [name.replace("logging/", "debug/") for name in ids]
    places = {"HTTP": f"http://127.0.0.1:{sink.http}", "GRPC": f"127.0.0.1:{sink.grpc}", "PORT": str(ports[-1]), "DIR": str(directory)}
    for word, place in places.items():
        text = text.replace("{" + word + "}", place)
    pipelines = ""
    for signal, inputs in case.signals().items():
        sources = ", ".join("otlp/" + name for name in inputs)
        pipelines += f"    {signal}: {{ receivers: [{sources}], exporters: [{', '.join(ids)}] }}\n"
    return receivers(names, ports) + "exporters:\n" + text + "\n" + SERVICE + pipelines, ports


def compared(out, what):
    """The differences; that nothing came out on either side is one."""
    if not out["ours"] and not out["theirs"]:
        return [(what, "nothing came out", "nothing came out")]
    return list(differing(out["ours"], out["theirs"], what))


def sent(programs, work, case):
    """What the otlp exporters sent to a server of ours."""
    out = {}
    for side, program in programs.items():
        sink = outputs.Sink()
        try:
            pair(
                {side: program}, work,
                lambda side, directory: exporter_config(case, sink, 0, side, directory),
                lambda running, ports: send_all(running, case.inputs, ports),
            )  # fmt: skip
        finally:
            sink.close()
        # Several are sent at once: the order of requests says nothing.
        out[side] = sorted(sink.got, key=lambda request: json.dumps(request, sort_keys=True))
    return compared(out, "requests")


class NoSink:
    http = grpc = 0


def shown(programs, work, case):
    """What the debug exporter wrote, line by line, without what a logger puts in front."""
    out = {}
    pair(
        programs, work,
        lambda side, directory: exporter_config(case, NoSink, 0, side, directory),
        lambda running, ports: send_all(running, case.inputs, ports),
    )  # fmt: skip
    for side in programs:
        text = (work / side / "output").read_text(encoding="utf-8")
        out[side] = [line for line in map(outputs.logged, text.splitlines()) if line is not None]
    return compared(out, "lines")


def served(programs, work, case):
    """The pages of the prometheus exporter."""

    def drive(running, ports):
        send_all(running, case.inputs, ports)
        accepts = ["text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"]
        return {accept.split(";")[0]: outputs.page(ports[-1], accept) for accept in accepts}

    out = pair(programs, work, lambda side, directory: exporter_config(case, NoSink, 1, side, directory), drive)
    return compared(out, "page")


def compare_exporters(programs, work, tally):
    for pattern, compare in (("sent.case", sent), ("shown.case", shown), ("served.case", served)):
        for case in cases.read_all(pattern):
            try:
                tally.case(case, compare(programs, work, case))
            except collectors.Ended as ended:
                tally.case(case, [("configuration", str(ended), "see ours")])


# ---- configurations: accepted by both, or refused by both --------------------------------------------------


def compare_configurations(programs, work, tally):
    group = cases.read_all("configurations.case")

    def verdicts(number):
        text = "\n".join(line[2:] for line in group[number].lines) + "\n"
        return [collectors.accepts(program, text, work / f"{number}.yaml") for program in programs.values()]

    with futures.ThreadPoolExecutor(2) as pool: # they only wait
        answers = list(pool.map(verdicts, range(len(group))))
    for case, ((ours, said), (theirs, told)) in zip(group, answers):
        tally.case(case, [] if ours == theirs else [("configuration", said or "accepted", told or "accepted")])


# ---- the page ----------------------------------------------------------------------------------------------


def page_problems():
    """docs/collector.md has a row of a table for each of ours, and no other; and none of ours is stale."""
    rows = re.findall(r"^\| ([^|]+?) \|", PAGE.read_text(encoding="utf-8"), re.M)
    listed = [row for row in rows if row != "where"]
    known = [row.said for row in differences.ROWS]
    yield from (f"docs/collector.md lacks the row {said!r} of differences.py" for said in known if said not in listed)
    yield from (f"docs/collector.md has a row {said!r} that differences.py does not know" for said in listed if said not in known)
    yield from (f"the row {row.said!r} covers no difference any more" for row in differences.ROWS if not row.seen)


def main():
    programs = {"ours": Path(sys.argv[1]).resolve(), "theirs": Path(sys.argv[2]).resolve()}
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        compare_pipelines(programs, work, tally, cases.read_all("pipelines_*.case"))
        compare_ways(programs, work, tally)
        compare_exporters(programs, work, tally)
        compare_configurations(programs, work, tally)
    problems = list(page_problems())
    for problem in problems:
        print("  " + problem)
    print(
        f"  {tally.cases} cases: {tally.equal} equal, {tally.chosen} with chosen differences only "
        f"({len(differences.ROWS)} rows in docs/collector.md), {tally.failed} failures"
    )
    sys.exit(1 if tally.failed or problems else 0)


main()
