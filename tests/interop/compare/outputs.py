"""Exporters and receivers of both: what leaves them, and what they answer."""

import base64
import gzip
import json
import re
import threading
import urllib.request
import zlib
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import collectors
from meaning import meaning

MESSAGES = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest, "logs": ExportLogsServiceRequest}
SERVICES = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
HEX_IDS = {"traceId", "spanId", "parentSpanId"}


# ---- OTLP as protobuf ------------------------------------------------------------------------------------


def with_ids(anything, turn):
    """A copy of OTLP/JSON, ids turned: OTLP writes them in hexadecimal, protobuf's JSON in base64."""
    if isinstance(anything, list):
        return [with_ids(one, turn) for one in anything]
    if isinstance(anything, dict):
        return {key: turn(value) if key in HEX_IDS else with_ids(value, turn) for key, value in anything.items()}
    return anything


def to_base64(text):
    return base64.b64encode(bytes.fromhex(text)).decode()


def to_hex(text):
    return base64.b64decode(text).hex()


def message(signal, request):
    return json_format.ParseDict(with_ids(request, to_base64), MESSAGES[signal]())


def packed(signal, request):
    return message(signal, request).SerializeToString()


def unpacked(signal, body):
    found = json_format.MessageToDict(MESSAGES[signal].FromString(body), use_integers_for_enums=True)
    return meaning(with_ids(found, to_hex))


def call(port, signal, body, compression):
    """By gRPC: 200, or what went wrong."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary(SERVICES[signal])
        try:
            answer = export(body, timeout=30, compression=compression)
            return {"grpc": "OK", "body": answer.hex()}
        except grpc.RpcError as error:
            return {"grpc": error.code().name}


# ---- a server that writes down what it is sent -----------------------------------------------------------


class Sink:
    """OTLP over HTTP at `http`, over gRPC at `grpc`; `got` has what came, in order."""

    def __init__(self):
        self.got = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else b""
                sink.got.append(sink.http_request(self.path, self.headers, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.calls = grpc.server(futures.ThreadPoolExecutor(2))
        self.calls.add_generic_rpc_handlers((self.handler(),))
        self.grpc = self.calls.add_insecure_port("127.0.0.1:0")
        self.calls.start()

    def handler(self):
        sink = self

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                told = {key: value for key, value in details.invocation_metadata if key.startswith("x-")}
                signal = next((name for name, path in SERVICES.items() if path == details.method), None)

                def export(body, _):
                    sink.got.append({"method": details.method, "headers": told, "body": unpacked(signal, body)})
                    return b""

                return grpc.unary_unary_rpc_method_handler(export)

        return Handler()

    @staticmethod
    def http_request(path, headers, body):
        told = {key.lower(): value for key, value in headers.items()}
        told = {key: value for key, value in told.items() if key.startswith("x-") or key in ("content-type", "content-encoding")}
        encoding = told.get("content-encoding", "")
        if encoding == "gzip":
            body = gzip.decompress(body)
        elif encoding in ("deflate", "zlib"):
            body = zlib.decompress(body)
        signal = next((name for name in MESSAGES if name in path), "traces")
        found = meaning(json.loads(body)) if "json" in told.get("content-type", "") else unpacked(signal, body)
        return {"path": path, "headers": told, "body": found}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.calls.stop(None)


# ---- what the debug exporter logs ------------------------------------------------------------------------

LOGGED = re.compile(r"^\d{4}-\d\d-\d\dT\S+\tinfo\t(?:exporter (?:debug|logging)\S*\t)?(.*)$")
COUNTS = ("resource spans", "spans", "resource metrics", "metrics", "data points", "resource logs", "log records")


def logged(line):
    """A line of the exporter's, without what the two loggers put around it; None: it is another's."""
    found = LOGGED.match(line)
    if not found:
        others = line.startswith('\t{"resource"') or re.match(r"\S+\.yaml:\d+:\d+: warning: ", line)
        return None if others else line.rstrip()
    said, _, fields = found.group(1).partition("\t" if "\t" in found.group(1) else " {")
    if said in ("Traces", "Metrics", "Logs"):
        counts = json.loads(fields if fields.startswith("{") else "{" + fields)
        return said + " " + json.dumps({name: counts[name] for name in COUNTS if name in counts})
    return said.rstrip() if said.startswith("Resource") else None


# ---- a page of the prometheus exporter -------------------------------------------------------------------

SAMPLE = re.compile(r'^([^{\s]+|\{[^}]*\})(\{.*?\})?\s+(\S+)(?:\s+(\S+))?(?:\s+#\s+(.*))?$')
LABEL = re.compile(r'("?[^"=,{}]+"?)="((?:[^"\\]|\\.)*)"')


def page(port, accept):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    status, headers, body = collectors.answer(request)
    families = {}
    for line in body.decode().splitlines():
        words = line.split(" ", 3)
        if words[0] == "#" and words[1] in ("HELP", "TYPE", "UNIT"):
            if len(words) > 3 and words[3]: # an empty help helps no one
                families.setdefault(words[2], {})[words[1]] = words[3]
        elif line and line != "# EOF":
            found = SAMPLE.match(line) # an empty label is none
            if not found:
                families.setdefault("unreadable", []).append(line)
                continue
            name, labels, value, when, exemplar = found.groups()
            labels = ",".join(f'{key}="{text}"' for key, text in sorted(LABEL.findall(labels or "")) if text)
            families.setdefault("samples", {})[f"{name}{{{labels}}}"] = {
                "value": "NaN" if value == "NaN" else float(value), "when": float(when) if when else None, "exemplar": exemplar,
            }  # fmt: skip
    kind = headers.get("Content-Type", "").split(";")[0]
    return {"status": status, "type": kind, "families": families}
